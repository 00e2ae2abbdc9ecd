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
import { place } from "../shared/router.js";
import { language, translate, words } from "../shared/words.js";
import { ClipHead } from "./clip-head.js";
import { FindBar, opensFind } from "./find-bar.js";
import { HistoryView } from "./history-view.js";
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
 * What was written and could not be saved when its page was left: who comes back finds it in its field.
 * @typedef {{name?: {value: string, base: string}, text?: {value: string, base: string}, notes?: {value: string, base: string}}} Draft
 * @type {Map<string, Draft>}
 */
const drafts = new Map();

/**
 * What the clip's page needs of the whole page.
 * @typedef {{library: import("../shared/library.js").Library, actions: import("../shared/actions.js").Actions,
 *   router: import("../shared/router.js").Router, player: import("../player/player-bar.js").PlayerBar,
 *   details: import("./clip-details.js").DetailsCache, deletion: import("../shared/deletion.js").Deletion,
 *   toast: import("../shared/toast.js").Toast, announce: (words: string) => void}} ClipContext
 */

export class ClipPage {
  /** Between what somebody has to choose. @type {import("../shared/types.js").Change|undefined} */
  #conflict;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;
  /** While its sound is trimmed. @type {import("./trim-view.js").TrimView|null} */
  #trim = null;
  #isLeft = false;
  /** Whether there is anything to play; null: not looked at yet. @type {boolean|null} */
  #isPlayable = null;
  /** Ends what it hears of others. */
  #open = new AbortController();

