/** What went wrong with a clip, and the ways out of it. */

import { part } from "./element.js";

export class ProblemNote {
  /** @type {(() => unknown)|null} */
  #again = null;
  /** @type {((whose: "mine"|"theirs") => unknown)|null} */
  #choose = null;
  /** What is said at the same time: what somebody has to choose, what is not saved, and what passes. */
  #words = { choice: "", unsaved: "", passing: "" };

  /** @param {HTMLElement} clip */
  constructor(clip) {
    this.element = part(clip, "note", HTMLElement);
    this.words = part(clip, "note-words", HTMLElement);
    this.buttons = {
      again: part(clip, "again", HTMLButtonElement),
      mine: part(clip, "mine", HTMLButtonElement),
      theirs: part(clip, "theirs", HTMLButtonElement),
    };
    this.buttons.again.addEventListener("click", () => this.again());
    this.buttons.mine.addEventListener("click", () => this.#choose?.("mine"));
    this.buttons.theirs.addEventListener("click", () => this.#choose?.("theirs"));
  }

  /** Say a sentence until something succeeds. @param {string} words */
  say(words) {
    this.#show({ passing: words });
  }

  /** Say what is not saved, and offer to repeat it. @param {string} words @param {() => unknown} again */
  fail(words, again) {
    this.#again = again;
    this.#show({ unsaved: words });
  }

  /** Offer two wordings until somebody has chosen. @param {string} words @param {(whose: "mine"|"theirs") => unknown} choose */
  offer(words, choose) {
    this.#choose = choose;
    this.#show({ choice: words });
  }

  /** There is nothing to choose any more. */
  settle() {
    this.#choose = null;
    this.#show({ choice: "" });
  }

  /** What was wrong is over; `isSaved`: also what was not saved. @param {boolean} [isSaved] */
  clear(isSaved = false) {
    if (isSaved) this.#again = null;
    this.#show({ passing: "", ...(isSaved && { unsaved: "" }) });
  }

  /** Repeat what failed, if anything did: a person asks for it, or the server is back. */
  again() {
    this.#again?.();
  }

  /** @param {{choice?: string, unsaved?: string, passing?: string}} words */
  #show(words) {
    Object.assign(this.#words, words);
    const said = Object.values(this.#words).filter(Boolean).join(" ");
    if (this.words.textContent !== said) this.words.textContent = said;
    this.element.hidden = !said;
    this.buttons.again.hidden = !this.#again;
    this.buttons.mine.hidden = this.buttons.theirs.hidden = !this.#choose;
  }
}
