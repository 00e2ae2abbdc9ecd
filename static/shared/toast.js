/**
 * One line that says what was just done, with a way to take it back, or what a person must not miss. The next one takes
 * its place; what stays comes back when the other one has gone.
 */

import { part } from "./element.js";
import { words } from "./words.js";

/** How long it stays: long enough to read it twice, and to reach Undo by keyboard. */
const TOAST_MS = 10_000;

/** Sentences that wait to be closed: of a server that refuses everything, more tell nobody anything. */
const MAX_STAYING = 5;

/** Where one types, Ctrl+Z takes back what was typed. */
const TYPED = "input, select, textarea, [contenteditable]";

/** @typedef {{sentence: string, undo?: () => unknown, label: string, stays: boolean}} Line */

export class Toast {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {Line|null} */
  #shown = null;
  /** Not closed yet, the newest last. @type {Line[]} */
  #staying = [];

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
    page.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Say a sentence. @param {string} sentence
   * @param {{undo?: () => unknown, label?: string, stays?: boolean}} [ways] `undo` takes it back, on a button with this
   *   `label`; `stays`: until a person closes it
   */
  say(sentence, { undo, label = words.page.undo, stays = false } = {}) {
    const line = { sentence, undo, label, stays };
    this.#staying = this.#staying.filter((other) => other.sentence !== sentence);
    if (stays) this.#staying = [...this.#staying, line].slice(-MAX_STAYING);
    this.#show(line);
  }

  /** Close what is shown; what stays and was not closed yet is shown again. */
  close() {
    const { activeElement } = document;
    const hadFocus = this.element.contains(activeElement);
    this.#staying = this.#staying.filter((line) => line !== this.#shown);
    this.#show(this.#staying.at(-1) ?? null);
    if (hadFocus && this.element.hidden && activeElement instanceof HTMLElement) activeElement.blur();
  }

  /** @param {Line|null} line */
  #show(line) {
    this.#shown = line;
    this.element.hidden = !line;
    this.undo.hidden = !line?.undo;
    this.undo.textContent = line?.label ?? "";
    this.words.textContent = line?.sentence ?? "";
    this.#wait();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (!this.#shown || this.#shown.stays || this.element.matches(":hover, :focus-within")) return;
    this.#timer = setTimeout(() => this.close(), TOAST_MS);
  }

  #takeBack() {
    const undo = this.#shown?.undo;
    this.close();
    void undo?.();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
    if (!isUndo || !this.#shown?.undo || (event.target instanceof Element && event.target.closest(TYPED))) return;
    event.preventDefault();
    this.#takeBack();
  }
}
