/** One clip of the list. Changed in place, never rebuilt, so that nobody who plays, types or selects is disturbed. */

import { Conflict, isUnjoined } from "../shared/actions.js";
import { needed } from "../shared/api.js";
import { viewOf } from "../shared/clip-state.js";
import { differing, firstLines } from "../shared/format.js";
import { gone } from "../shared/library.js";
import { Places } from "../shared/preferences.js";
import { translate, words } from "../shared/words.js";
import { Bin } from "./bin-strip.js";
import { ConditionView, Gaps, write } from "../shared/condition.js";
import { copy } from "../shared/copy.js";
import { Editable, selects } from "../shared/editable.js";
import { LiveWords } from "../shared/live-words.js";
import { LanguagePicker } from "../clip/language-picker.js";
import { Note } from "../shared/problem-note.js";
import { part } from "../shared/element.js";
import { Player } from "../player/player.js";
import { styled } from "../shared/style-sheets.js";
import { Tags } from "../clip/tags.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

/** What a click in a row means by itself; a click on anything else of it opens the row. */
const OWN = "a, button, input, select, label, textarea, [contenteditable], [data-part=bar], [data-part=bin]";

const places = new Places();

export class ClipRow {
  #entry;
  /** Between what somebody has to choose. @type {import("../shared/types.js").Change|undefined} */
  #conflict;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;
  /** Comes when the row is first opened or played. @type {import("../clip/whole-clip.js").WholeClip|null} */
  #whole = null;
  open = false;
  /** Which sound it has: another one is loaded anew. */
  #sound = "";

