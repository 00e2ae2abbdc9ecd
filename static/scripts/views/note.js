/** What went wrong in a row, and the ways out of it. */

import { part } from "./part.js";

export class Note {
  /** @type {(() => unknown)|null} */
  #again = null;
  /** @type {{mine: () => unknown, theirs: () => unknown}|null} */
  #conflict = null;

  /** @param {HTMLElement} row */
  constructor(row) {
    this.element = part(row, "note", HTMLElement);
    this.words = part(row, "note-words", HTMLElement);
    this.buttons = {
      again: part(row, "again", HTMLButtonElement),
      mine: part(row, "mine", HTMLButtonElement),
      theirs: part(row, "theirs", HTMLButtonElement),
    };
    this.buttons.again.addEventListener("click", () => this.again());
    this.buttons.mine.addEventListener("click", () => this.#settle("mine"));
    this.buttons.theirs.addEventListener("click", () => this.#settle("theirs"));
  }

  /**
   * Say a sentence; with `again`, offer to repeat what failed; with `conflict`, to choose between two wordings.
   * @param {string} words
   * @param {{again?: () => unknown, conflict?: {mine: () => unknown, theirs: () => unknown}}} [ways]
   */
  say(words, { again, conflict } = {}) {
    this.#again = again ?? null;
    this.#conflict = conflict ?? null;
    this.words.textContent = words;
    this.element.hidden = false;
    this.buttons.again.hidden = !again;
    this.buttons.mine.hidden = this.buttons.theirs.hidden = !conflict;
  }

  clear() {
    this.#again = this.#conflict = null;
    this.element.hidden = true;
  }

  /** Repeat what failed, if anything did: a person asks for it, or the server is back. */
  again() {
    this.#again?.();
  }

  /** @param {"mine"|"theirs"} whose */
  #settle(whose) {
    const conflict = this.#conflict;
    this.clear();
    conflict?.[whose]();
  }
}
