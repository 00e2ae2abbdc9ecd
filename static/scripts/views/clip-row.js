/** One clip of the list. Changed in place, never rebuilt, so that nobody who plays, types or selects is disturbed. */

import { Conflict } from "../actions.js";
import { viewOf } from "../clip-state.js";
import { gone } from "../library.js";
import { words } from "../words.js";
import { Bin } from "./bin.js";
import { Editable, selects } from "./editable.js";
import { Heard } from "./heard.js";
import { LanguagePicker } from "./language.js";
import { Note } from "./note.js";
import { part } from "./part.js";
import { Player } from "./player.js";

/** @typedef {import("../types.js").Entry} Entry */

/** Longer transcripts are folded: about six lines on a wide screen. */
const FOLD_CHARACTERS = 600;

/** How long a button says that it has copied. */
const COPIED_MS = 2_000;

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

export class ClipRow {
  #entry;
  #inConflict = false;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;

  /**
   * @param {Entry} entry @param {import("../actions.js").Actions} actions
   * @param {{template: HTMLTemplateElement, announce: (words: string) => void, left: (row: ClipRow) => void}} list
   *   told when the row is to go; a recording that is to go on is told to whom listens, by `continue` with its id
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
    this.parts = {
      facts: part(this.element, "facts", HTMLElement),
      by: part(this.element, "by", HTMLElement),
      status: part(this.element, "status", HTMLElement),
      statusWords: part(this.element, "status-words", HTMLElement),
      progress: part(this.element, "progress", HTMLProgressElement),
      retry: part(this.element, "retry", HTMLButtonElement),
      save: part(this.element, "save", HTMLButtonElement),
      resume: part(this.element, "continue", HTMLButtonElement),
      finish: part(this.element, "finish", HTMLButtonElement),
      gaps: part(this.element, "gaps", HTMLElement),
      marks: part(this.element, "marks", HTMLElement),
      text: part(this.element, "text", HTMLElement),
      more: part(this.element, "more", HTMLButtonElement),
      copy: part(this.element, "copy", HTMLButtonElement),
      download: part(this.element, "download", HTMLAnchorElement),
      play: part(this.element, "play", HTMLButtonElement),
    };
    this.heard = new Heard(part(this.element, "heard", HTMLElement));
    this.note = new Note(this.element);
    this.bin = new Bin(this.element, {
      remove: () => actions.remove(this.id),
      restore: () => actions.restore(this.id),
      busy: () => this.busy,
      leave: () => list.left(this),
      announce: list.announce,
    });
    this.player = new Player(
      {
        play: this.parts.play,
        bar: part(this.element, "bar", HTMLElement),
        seek: part(this.element, "seek", HTMLInputElement),
        time: part(this.element, "time", HTMLElement),
      },
      {
        source: (segment) => actions.audio(this.#entry, segment),
        // A player that was given the joined sound meanwhile finds that all of it was played.
        segments: () => (isUnjoined(this.#entry) ? (this.#entry.clip?.segments ?? 1) : 1),
        growing: () => this.#entry.clip?.status === "recording",
        failed: (sentence) => (sentence ? this.note.say(sentence) : this.note.clear()),
        paused: () => this.bin.free(),
      },
    );
    this.name = new Editable(part(this.element, "name", HTMLInputElement), {
      save: (name) => this.#saving(actions.rename(this.id, name)),
      failed: (error) => this.#unsaved(error, this.name),
      required: true,
    });
    this.words = new Editable(this.parts.text, {
      save: (text, base) => this.#saving(actions.rewrite(this.id, text, base)),
      failed: (error) => this.#unsaved(error, this.words),
    });
    this.language = new LanguagePicker(
      this.element,
      (code) => this.#saving(actions.speak(this.id, code)),
      (error) => this.note.say(reason(error)),
    );
    this.#listen();
    this.show(entry);
  }

  /** Whether a person is at this row, so that it must not go away under them. */
  get busy() {
    return this.player.playing || this.element.contains(document.activeElement) || selects(this.element);
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    if (gone(entry)) return this.bin.gone();
    this.bin.back();
    const { parts } = this;
    const view = viewOf(entry);
    this.name.show(view.name);
    this.#tell(view);
    parts.text.hidden = !view.text && !this.words.busy;
    this.words.show(view.text ?? "");
    parts.more.hidden = (view.text?.length ?? 0) < FOLD_CHARACTERS;
    this.#fold(parts.text.dataset.fold !== "open" && !parts.more.hidden && !this.words.busy);
    parts.copy.hidden = !view.text;
    // The bucket that it redirects to is another origin, where browsers ignore the attribute: the server says it.
    parts.download.href = `${this.actions.api.audio(entry.id)}?download`;
    parts.download.download = view.fileName;
    this.#conflict(entry.changes?.some(({ state }) => state === "conflict") ?? false);
  }

