/** Says that the page is cut off; silent while all is well. */

import { sentenceOf } from "./sentences.js";
import { words } from "./words.js";
import { part } from "./element.js";

/** Shorter interruptions (a deploy, a change of network) are nobody's business. */
const PATIENCE_MS = 5_000;

export class Connection {
  /** Whether the server answers although no events come. */
  isPolled = false;
  /** Whether another line says why nothing comes: somebody has to sign in. */
  #isSignedOut = false;
  /** Whether the clips were read since the page was opened. */
  #wasRead = false;
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
    [this.#patience, this.isPolled] = [undefined, false];
    this.offline.hidden = true;
  }

  down() {
    this.looking.hidden = true;
    if (this.isPolled) clearTimeout(this.#patience);
    else if (this.#patience) return;
    this.isPolled = false;
    this.#patience = setTimeout(() => this.#say(words.page.offline), PATIENCE_MS);
  }

  /** No events come, and yet the server answers: the list is asked for. */
  showPolling() {
    if (this.isPolled) return;
    this.isPolled = true;
    clearTimeout(this.#patience);
    this.#say(words.list.polled);
  }

  /** @param {boolean} isSignedOut */
  signedOut(isSignedOut) {
    this.#isSignedOut = isSignedOut;
    if (isSignedOut) this.offline.hidden = this.problem.hidden = true;
  }

  /** @param {string} sentence */
  #say(sentence) {
    if (this.#isSignedOut) return;
    this.offline.hidden = false;
    // Screen readers tell what changes in what they see, not that it is seen.
    this.offline.textContent = "";
    setTimeout(() => (this.offline.textContent = sentence), 50);
  }

  /** So many pages are open, this one among them. @param {number} pages */
  others(pages) {
    const others = pages - 1;
    this.looking.hidden = others < 1;
    this.looking.textContent = words.list.screens(others);
  }

  /**
   * The list was read, or why it could not be. @param {import("./problem.js").Reason|null} problem
   * @param {boolean} [isKnown] clips are shown as they were at an earlier visit
   */
  list(problem, isKnown = false) {
    this.#wasRead ||= !problem;
    // That there is no connection is told already, and the clips are here.
    const isTold = this.#wasRead && this.#patience !== undefined && isAway(problem);
    this.problem.hidden = !problem || isTold || this.#isSignedOut;
    if (problem) this.problem.textContent = isKnown ? words.offline.recalled : words.list.unreadable(sentenceOf(problem));
  }
}

/** Whether no answer came. @param {import("./problem.js").Reason|null} reason */
function isAway(reason) {
  return reason !== null && "code" in reason && (reason.code === "server.unreachable" || reason.code === "server.silent");
}
