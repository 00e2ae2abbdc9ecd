/** Says that the page is cut off, and offers older clips; silent while all is well. */

import { words } from "../words.js";
import { part } from "./part.js";

/** Shorter interruptions (a deploy, a change of network) are nobody's business. */
const PATIENCE_MS = 5_000;

export class Connection {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #patience;

  /** @param {HTMLElement} page @param {import("../sync.js").Sync} sync */
  constructor(page, sync) {
    this.sync = sync;
    this.offline = part(page, "offline", HTMLElement);
    this.looking = part(page, "looking", HTMLElement);
    this.problem = part(page, "list-problem", HTMLElement);
    this.more = part(page, "more-clips", HTMLButtonElement);
    this.more.addEventListener("click", () => void this.#more());
    // A list that is scrolled to its end goes on by itself; the button is for keyboards, and for when that fails.
    new IntersectionObserver(([seen]) => seen.isIntersecting && void this.#more()).observe(this.more);
    this.down();
  }

  up() {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.offline.hidden = true;
  }

  down() {
    this.looking.hidden = true;
    this.#patience ??= setTimeout(() => (this.offline.hidden = false), PATIENCE_MS);
  }

  /** So many pages are open, this one among them. @param {number} pages */
  others(pages) {
    const others = pages - 1;
    this.looking.hidden = others < 1;
    this.looking.textContent = others === 1 ? "Open on 1 other screen" : `Open on ${others} other screens`;
  }

  /**
   * The list was read, or why it could not be. @param {string|null} problem
   * @param {boolean} [isKnown] clips are shown as they were at an earlier visit
   */
  list(problem, isKnown = false) {
    this.problem.hidden = !problem;
    if (problem && isKnown) this.problem.textContent = words.offline.recalled;
    else if (problem) this.problem.textContent = `The clips could not be read: ${problem} The page goes on trying.`;
    this.more.hidden = !this.sync.more;
  }

  async #more() {
    if (this.more.ariaBusy === "true") return;
    this.more.ariaBusy = "true";
    try {
      await this.sync.readMore();
      this.list(null);
    } catch (error) {
      this.list(error instanceof Error ? error.message : String(error));
    } finally {
      this.more.ariaBusy = "false";
    }
  }
}