  /** Another device changed the words, too: this one's stay until a person has chosen. @param {boolean} isOne */
  #conflict(isOne) {
    if (isOne === this.#inConflict) return;
    this.#inConflict = isOne;
    if (!isOne) return this.note.clear();
    const settle = (/** @type {"mine"|"theirs"} */ whose) => () => this.actions.settle(this.id, whose);
    this.note.say(words.offline.conflict, { conflict: { mine: settle("mine"), theirs: settle("theirs") } });
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
    write(parts.statusWords, view.status);
    this.heard.show(view);
    parts.status.hidden = !view.status;
    parts.progress.hidden = view.progress === null;
    parts.progress.value = view.progress ?? 0;
    parts.retry.hidden = !view.retry;
    parts.save.hidden = !view.save;
    parts.resume.hidden = !view.resume;
    parts.finish.hidden = !view.finish;
    write(parts.finish, view.finish);
    write(parts.gaps, view.gaps);
    parts.gaps.hidden = !view.gaps;
    mark(parts.marks, view.marks);
    if (!view.running) this.#still();
    else this.#ticking ??= setInterval(() => this.#tell(viewOf(this.#entry)), TICK_MS);
  }

  #still() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  /** The row is no longer shown. */
  close() {
    this.#still();
    this.player.close();
  }

  /** Save what is typed and not left yet: the page goes out of sight. */
  flush() {
    for (const field of [this.name, this.words]) if (field.element === document.activeElement) void field.save();
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
    on("delete", () => this.#delete());
    on("undo", () => this.#restore());
    on("retry", () => this.actions.retry(this.id));
    on("continue", () => this.element.dispatchEvent(new CustomEvent("continue", { detail: this.id, bubbles: true })));
    on("finish", () => this.actions.finish(this.id));
    on("save", () => this.actions.download(this.#entry));
    on("copy", () => this.#copy());
    on("more", () => this.#fold(this.parts.text.dataset.fold === "open"));
    this.parts.download.addEventListener("click", (event) => {
      if (!this.#entry.local) return;
      event.preventDefault();
      void this.actions.download(this.#entry);
    });
    this.parts.text.addEventListener("focus", () => this.#fold(false));
    // A moment later, when the focus has arrived wherever it goes.
    this.element.addEventListener("focusout", () => setTimeout(() => this.bin.free()));
  }

  async #delete() {
    this.player.pause();
    await this.bin.delete(viewOf(this.#entry).name);
  }

  async #restore() {
    await this.bin.restore();
    this.parts.play.focus();
  }

  async #copy() {
    const text = this.#entry.clip?.text ?? "";
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copySelected(this.parts.text);
    this.parts.copy.dataset.state = "copied";
    this.list.announce("Copied.");
    setTimeout(() => delete this.parts.copy.dataset.state, COPIED_MS);
  }

  /** @param {boolean} folded */
  #fold(folded) {
    const { text, more } = this.parts;
    text.dataset.fold = folded ? "folded" : more.hidden ? "" : "open";
    more.ariaExpanded = String(!folded);
    write(more, folded ? "Show all" : "Show less");
  }

  /** @param {Promise<void>} work */
  async #saving(work) {
    await work;
    if (!this.#inConflict) this.note.clear();
  }

  /** @param {unknown} error @param {Editable} field */
  #unsaved(error, field) {
    if (error instanceof Conflict) {
      const conflict = { mine: () => field.insist(), theirs: () => field.revert() };
      this.note.say("These words were changed elsewhere meanwhile; yours are not saved.", { conflict });
    } else {
      this.note.say(`Not saved yet. ${reason(error)}`, { again: () => void field.save() });
    }
  }
}

/**
 * Leave equal text alone: writing it anew would drop a selection.
 * @param {HTMLElement} element @param {string} words
 */
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Whether each segment is still a sound of its own. @param {Entry} entry */
function isUnjoined({ clip }) {
  return clip?.status === "recording" || clip?.status === "pending";
}

/** Put a tick on the seek bar for each place. @param {HTMLElement} track @param {number[]} places from 0 to 1 */
function mark(track, places) {
  if (places.join() === track.dataset.places) return;
  track.dataset.places = places.join();
  track.replaceChildren(
    ...places.map((place) => {
      const tick = document.createElement("i");
      tick.style.left = `${100 * place}%`;
      return tick;
    }),
  );
}

/** Copy on pages over plain HTTP, which have no clipboard. @param {HTMLElement} element */
function copySelected(element) {
  document.getSelection()?.selectAllChildren(element);
  document.execCommand("copy");
  document.getSelection()?.removeAllRanges();
}