  /** @param {HTMLElement} parent @param {Entry} entry @param {ClipContext} page */
  constructor(parent, entry, page) {
    this.entry = entry;
    this.id = entry.id;
    this.page = page;
    const template = part(document, "clip-page-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "clip-page", HTMLElement);
    translate(this.element);
    this.details = page.details.of(entry.id);
    this.note = new ProblemNote(this.element);
    this.head = new ClipHead(this);
    this.history = new HistoryView(part(this.element, "history", HTMLElement), this);
    this.tabs = new Tabs(this.element, (tab) => this.goToTab(tab), (tab) => this.#shown(tab), this.#open.signal);
    this.heard = new LiveWords(part(this.element, "heard", HTMLElement));
    this.condition = new ConditionView(this.element, {
      retry: () => this.try(() => page.actions.retry(this.id)),
      resume: () => this.element.dispatchEvent(new CustomEvent("continue", { detail: this.id, bubbles: true })),
      finish: () => this.try(() => page.actions.finish(this.id)),
      save: () => this.try(() => page.actions.download(this.entry)),
    });
    this.edit = part(this.element, "edit", HTMLButtonElement);
    this.editWords = part(this.element, "edit-words", HTMLElement);
    this.remarks = new Remarks(part(this.element, "remarks", HTMLElement), {
      playFrom: (ms) => page.player.playFrom(this.id, ms),
      pause: () => page.player.player?.pause(),
    });
    this.transcript = new Transcript(this.element, this.id, {
      save: (text, base) => this.saving(page.actions.rewrite(this.id, text, base)),
      failed: (error) => this.unsaved(error, this.transcript.editable, "text"),
      edits: (editing) => this.#edits(editing),
      seek: (ms) => page.player.seek(this.id, ms),
      play: (ms) => page.player.playFrom(this.id, ms),
      drawn: () => this.find.renew(),
    });
    this.find = new FindBar(this);
    this.notes = new NotesView(part(this.element, "annotations", HTMLElement), {
      id: this.id,
      player: page.player,
      actions: page.actions,
      saving: (work) => this.saving(work),
      failed: (sentence) => this.note.say(sentence),
      unsaved: (error, field) => this.unsaved(error, field, "notes"),
    });
    parent.append(this.element);
    this.#listen();
    this.show(entry);
    // A field takes the focus only when its page is in sight, and after the heading had it.
    setTimeout(() => this.#resume());
  }

  get view() {
    return viewOf(this.entry);
  }

  /** @param {Entry} entry */
  show(entry) {
    this.entry = entry;
    const { clip } = entry;
    const { view } = this;
    this.#provide(view.playable);
    this.#gone(gone(entry) ? words.bin.elsewhere : "", true);
    this.head.show(entry, view);
    this.#tell(view);
    this.remarks.show(clip);
    this.notes.show(entry);
    this.#words(clip);
    this.#offer(entry.changes?.find(({ state }) => state === "conflict"));
    this.#showTrim();
    void this.history.renew();
    void this.details.show(clip);
  }

  /** Have its player at the foot, or none where there is nothing to play; what plays goes on. @param {boolean} isPlayable */
  #provide(isPlayable) {
    if (isPlayable === this.#isPlayable) return;
    this.#isPlayable = isPlayable;
    this.element.toggleAttribute("data-unplayable", !isPlayable);
    const { player } = this.page;
    if (player.playing) return;
    if (isPlayable) player.load(this.id);
    else player.close();
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
    this.head.tools.menuButton.focus({ preventScroll: true });
  }

  #showTrim() {
    if (this.entry.clip) this.#trim?.show(this.entry.clip, this.details.peaks);
  }

  /** Show another tab; Back leads to where one came from, not through the tabs. @param {import("../shared/router.js").Tab} tab */
  goToTab(tab) {
    const { router } = this.page;
    if (router.place.tab !== tab) router.go({ ...router.place, ms: null, tab }, { replace: true });
  }

  /** Go back to the list, once. */
  leave() {
    if (!this.#isLeft && this.page.router.place.id === this.id) this.page.router.leave();
    this.#isLeft = true;
  }

  /** @param {import("../shared/router.js").Tab} tab */
  #shown(tab) {
    this.element.dataset.tab = tab;
    if (tab !== "transcript") this.find.close();
    this.history.show(tab === "history");
  }

  /** Save what is typed and not left yet: the page goes out of sight, or another clip comes. */
  flush() {
    return Promise.all([
      this.head.flush(),
      this.notes.flush(),
      this.transcript.editing && this.transcript.editable.save(),
    ]);
  }

  /** Begin to edit the tags. */
  editTags() {
    part(this.element, "retag", HTMLButtonElement).click();
  }

  /** It is no longer shown. */
  close() {
    void this.flush();
    this.#open.abort();
    this.#still();
    this.find.close();
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

  /** Do what may fail; the page says why. @param {() => unknown} work @returns {Promise<boolean>} whether it is done */
  async try(work) {
    try {
      await work();
      return true;
    } catch (error) {
      this.note.say(reason(error));
      return false;
    }
  }

  /**
   * Say that what a person wrote is not saved, and the ways out of it.
   * @param {unknown} error @param {Editable} field @param {"name"|"text"|"notes"} kind
   */
  unsaved(error, field, kind) {
    if (this.#open.signal.aborted) return this.#keep(error, field, kind);
    if (!(error instanceof Conflict)) return this.note.fail(words.player.unsaved(reason(error)), () => void field.save());
    // This device has no room to keep a choice, so the field does.
    this.note.offer(words.offline.conflict[kind](differing(field.value, error.theirs ?? "")), (whose) => {
      this.note.settle();
      if (whose === "mine") void field.insist();
      else field.revert();
    });
  }

  /** The page is left already: what was written is kept, and said where the person is now. @param {unknown} error @param {Editable} field @param {"name"|"text"|"notes"} kind */
  #keep(error, field, kind) {
    const { toast, router } = this.page;
    drafts.set(this.id, { ...drafts.get(this.id), [kind]: { value: field.value, base: field.base } });
    const { unsavedName, unsavedText, unsavedNotes, backToIt } = words.clipPage;
    const why = reason(error);
    const { name } = this.view;
    const sentences = { name: unsavedName(field.value, why), text: unsavedText(name, why), notes: unsavedNotes(name, why) };
    toast.say(sentences[kind], { stays: true, label: backToIt, undo: () => router.go(place("clip", { id: this.id })) });
  }

  /** Put what could not be saved back into its field. */
  #resume() {
    if (this.#open.signal.aborted) return;
    const { name, text, notes } = drafts.get(this.id) ?? {};
    drafts.delete(this.id);
    if (name) this.head.edit(name.value);
    if (text) this.transcript.resume(text.value, text.base);
    if (notes) this.notes.resume(notes.value);
  }

  /** Somebody else deleted it while it is open; what is deleted here is left. @param {string} sentence none: it is there @param {boolean} canRestore */
  #gone(sentence, canRestore) {
    const isNew = Boolean(sentence) && !this.element.hasAttribute("data-gone");
    if (isNew && this.page.actions.hasRemoved(this.id)) this.leave();
    const told = part(this.element, "gone", HTMLElement);
    this.element.toggleAttribute("data-gone", Boolean(sentence));
    write(part(told, "gone-words", HTMLElement), sentence);
    part(told, "restore", HTMLElement).hidden = !canRestore;
    told.hidden = !sentence;
  }

  /** @param {Entry["clip"]} clip */
  #words(clip) {
    const text = clip?.text ?? clip?.excerpt ?? "";
    // Where nothing was heard, a person may have words for it; words that are not all here yet are not to be edited.
    this.transcript.writable = clip?.text !== undefined && (Boolean(text) || clip?.status === "done") && !gone(this.entry);
    this.transcript.show(text);
    this.transcript.field.lang = this.transcript.element.lang = clip?.language ?? "";
    this.edit.hidden = !this.transcript.writable && !this.transcript.editing;
    this.find.button.hidden = !text;
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
    else this.#ticking ??= setInterval(() => this.#tell(this.view), TICK_MS);
  }

  #still() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  /** Somebody edits the words, or has done so; keyboards go on from where they began. @param {boolean} editing */
  #edits(editing) {
    write(this.editWords, editing ? words.player.done : words.page.edit);
    this.edit.toggleAttribute("data-edits", editing);
    if (editing) this.find.close();
    else if (document.activeElement === document.body) this.edit.focus({ preventScroll: true });
  }

