/** One line that says what was just done, with a way to take it back; the next one takes its place. */

import { part } from "./element.js";
import { words } from "./words.js";

/** How long it stays: long enough to read it twice, and to reach Undo by keyboard. */
export const TOAST_MS = 10_000;

export class Toast {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {(() => unknown)|null} */
  #undo = null;
  /** @type {(() => unknown)|null} */
  #left = null;

  /** @param {HTMLElement} page */
  constructor(page) {
    this.element = part(page, "toast", HTMLElement);
    this.words = part(this.element, "toast-words", HTMLElement);
    this.undo = part(this.element, "toast-undo", HTMLButtonElement);
    this.undo.addEventListener("click", () => this.#takeBack());
    part(this.element, "toast-close", HTMLElement).addEventListener("click", () => this.close());
    // Whoever is at it reads it to the end.
    for (const type of ["pointerenter", "focusin"]) this.element.addEventListener(type, () => clearTimeout(this.#timer));
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, () => this.#wait());
  }

  /**
   * Say a sentence. @param {string} sentence
   * @param {{undo?: () => unknown, label?: string, left?: () => unknown, stays?: boolean}} [ways] `undo` takes it back, on
   *   a button with this `label`; `left` is told when it can no longer be taken back; `stays`: until a person closes it
   */
  say(sentence, { undo, label = words.page.undo, left, stays = false } = {}) {
    this.#finish();
    [this.#undo, this.#left] = [undo ?? null, left ?? null];
    this.undo.hidden = !undo;
    this.undo.textContent = label;
    this.words.textContent = sentence;
    this.element.hidden = false;
    this.element.dataset.stays = String(stays);
    this.#wait();
  }

  close() {
    clearTimeout(this.#timer);
    this.element.hidden = true;
    this.#finish();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.element.dataset.stays === "true" || this.element.matches(":hover, :focus-within")) return;
    this.#timer = setTimeout(() => this.close(), TOAST_MS);
  }

  #takeBack() {
    const undo = this.#undo;
    this.#undo = this.#left = null;
    this.close();
    void undo?.();
  }

  #finish() {
    const left = this.#left;
    this.#undo = this.#left = null;
    void left?.();
  }
}
