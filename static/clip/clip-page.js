/** A clip as a page: its title, facts and tags, and in tabs all that was said, written and changed. One at a time. */

import { Conflict } from "../shared/actions.js";
import { viewOf } from "../shared/clip-state.js";
import { ConditionView, write } from "../shared/condition.js";
import { part } from "../shared/element.js";
import { differing } from "../shared/format.js";
import { late } from "../shared/late.js";
import { gone } from "../shared/library.js";
import { sentenceOfError } from "../shared/sentences.js";
import { LiveWords } from "../shared/live-words.js";
import { ProblemNote } from "../shared/problem-note.js";
import { language, translate, words } from "../shared/words.js";
import { ClipHead } from "./clip-head.js";
import { NotesView } from "./notes-view.js";
import { Remarks } from "./remarks-view.js";
import { Tabs } from "./tabs.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("../shared/types.js").Entry} Entry */
/** @typedef {import("../shared/editable.js").Editable} Editable */

const trimView = late(() => import("./trim-view.js"));

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

/**
 * What the clip's page needs of the whole page.
 * @typedef {{library: import("../shared/library.js").Library, actions: import("../shared/actions.js").Actions,
 *   router: import("../shared/router.js").Router, player: import("../player/player-bar.js").PlayerBar,
 *   details: import("./clip-details.js").DetailsCache, deletion: import("../shared/deletion.js").Deletion,
 *   toast: import("../shared/toast.js").Toast, announce: (words: string) => void}} ClipContext
 */

export class ClipPage {
  #entry;
  /** Between what somebody has to choose. @type {import("../shared/types.js").Change|undefined} */
  #conflict;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;
  /** While its sound is trimmed. @type {import("./trim-view.js").TrimView|null} */
  #trim = null;
  /** Ends what it hears of others. */
  #open = new AbortController();

  /** @param {HTMLElement} parent @param {Entry} entry @param {ClipContext} page */
  constructor(parent, entry, page) {
    this.#entry = entry;
    this.id = entry.id;
    this.page = page;
    const template = part(document, "clip-page-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "clip-page", HTMLElement);
    translate(this.element);
    this.details = page.details.of(entry.id);
    this.note = new ProblemNote(this.element);
    this.head = new ClipHead(this);
    this.tabs = new Tabs(this.element, (tab) => page.router.go({ ...page.router.place, ms: null, tab }, { replace: true }));
    this.gaps = part(this.element, "gaps", HTMLElement);
    this.heard = new LiveWords(part(this.element, "heard", HTMLElement));
    this.condition = new ConditionView(this.element);
    this.edit = part(this.element, "edit", HTMLButtonElement);
    this.remarks = new Remarks(part(this.element, "remarks", HTMLElement), {
      playFrom: (ms) => page.player.playFrom(this.id, ms),
      pause: () => page.player.player?.pause(),
    });
    this.transcript = new Transcript(this.element, this.id, {
      save: (text, base) => this.saving(page.actions.rewrite(this.id, text, base)),
      failed: (error) => this.unsaved(error, this.transcript.editable),
      edits: (editing) => this.#edits(editing),
      seek: (ms) => page.player.seek(this.id, ms),
      play: (ms) => page.player.playFrom(this.id, ms),
    });
    this.notes = new NotesView(part(this.element, "annotations", HTMLElement), {
      id: this.id,
      player: page.player,
      actions: page.actions,
      saving: (work) => this.saving(work),
      failed: (sentence) => this.note.say(sentence),
      unsaved: (error, field) => this.unsaved(error, field),
    });
    parent.append(this.element);
    this.#listen();
    this.show(entry);
    if (!page.player.playing) page.player.load(this.id);
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    const { clip } = entry;
    const view = viewOf(entry);
    this.element.toggleAttribute("data-gone", gone(entry));
    this.head.show(entry, view);
    this.#tell(view);
    write(this.gaps, view.gaps);
    this.gaps.hidden = !view.gaps;
    this.remarks.show(clip);
    this.notes.show(entry);
    this.#words(clip);
    this.#offer(entry.changes?.find(({ state }) => state === "conflict"));
    this.#showTrim();
    void this.details.show(clip);
  }

  /** Stand at a moment, and bring its words into sight. @param {number} ms */
  goTo(ms) {
    void this.page.player.seek(this.id, ms);
    this.transcript.seek(ms);
  }

  /** Trim the sound, or be done with it. */
  async trim() {
    if (this.#trim) return this.#trimmed();
    const { TrimView } = await trimView();
    this.#trim ??= new TrimView(this, () => this.#trimmed());
    part(this.element, "tabs", HTMLElement).after(this.#trim.element);
    this.#showTrim();
    this.#trim.from.focus({ preventScroll: true });
    this.element.scrollTo({ top: 0 });
  }

  #trimmed() {
    this.#trim?.close();
    this.#trim = null;
    this.head.menu.button.focus({ preventScroll: true });
  }

  #showTrim() {
    if (this.#entry.clip) this.#trim?.show(this.#entry.clip, this.details.peaks);
  }

  /** Save what is typed and not left yet: the page goes out of sight, or another clip comes. */
  flush() {
    this.head.flush();
    void this.notes.flush();
    if (this.transcript.editing) void this.transcript.editable.save();
  }

  /** Begin to edit the tags. */
  editTags() {
    part(this.element, "retag", HTMLButtonElement).click();
  }

  /** It is no longer shown. */
  close() {
    this.flush();
    this.#open.abort();
    this.#still();
    this.transcript.close();
    this.#trim?.close();
    this.head.close();
    this.element.remove();
  }

  /** What went wrong before is over with what is saved. @param {Promise<void>} work */
  async saving(work) {
    await work;
    this.note.clear(true);
  }

  /** Do what may fail; the page says why. @param {() => unknown} work */
  async try(work) {
    try {
      await work();
    } catch (error) {
      this.note.say(reason(error));
    }
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

  /** @param {Entry["clip"]} clip */
  #words(clip) {
    const text = clip?.text ?? clip?.excerpt ?? "";
    this.transcript.show(text);
    this.transcript.field.lang = this.transcript.element.lang = clip?.language ?? "";
    // Where nothing was heard, a person may have words for it; words that are not all here yet are not to be edited.
    this.transcript.writable = clip?.text !== undefined && (Boolean(text) || clip?.status === "done");
    this.edit.hidden = !this.transcript.writable && !this.transcript.editing;
    this.#timings();
  }

  #timings() {
    if (this.details.timing) this.transcript.know(this.details.timing);
    const { player } = this.page;
    if (player.id === this.id && player.player) this.transcript.follow(player.player.at_ms, player.playing);
  }

  /** Another device changed the words, too: this one's stay until a person has chosen. @param {import("../shared/types.js").Change} [conflict] */
  #offer(conflict) {
    if (conflict?.seq === this.#conflict?.seq && conflict?.theirs === this.#conflict?.theirs) return;
    this.#conflict = conflict;
    if (!conflict) return this.note.settle();
    const { kind, value, theirs } = conflict;
    const told = words.offline.conflict[kind === "name" || kind === "notes" ? kind : "text"](differing(String(value), theirs ?? ""));
    this.note.offer(told, (whose) => void this.page.actions.settle(conflict, whose));
  }

  /** What changes by itself while time passes. @param {import("../shared/clip-state.js").View} view */
  #tell(view) {
    this.element.dataset.status = view.kind;
    this.head.tell(view);
    this.heard.show(view);
    this.condition.show(view);
    if (!view.running && !view.awaited) this.#still();
    else this.#ticking ??= setInterval(() => this.#tell(viewOf(this.#entry)), TICK_MS);
  }

