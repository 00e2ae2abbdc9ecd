/** One calm line for somebody who is signed out, and one for what another person recorded on this device. */

import { part } from "./element.js";
import { language, words } from "./words.js";

/** Where one goes on after signing in: a place of this page. */
export const signInAddress = (at = location) => `/sign-in?${new URLSearchParams({ next: `${at.pathname}${at.search}` })}`;

export class SignInNotice {
  #others = 0;

  /**
   * @param {HTMLElement} page @param {import("./session.js").Session} session
   * @param {() => boolean} isBusy whether something is being made here that must not be cut off
   */
  constructor(page, session, isBusy) {
    this.session = session;
    this.element = part(page, "signed-out", HTMLElement);
    this.words = part(page, "signed-out-words", HTMLElement);
    this.link = part(page, "sign-in", HTMLAnchorElement);
    this.waiting = part(page, "others", HTMLElement);
    this.link.addEventListener("click", () => {
      // What is recorded here goes on meanwhile.
      this.link.href = isBusy() ? "/sign-in?beside" : signInAddress();
      this.link.target = isBusy() ? "_blank" : "";
    });
    session.addEventListener("change", () => this.#show());
    language.addEventListener("change", () => this.#show());
  }

  /** So many recordings of other people wait here. @param {number} count */
  others(count) {
    this.#others = count;
    this.#show();
  }

  #show() {
    const said = words.session;
    this.element.hidden = !this.session.isOut;
    const { person } = this.session;
    const sentence = this.session.isOut ? (person ? said.signedOut : said.nobody) : "";
    if (this.words.textContent !== sentence) this.words.textContent = sentence;
    this.waiting.hidden = !this.#others;
    this.waiting.textContent = this.#others ? said.others(this.#others) : "";
  }
}
