/** One clip of the list. Changed in place, never rebuilt, so that nobody who plays, types or selects is disturbed. */

import { Conflict } from "../actions.js";
import { viewOf } from "../clip-state.js";
import { Details } from "../details.js";
import { day, dayTitle } from "../format.js";
import { gone } from "../library.js";
import { Places } from "../remembered.js";
import { translate, words } from "../words.js";
import { Bin } from "./bin.js";
import { ConditionView, write } from "./condition.js";
import { copy } from "./copy.js";
import { Editable, selects } from "./editable.js";
import { Gaps } from "./gaps.js";
import { Heard } from "./heard.js";
import { LanguagePicker } from "./language.js";
import { Note } from "./note.js";
import { part } from "./part.js";
import { Player } from "./player.js";
import { Tools } from "./tools.js";
import { Transcript } from "./transcript.js";
import { Waveform } from "./waveform.js";

/** @typedef {import("../types.js").Entry} Entry */

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

/** What a click in a row means by itself; a click on anything else of it opens the row. */
const OWN = "a, button, input, select, label, textarea, [contenteditable], [data-part=bar], [data-part=bin]";

const places = new Places();

export class ClipRow {
  #entry;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;
  /** Made when the row is first opened. @type {Tools|null} */
  #tools = null;
  open = false;

  /**
   * @param {Entry} entry @param {import("../actions.js").Actions} actions
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
      copy: part(this.element, "copy", HTMLButtonElement),
      download: part(this.element, "download", HTMLAnchorElement),
      play: part(this.element, "play", HTMLButtonElement),
    };
    this.condition = new ConditionView(this.element);
    this.gaps = new Gaps(this.element);
    this.heard = new Heard(part(this.element, "heard", HTMLElement));
    this.note = new Note(this.element);
    this.bin = new Bin(this.element, {
      remove: () => actions.remove(this.id),
      restore: () => actions.restore(this.id),
      busy: () => this.busy,
      leave: () => list.left(this),
      announce: list.announce,
    });
    this.details = new Details(actions.api, this.id, () => this.#detailed());
    this.waveform = new Waveform(part(this.element, "track", HTMLElement), (ms) => this.player.seek(ms));
    this.player = this.#player();
    this.name = this.#name();
    this.transcript = this.#transcript();
    this.language = new LanguagePicker(
      this.element,
      (code) => this.#saving(actions.speak(this.id, code)),
      (error) => this.note.say(reason(error)),
    );
    this.#listen();
    this.show(entry);
    void this.player.seek(places.get(this.id));
  }

  /** Whether a person is at this row, so that it must not go away under them. */
  get busy() {
    const isAtIt = this.element.contains(document.activeElement) || selects(this.element);
    return this.open || this.player.playing || isAtIt || this.name.busy || this.transcript.busy;
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    if (gone(entry)) return this.bin.gone();
    this.bin.back();
    const { parts } = this;
    const view = this.#view();
    this.name.show(view.name);
    this.#tell(view);
    this.transcript.show(view.text ?? "");
    parts.copy.hidden = !view.text;
    if (this.#tools) this.#tools.edit.hidden = !view.text && !this.transcript.editing;
    // The bucket that it redirects to is another origin, where browsers ignore the attribute: the server says it.
    parts.download.href = `${this.actions.api.audio(entry.id)}?download`;
    parts.download.download = view.fileName;
    if (this.open || this.player.playing) void this.details.load(entry.clip);
  }

  /** Open the row, or close it. What is open shows its sound, all of its words, and what can be done with them. */
  unfold(open = true) {
    this.open = open;
    this.element.toggleAttribute("data-open", open);
    this.parts.details.ariaExpanded = String(open);
    this.parts.bar.hidden = !open && !this.player.playing;
    this.transcript.unfold(open);
    if (!open) {
      if (this.element.contains(document.activeElement)) this.parts.details.focus({ preventScroll: true });
      return this.bin.free();
    }
    this.#tools ??= new Tools(this.element, this.id, {
      at_ms: () => this.player.at_ms,
      edit: () => (this.transcript.editing ? this.transcript.field.blur() : this.transcript.edit()),
      announce: this.list.announce,
    });
    this.#tools.edit.hidden = !this.#entry.clip?.text;
    void this.details.load(this.#entry.clip);
    this.#detailed();
  }

