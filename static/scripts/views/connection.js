/** Says that the page is cut off; silent while all is well. */

import { words } from "../words.js";
import { part } from "./part.js";

/** Shorter interruptions (a deploy, a change of network) are nobody's business. */
const PATIENCE_MS = 5_000;

export class Connection {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #patience;

  /** @param {HTMLElement} page */
  constructor(page) {
    this.offline = part(page, "offline", HTMLElement);
    this.looking = part(page, "looking", HTMLElement);
    this.problem = part(page, "list-problem", HTMLElement);
    this.down();
  }

  up() {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.offline.hidden = true;
  }

  down() {
    this.looking.hidden = true;
    this.#patience ??= setTimeout(() => {
      this.offline.hidden = false;
      // Screen readers tell what changes in what they see, not that it is seen.
      const told = this.offline.textContent;
      this.offline.textContent = "";
      setTimeout(() => (this.offline.textContent = told), 50);
    }, PATIENCE_MS);
  }

  /** So many pages are open, this one among them. @param {number} pages */
  others(pages) {
    const others = pages - 1;
    this.looking.hidden = others < 1;
    this.looking.textContent = words.list.screens(others);
  }

  /**
   * The list was read, or why it could not be. @param {string|null} problem
   * @param {boolean} [isKnown] clips are shown as they were at an earlier visit
   */
  list(problem, isKnown = false) {
    this.problem.hidden = !problem;
    if (problem) this.problem.textContent = isKnown ? words.offline.recalled : words.list.unreadable(problem);
  }
}
