/** A line that says what is being made ready, and offers to give it up. */

import { words } from "../shared/words.js";

export class Preparing {
  /** @type {AbortController|null} */
  #asking = null;

  /** @param {HTMLElement} parent that the line is added to @param {(words: string) => void} announce */
  constructor(parent, announce) {
    this.announce = announce;
    this.element = document.createElement("p");
    this.element.className = "preparing";
    this.element.hidden = true;
    this.words = document.createElement("span");
    this.cancel = document.createElement("button");
    Object.assign(this.cancel, { type: "button", className: "link", textContent: words.page.cancel, hidden: true });
    this.cancel.addEventListener("click", () => this.#asking?.abort());
    this.element.append(this.words, this.cancel);
    parent.append(this.element);
  }

  /** @param {string} sentence none: it is over */
  show(sentence) {
    if (sentence && sentence !== this.words.textContent) this.announce(sentence);
    this.words.textContent = sentence;
    this.element.hidden = !sentence;
  }

  /**
   * Do what may have to wait; a person may give it up, and then nothing comes of it. What else goes wrong is thrown.
   * @template T @param {string} sentence said while it waits @param {(how: import("./renditions.js").How) => Promise<T>} work
   * @returns {Promise<T|null>}
   */
  async during(sentence, work) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      return await work({ signal: asking.signal, waits: () => this.#wait(sentence) });
    } catch (error) {
      if (asking.signal.aborted) return null;
      throw error;
    } finally {
      if (this.#asking === asking) this.show("");
    }
  }

  /** @param {string} sentence */
  #wait(sentence) {
    this.cancel.hidden = false;
    this.show(sentence);
  }
}