  /**
   * @param {Entry} entry @param {import("../shared/actions.js").Actions} actions
   * @param {{template: HTMLTemplateElement, announce: (words: string) => void, left: (row: ClipRow) => void}} list
   *   told when the row is to go. What is asked of others is told to whom listens, by `continue` with the id of a
   *   recording that is to go on, and by `unfold` with the row that is to be opened or closed
   */
  constructor(entry, actions, list) {
    this.#entry = entry;
    this.actions = actions;
    this.list = list;
    this.at = entry.at;
    this.id = entry.id;
    const fragment = /** @type {DocumentFragment} */ (list.template.content.cloneNode(true));
    this.element = part(fragment, "clip", HTMLElement);
    this.element.dataset.clipId = entry.id;
    translate(this.element);
    this.parts = {
      facts: part(this.element, "facts", HTMLElement),
      by: part(this.element, "by", HTMLElement),
      bar: part(this.element, "bar", HTMLElement),
      details: part(this.element, "details", HTMLButtonElement),
      text: part(this.element, "text", HTMLElement),
      copy: part(this.element, "copy", HTMLButtonElement),
      download: part(this.element, "download", HTMLAnchorElement),
      play: part(this.element, "play", HTMLButtonElement),
    };
    this.condition = new ConditionView(this.element);
    this.gaps = new Gaps(this.element);
    this.heard = new LiveWords(part(this.element, "heard", HTMLElement));
    this.note = new Note(this.element);
    this.bin = new Bin(this.element, {
      remove: () => actions.remove(this.id),
      restore: () => actions.restore(this.id),
      busy: () => this.busy,
      leave: () => list.left(this),
      announce: list.announce,
    });
    this.player = this.#player();
    this.name = new Editable(part(this.element, "name", HTMLInputElement), {
      save: (name) => this.saving(actions.rename(this.id, name)),
      failed: (error) => this.unsaved(error, this.name),
      required: true,
    });
    this.language = new LanguagePicker(
      this.element,
      (code) => this.saving(actions.speak(this.id, code)),
      (error) => this.note.say(reason(error)),
    );
    this.tags = new Tags(this.element, actions.api, (change) => this.#retag(change));
    this.#listen();
    this.show(entry);
    void this.player.seek(places.get(this.id));
  }

  /** Whether a person is at this row, so that it must not go away under them. */
  get busy() {
    const isAtIt = this.element.contains(document.activeElement) || selects(this.element);
    return this.open || this.player.playing || this.player.waiting || isAtIt || this.name.busy || Boolean(this.#whole?.transcript.busy);
  }

  /** Whether scrolling may not take it away: it is busy, not saved, or says what somebody has to read. */
  get held() {
    return this.busy || !this.note.element.hidden || !this.bin.strip.hidden;
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    if (gone(entry)) return this.bin.gone();
    this.bin.back();
    const { parts } = this;
    this.tags.show(entry.clip);
    const view = this.#view();
    this.name.show(view.name);
    this.#tell(view);
    parts.copy.hidden = !view.text;
    parts.text.lang = entry.clip?.language ?? "";
    // The bucket that it redirects to is another origin, where browsers ignore the attribute: the server says it.
    parts.download.href = `${this.actions.api.audio(entry.id)}?download`;
    parts.download.download = view.fileName;
    this.#renew(entry.clip);
    void this.#offer(entry.changes?.find(({ state }) => state === "conflict"));
    if (this.#whole) return void this.#whole.show(entry.clip);
    parts.text.hidden = !view.text;
    write(parts.text, firstLines(view.text ?? ""));
  }

  /** Whoever plays the clip's sound goes on with it. @param {Entry["clip"]} clip */
  #renew(clip) {
    if (!clip || this.player.playing) return;
    const sound = `${clip.has_true_clock} ${clip.track_set}`;
    if (this.#sound && sound !== this.#sound) this.player.renew();
    this.#sound = sound;
  }

  /** Open the row, or close it. What is open shows its sound, all of its words, and what can be done with them. */
  unfold(open = true) {
    this.open = open;
    this.element.toggleAttribute("data-open", open);
    this.parts.details.ariaExpanded = String(open);
    this.parts.bar.hidden = !open && !this.player.playing;
    if (open) return void this.#complete();
    this.#whole?.unfold(false);
    if (this.element.contains(document.activeElement)) this.parts.details.focus({ preventScroll: true });
    this.bin.free();
  }

  /** Stand at a moment, and bring its words into sight. @param {number} ms */
  async goTo(ms) {
    void this.player.seek(ms);
    (await this.#complete())?.transcript.seek(ms);
  }

  /** Edit the words. */
  edit() {
    this.#whole?.transcript.edit();
  }

  /** Go where the selection or the caret is in the words; false: it is not there. */
  seekHere() {
    return this.#whole?.transcript.seekHere() ?? false;
  }

  /** Fetch what a closed row does without. */
  async #complete() {
    try {
      const [{ WholeClip }] = await Promise.all([needed(import("../clip/whole-clip.js")), styled("clip/opened")]);
      if (!this.element.isConnected) return null;
      if (!this.#whole) {
        this.#whole = new WholeClip(this);
        void this.#whole.show(this.#entry.clip);
      }
      this.#whole.unfold(this.open);
      return this.#whole;
    } catch (error) {
      this.note.say(reason(error));
      return null;
    }
  }

  #player() {
    const { play, bar } = this.parts;
    const seek = part(this.element, "seek", HTMLInputElement);
    const time = part(this.element, "time", HTMLElement);
    return new Player(
      { play, bar, seek, time },
      {
        source: (segment, how) => this.actions.audio(this.#entry, segment, how),
        waits: async (waits) => (await this.#complete())?.waits(waits),
        // A player that was given the joined sound meanwhile finds that all of it was played.
        segments: () => (this.#entry.clip && isUnjoined(this.#entry.clip) ? this.#entry.clip.segments : 1),
        growing: () => this.#entry.clip?.status === "recording",
        failed: (sentence) => (sentence ? this.note.say(sentence) : this.note.clear()),
        paused: () => this.bin.free(),
        played: async () => (await this.#complete())?.introduce(),
        moved: (at_ms, whole_ms) => this.#whole?.moved(at_ms, whole_ms),
        heard: (at_ms, whole_ms) => {
          places.set(this.id, at_ms, whole_ms);
          this.#tell(this.#view());
          this.#whole?.report();
        },
        skip: (ms) => this.#whole?.skip(ms) ?? null,
        step: (ms, way) => this.#whole?.timing?.step(ms, way) ?? ms,
      },
    );
  }

  #view() {
    return viewOf(this.#entry, undefined, undefined, places.get(this.id));
  }

  /** Another device changed the words, too: this one's stay until a person has chosen. @param {import("../shared/types.js").Change} [conflict] */
  #offer(conflict) {
    if (conflict?.seq === this.#conflict?.seq && conflict?.theirs === this.#conflict?.theirs) return;
    this.#conflict = conflict;
    if (!conflict) return this.note.settle();
    const { kind, value, theirs } = conflict;
    const told = words.offline.conflict[kind === "name" ? "name" : "text"](differing(String(value), theirs ?? ""));
    this.note.offer(told, (whose) => void this.actions.settle(conflict, whose));
  }

  /** What changes by itself while time passes. @param {import("../shared/clip-state.js").View} view */
  #tell(view) {
    const { parts } = this;
    this.element.dataset.status = view.kind;
    this.player.duration_ms = view.duration_ms;
    write(parts.facts, view.facts);
    this.language.show(view.spoken);
    write(parts.by, view.by);
    parts.by.hidden = !view.by;
    this.heard.show(view);
    this.condition.show(view);
    this.gaps.show(view);
    if (!view.running && !view.awaited) this.#still();
    else this.#ticking ??= setInterval(() => this.#tell(this.#view()), TICK_MS);
  }

  #still() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  /** The row is no longer shown. */
  close() {
    this.#still();
    this.player.close();
    this.#whole?.close();
  }

  /** Save what is typed and not left yet: the page goes out of sight. */
  flush() {
    for (const field of [this.name, this.#whole?.transcript.editable]) {
      if (field && field.element === document.activeElement) void field.save();
    }
  }

  #listen() {
    /** @param {string} name @param {() => unknown} work */
    const on = (name, work) =>
      part(this.element, name, HTMLElement).addEventListener("click", async () => {
        try {
          await work();
        } catch (error) {
          this.note.say(reason(error));
        }
      });
    /** @param {string} type @param {unknown} detail */
    const ask = (type, detail) => this.element.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
    on("delete", () => this.#delete());
    on("undo", () => this.#restore());
    on("retry", () => this.actions.retry(this.id));
    on("continue", () => ask("continue", this.id));
    on("finish", () => this.actions.finish(this.id));
    on("save", () => this.actions.download(this.#entry));
    on("copy", () => copy(this.parts.copy, this.#entry.clip?.text ?? "", this.list.announce));
    on("details", () => ask("unfold", this));
    this.element.addEventListener("click", ({ target }) => {
      const isOwn = target instanceof Element && target.closest(OWN);
      if (!this.open && !isOwn && !selects(this.element)) ask("unfold", this);
    });
    this.parts.download.addEventListener("click", (event) => {
      if (!this.#entry.local) return;
      event.preventDefault();
      void this.actions.download(this.#entry);
    });
    // A moment later, when the focus has arrived wherever it goes.
    this.element.addEventListener("focusout", () => setTimeout(() => this.bin.free()));
  }

  async #delete() {
    this.player.pause();
    await this.bin.delete(this.#view().name);
  }

  async #restore() {
    await this.bin.restore();
    if (this.bin.strip.hidden) this.parts.play.focus();
  }

  /** @param {(tags: string[]) => string[]} change */
  async #retag(change) {
    try {
      await this.saving(this.actions.retag(this.id, change));
    } catch (error) {
      this.note.fail(words.player.unsaved(reason(error)), () => void this.#retag(change));
    }
  }

  /** What went wrong before is over with what is saved. @param {Promise<void>} work */
  async saving(work) {
    await work;
    this.note.clear(true);
  }

  /** Say that what a person wrote is not saved, and the ways out of it. @param {unknown} error @param {Editable} field */
  unsaved(error, field) {
    if (!(error instanceof Conflict)) return this.note.fail(words.player.unsaved(reason(error)), () => void field.save());
    // This device has no room to keep a choice, so the field does.
    this.note.offer(words.offline.conflict.text(differing(field.value, error.theirs ?? "")), (whose) => {
      this.note.settle();
      if (whose === "mine") void field.insist();
      else field.revert();
    });
  }
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