  /** Stand at a moment, and bring its words into sight. @param {number} ms */
  goTo(ms) {
    void this.player.seek(ms);
    this.transcript.seek(ms);
  }

  #player() {
    const { play, bar } = this.parts;
    const seek = part(this.element, "seek", HTMLInputElement);
    const time = part(this.element, "time", HTMLElement);
    return new Player(
      { play, bar, seek, time },
      {
        source: (segment) => this.actions.audio(this.#entry, segment),
        // A player that was given the joined sound meanwhile finds that all of it was played.
        segments: () => (isUnjoined(this.#entry) ? (this.#entry.clip?.segments ?? 1) : 1),
        growing: () => this.#entry.clip?.status === "recording",
        failed: (sentence) => (sentence ? this.note.say(sentence) : this.note.clear()),
        paused: () => this.bin.free(),
        played: () => void this.details.load(this.#entry.clip),
        moved: (at_ms, whole_ms) => {
          this.waveform.move(at_ms, whole_ms);
          this.transcript?.follow(at_ms, this.player.playing);
        },
        heard: (at_ms, whole_ms) => {
          places.set(this.id, at_ms, whole_ms);
          this.#tell(this.#view());
        },
        pauses: () => this.details.pauses,
        step: (ms, way) => this.details.timing?.step(ms, way) ?? ms,
        about: () => ({ name: this.#view().name, at: dayTitle(day(this.at)) }),
      },
    );
  }

  #name() {
    return new Editable(part(this.element, "name", HTMLInputElement), {
      save: (name) => this.#saving(this.actions.rename(this.id, name)),
      failed: (error) => this.#unsaved(error, this.name),
      required: true,
    });
  }

  #transcript() {
    return new Transcript(this.element, this.id, {
      save: (text, base) => this.#saving(this.actions.rewrite(this.id, text, base)),
      failed: (error) => this.#unsaved(error, this.transcript.editable),
      edits: (editing) => this.#tools?.edits(editing),
      seek: (ms) => this.player.seek(ms),
      play: (ms) => this.player.playFrom(ms),
    });
  }

  /** There is more to be shown of what is open. */
  #detailed() {
    this.waveform.show(this.details.peaks);
    if (this.details.timing) this.transcript.know(this.details.timing);
    this.transcript.follow(this.player.at_ms, false);
  }

  #view() {
    return viewOf(this.#entry, undefined, undefined, places.get(this.id));
  }

  /** What changes by itself while time passes. @param {import("../clip-state.js").View} view */
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
    if (!view.running) this.#still();
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
    this.waveform.close();
    this.transcript.close();
    this.#tools?.close();
  }

  /** Save what is typed and not left yet: the page goes out of sight. */
  flush() {
    for (const field of [this.name, this.transcript.editable]) {
      if (field.element === document.activeElement) void field.save();
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
    this.parts.play.focus();
  }

  /** @param {Promise<void>} work */
  async #saving(work) {
    await work;
    this.note.clear();
  }

  /** @param {unknown} error @param {Editable} field */
  #unsaved(error, field) {
    if (error instanceof Conflict) {
      const conflict = { mine: () => field.insist(), theirs: () => field.revert() };
      this.note.say(words.player.conflict, { conflict });
    } else {
      this.note.say(words.player.unsaved(reason(error)), { again: () => void field.save() });
    }
  }
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Whether each segment is still a sound of its own. @param {Entry} entry */
function isUnjoined({ clip }) {
  return clip?.status === "recording" || clip?.status === "pending";
}
