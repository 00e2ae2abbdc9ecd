/** Which clip is open: one at a time, by a click, a key or an address. */

import { Problem } from "../shared/api.js";
import { gone } from "../shared/library.js";
import { link, target } from "../shared/links.js";
import { isRendered } from "../shared/rendered.js";
import { words } from "../shared/words.js";

/** @typedef {import("../list/clip-row.js").ClipRow} ClipRow */

export { link };

export class Opened {
  /** @type {ClipRow|null} */
  #row = null;
  /** @type {typeof import("./shortcuts.js")|null} */
  #keys = null;

  /**
   * @param {import("../list/clip-list.js").ClipList} list @param {import("../shared/library.js").Library} library
   * @param {import("../shared/api.js").Api} api @param {HTMLElement} problem where it is said that a link leads nowhere
   */
  constructor(list, library, api, problem) {
    this.list = list;
    this.library = library;
    this.api = api;
    this.problem = problem;
    list.element.addEventListener("unfold", (event) => this.toggle(/** @type {CustomEvent<ClipRow>} */ (event).detail));
    addEventListener("hashchange", () => void this.follow());
    // The same address again changes nothing, though somebody wants to go there.
    document.addEventListener("click", ({ target: clicked, defaultPrevented }) => {
      const address = clicked instanceof Element && clicked.closest("a")?.getAttribute("href");
      if (address && address === location.hash && !defaultPrevented) void this.follow();
    });
    document.addEventListener("keydown", async (event) => {
      if (this.#keys) this.#keys.press(event, this);
      else (await this.#learn())?.press(event, this);
    });
  }

  /** The row that is open, if it is in sight at all. */
  get current() {
    return this.#row?.open && isRendered(this.#row.element) ? this.#row : null;
  }

  /** A person opens or closes a row. @param {ClipRow} row */
  toggle(row) {
    if (row === this.current) this.close();
    else this.open(row);
    // The address no longer says what is open.
    if (target(location.hash)) history.replaceState(null, "", location.pathname + location.search);
  }

  /** @param {ClipRow} row */
  open(row) {
    if (row.open) return;
    // What closes above must not move what somebody looks at.
    const before = row.element.getBoundingClientRect().top;
    this.close();
    this.#row = row;
    scrollBy({ top: row.element.getBoundingClientRect().top - before, behavior: "instant" });
    row.unfold();
    this.#say("");
    void this.#learn();
  }

  close() {
    this.#row?.unfold(false);
    this.#row = null;
  }

  /** Go where the address leads: to a clip that is fetched if it is not here, and there to a moment. */
  async follow() {
    const wanted = target(location.hash);
    this.#say("");
    if (!wanted) return;
    const { id, ms } = wanted;
    // The list comes back from behind the bin first.
    await new Promise((resolve) => setTimeout(resolve));
    try {
      if (!this.library.get(id)) this.library.apply(await this.api.get(id));
    } catch (error) {
      const isUnknown = error instanceof Problem && error.definite;
      return this.#say(isUnknown ? words.player.unknown : words.player.unopened(error instanceof Error ? error.message : String(error)));
    }
    if (target(location.hash)?.id !== id) return;
    const entry = this.library.get(id);
    if (entry && gone(entry)) return this.#say(words.player.deleted);
    const row = this.list.reveal(id);
    if (!row) return;
    this.open(row);
    row.element.scrollIntoView({ block: "start" });
    row.parts.play.focus({ preventScroll: true });
    if (ms !== null) void row.goTo(ms);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
  }

  async #learn() {
    return (this.#keys = await import("./shortcuts.js").catch(() => null));
  }
}