  #still() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  /** Somebody edits the words, or has done so; keyboards go on from where they began. @param {boolean} editing */
  #edits(editing) {
    write(this.edit, editing ? words.player.done : words.page.edit);
    if (!editing && document.activeElement === document.body) this.edit.focus({ preventScroll: true });
  }

  #listen() {
    const { signal } = this.#open;
    const { library, player, actions } = this.page;
    /** @param {string} name @param {() => unknown} work */
    const on = (name, work) => part(this.element, name, HTMLElement).addEventListener("click", () => void this.try(work));
    on("retry", () => actions.retry(this.id));
    on("finish", () => actions.finish(this.id));
    on("save", () => actions.download(this.#entry));
    on("continue", () => this.element.dispatchEvent(new CustomEvent("continue", { detail: this.id, bubbles: true })));
    // The focus stays in the field: leaving it would end what a click is to begin or to end.
    for (const type of ["pointerdown", "mousedown"]) this.edit.addEventListener(type, (event) => event.preventDefault());
    this.edit.addEventListener("click", () => this.transcript.toggle());
    this.details.addEventListener("change", () => this.#timings(), { signal });
    this.details.addEventListener("change", () => this.#showTrim(), { signal });
    library.addEventListener(
      "change",
      (event) => {
        const entry = library.get(this.id);
        if (/** @type {CustomEvent} */ (event).detail.id === this.id && entry) this.show(entry);
      },
      { signal },
    );
    player.addEventListener(
      "moved",
      (event) => {
        const { id, at_ms } = /** @type {CustomEvent} */ (event).detail;
        if (id !== this.id) return;
        this.remarks.moved(at_ms);
        this.transcript.follow(at_ms, player.playing);
      },
      { signal },
    );
    player.addEventListener("state", () => this.head.played(), { signal });
    language.addEventListener("change", () => {
      translate(this.element);
      this.notes.speak();
      this.show(this.#entry);
    }, { signal });
  }
}

/** @param {unknown} error */
function reason(error) {
  return sentenceOfError(error);
}
