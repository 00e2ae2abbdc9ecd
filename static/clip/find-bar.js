/** Find and replace in the words of the clip that is open: Ctrl or Command and F opens it, a second press the browser's own. */

import { beginSitting } from "../shared/api.js";
import { part } from "../shared/element.js";
import { locale, words } from "../shared/words.js";
import { FoundText, replaced } from "./find-text.js";
import { TextMarks } from "./text-marks.js";

/** @typedef {import("../shared/types.js").Span} Span */

export class FindBar {
  /** @type {FoundText} */
  #found = new FoundText("");
  /** @type {Span[]} */
  #places = [];
  /** Which of the places is the present one; -1: there are none. */
  #at = -1;
  /** The browser draws many marks at once: of those around the present place. */
  #marks;
  #mark;
  /** The present place moves with the window's width, where it is a box. */
  #resized = () => this.#show(false);

  /** @param {import("./clip-page.js").ClipPage} clip */
  constructor(clip) {
    this.clip = clip;
    const { element } = clip;
    this.element = part(element, "find-bar", HTMLFormElement);
    this.button = part(element, "find-open", HTMLButtonElement);
    this.what = part(element, "find-what", HTMLInputElement);
    this.with = part(element, "find-with", HTMLInputElement);
    this.count = part(element, "find-count", HTMLElement);
    this.replacing = part(element, "find-replace", HTMLElement);
    this.steps = [part(element, "find-previous", HTMLButtonElement), part(element, "find-next", HTMLButtonElement)];
    this.changes = [part(element, "replace-one", HTMLButtonElement), part(element, "replace-all", HTMLButtonElement)];
    this.#marks = new TextMarks("found", clip.transcript.element);
    this.#mark = new TextMarks("found-now", clip.transcript.element);
    this.button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    this.#listen();
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Show it, with what is selected in the words, and go there. */
  open() {
    const { transcript } = this.clip;
    const selected = transcript.selection();
    this.clip.goToTab("transcript");
    if (transcript.editing) transcript.toggle();
    this.element.hidden = false;
    this.button.ariaExpanded = "true";
    this.speak();
    if (selected && !selected.includes("\n")) this.what.value = selected;
    addEventListener("resize", this.#resized);
    this.renew();
    this.what.focus({ preventScroll: true });
    this.what.select();
  }

  close() {
    if (!this.isOpen) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.button.ariaExpanded = "false";
    removeEventListener("resize", this.#resized);
    this.#marks.close();
    this.#mark.close();
    if (hadFocus) this.button.focus({ preventScroll: true });
  }

  /** The words are others, or drawn anew. */
  renew() {
    if (!this.isOpen) return;
    this.replacing.hidden = !this.clip.transcript.writable;
    if (this.#found.text !== this.clip.transcript.text) this.#found = new FoundText(this.clip.transcript.text);
    this.#seek(this.#places[this.#at]?.[0] ?? this.clip.transcript.firstInSight(), false);
  }

  /** What depends on the language of the page. */
  speak() {
    this.what.placeholder = words.page.find;
    this.with.placeholder = words.page.replaceWith;
  }

  /** Find what is typed, at a place of the text or behind it. @param {number} from @param {boolean} [brings] */
  #seek(from, brings = true) {
    this.#places = this.#found.find(this.what.value);
    const next = this.#places.findIndex(([start]) => start >= from);
    this.#at = next < 0 && this.#places.length ? 0 : next;
    this.#show(brings);
  }

  /** @param {1|-1} way */
  #step(way) {
    if (!this.#places.length) return;
    this.#at = (this.#at + way + this.#places.length) % this.#places.length;
    this.#show();
  }

  /** Say how many there are, and mark them. @param {boolean} [brings] the present one into sight */
  #show(brings = true) {
    const { transcript } = this.clip;
    const number = (/** @type {number} */ n) => n.toLocaleString(locale);
    const all = this.#places.length;
    const said = all ? words.find.count(number(this.#at + 1), number(all)) : words.find.none;
    this.count.textContent = this.what.value.trim() ? said : "";
    for (const button of this.steps) button.disabled = !all;
    for (const button of this.changes) button.disabled = !all || this.element.ariaBusy === "true";
    const near = this.#places.slice(Math.max(0, this.#at - 250), this.#at + 750);
    const now = all ? transcript.range(...this.#places[this.#at]) : null;
    this.#marks.show(near.map((span) => transcript.range(...span)).filter((range) => range !== null));
    this.#mark.show(now ? [now] : []);
    if (brings) transcript.bring(now);
  }

  /** @param {Span[]} places that are replaced, as one version that can be taken back */
  async #replace(places) {
    const { clip } = this;
    const { text } = this.#found;
    const by = this.with.value;
    const after = replaced(text, places, by);
    if (!places.length || after === text || this.element.ariaBusy === "true") return;
    this.element.ariaBusy = "true";
    // What was found behind the last word that is replaced is the next one.
    const [, end] = places[places.length - 1];
    const behind = end + after.length - text.length;
    const isDone = await clip.try(() => this.#write(after, text));
    this.element.ariaBusy = "false";
    if (!isDone) return this.#show(false);
    this.renew();
    if (places.length === 1) this.#seek(behind);
    clip.page.toast.say(words.find.replaced(places.length), { undo: () => clip.try(() => this.#write(text, after)) });
  }

  /** @param {string} text @param {string} base */
  async #write(text, base) {
    beginSitting();
    await this.clip.saving(this.clip.page.actions.rewrite(this.clip.id, text, base));
    beginSitting();
  }

  #listen() {
    this.what.addEventListener("input", () => this.#seek(this.#places[this.#at]?.[0] ?? this.clip.transcript.firstInSight()));
    this.steps[0].addEventListener("click", () => this.#step(-1));
    this.steps[1].addEventListener("click", () => this.#step(1));
    this.changes[0].addEventListener("click", () => this.#replace(this.#places.slice(this.#at, this.#at + 1)));
    this.changes[1].addEventListener("click", () => this.#replace(this.#places));
    part(this.element, "find-close", HTMLElement).addEventListener("click", () => this.close());
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter" && event.target === this.what) this.#step(event.shiftKey ? -1 : 1);
      else if (event.key === "Enter" && event.target === this.with) void this.#replace(this.#places.slice(this.#at, this.#at + 1));
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
}

/**
 * Whether a key opens it: not where somebody types elsewhere, and not a second time, which is the browser's own.
 * @param {KeyboardEvent} event @param {FindBar} bar
 */
export function opensFind(event, bar) {
  const { key, ctrlKey, metaKey, altKey, shiftKey, target } = event;
  if (key.toLowerCase() !== "f" || ctrlKey === metaKey || altKey || shiftKey || event.defaultPrevented) return false;
  if (bar.isOpen && bar.element.contains(document.activeElement)) return false;
  if (document.querySelector("dialog[open]") || !(target instanceof HTMLElement)) return false;
  const isField = target.matches("input:not([type=range], [type=checkbox]), textarea, select") || target.isContentEditable;
  return !isField || target === bar.clip.transcript.field;
}