  #listen() {
    const { signal } = this.#open;
    const { library, player, actions } = this.page;
    part(this.element, "restore", HTMLElement).addEventListener("click", () => void this.try(() => actions.restore(this.id)));
    // The focus stays in the field: leaving it would end what a click is to begin or to end.
    for (const type of ["pointerdown", "mousedown"]) this.edit.addEventListener(type, (event) => event.preventDefault());
    this.edit.addEventListener("click", () => this.transcript.toggle());
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.details.addEventListener("change", () => this.#timings(), { signal });
    this.details.addEventListener("change", () => this.#showTrim(), { signal });
    library.addEventListener("change", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail.id), { signal });
    player.addEventListener("moved", (event) => this.#moved(/** @type {CustomEvent} */ (event).detail), { signal });
    player.addEventListener("state", () => this.head.played(), { signal });
    language.addEventListener("change", () => this.#speak(), { signal });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!opensFind(event, this.find) || !this.transcript.text) return;
    event.preventDefault();
    this.find.open();
  }

  /** @param {string} id */
  #changed(id) {
    if (id !== this.id) return;
    const entry = this.page.library.get(id);
    if (entry) this.show(entry);
    else this.#gone(words.clipPage.deletedForGood, false);
  }

  /** @param {{id: string, at_ms: number}} moved */
  #moved({ id, at_ms }) {
    if (id !== this.id) return;
    this.remarks.moved(at_ms);
    this.transcript.follow(at_ms, this.page.player.playing);
  }

  #speak() {
    translate(this.element);
    this.find.speak();
    this.transcript.speak();
    this.remarks.speak();
    this.#edits(this.transcript.editing);
    this.notes.speak();
    this.history.draw();
    this.show(this.entry);
  }
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Conflict ? words.clipPage.changedElsewhere : sentenceOfError(error);
}
