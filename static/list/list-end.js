/** The end of the list, where it is read on as one comes near: quietly, and asked for again when that fails. */

import { sentenceOfError } from "../shared/sentences.js";
import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

/** @typedef {{more: boolean, readMore: () => Promise<void>}} Source */

export class ListEnd {
  #reading = false;

  /** @param {HTMLElement} element @param {Source} source @param {() => void} done told when it has tried */
  constructor(element, source, done) {
    this.source = source;
    this.done = done;
    this.element = part(element, "older", HTMLElement);
    this.words = part(element, "older-words", HTMLElement);
    this.again = part(element, "older-again", HTMLButtonElement);
    this.again.addEventListener("click", () => void this.read());
  }

  /** Whether only a person, or a new connection, can have it go on. */
  get hasFailed() {
    return !this.again.hidden;
  }

  /** Read from there from now on. @param {Source} source */
  from(source) {
    this.source = source;
    this.#say();
  }

  async read() {
    const { source } = this;
    if (this.#reading || !source.more) return;
    this.#reading = true;
    this.#say(words.finder.reading);
    let problem = "";
    try {
      await source.readMore();
    } catch (error) {
      problem = words.finder.unread(sentenceOfError(error));
    }
    this.#reading = false;
    if (source === this.source) this.#say(problem, Boolean(problem));
    this.done();
  }

  /** @param {string} [sentence] @param {boolean} [isProblem] */
  #say(sentence = "", isProblem = false) {
    this.element.hidden = !sentence;
    this.words.role = isProblem ? "alert" : null;
    this.words.textContent = sentence;
    this.again.hidden = !isProblem;
  }
}
