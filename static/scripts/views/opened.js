/** Which clip is open: one at a time, by a click, a key or an address; and the keys that mean it. */

import { Problem } from "../api.js";
import { applies, command } from "../keys.js";
import { gone } from "../library.js";
import { link, target } from "../links.js";
import { listening } from "../listening.js";
import { words } from "../words.js";
import { Player } from "./player.js";
import { help, times } from "./tools.js";

/** @typedef {import("./clip-row.js").ClipRow} ClipRow */

export { link };

export class Opened {
  /** @type {ClipRow|null} */
  #row = null;

  /**
   * @param {import("./clip-list.js").ClipList} list @param {import("../library.js").Library} library
   * @param {import("../api.js").Api} api @param {HTMLElement} problem where it is said that a link leads nowhere
   */
  constructor(list, library, api, problem) {
    this.list = list;
    this.library = library;
    this.api = api;
    this.problem = problem;
    list.element.addEventListener("unfold", (event) => {
      const row = /** @type {CustomEvent<ClipRow>} */ (event).detail;
      if (row === this.current) this.close();
      else this.open(row);
      forget();
    });
    addEventListener("hashchange", () => void this.follow());
    // The same address again changes nothing, though somebody wants to go there.
    document.addEventListener("click", ({ target: clicked, defaultPrevented }) => {
      const address = clicked instanceof Element && clicked.closest("a")?.getAttribute("href");
      if (address && address === location.hash && !defaultPrevented) void this.follow();
    });
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The row that is open, if it is in sight at all. */
  get current() {
    return this.#row?.open && this.#row.element.checkVisibility() ? this.#row : null;
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
    try {
      if (!this.library.get(id)) this.library.apply(await this.api.get(id));
    } catch (error) {
      const isUnknown = error instanceof Problem && error.definite;
      return this.#say(isUnknown ? words.player.unknown : words.player.unopened(String(error)));
    }
    if (target(location.hash)?.id !== id) return;
    const entry = this.library.get(id);
    if (entry && gone(entry)) return this.#say(words.player.deleted);
    const row = this.list.reveal(id);
    if (!row) return;
    this.open(row);
    row.element.scrollIntoView({ block: "start" });
    row.parts.play.focus({ preventScroll: true });
    if (ms !== null) row.goTo(ms);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const told = command(event);
    if (!told || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const at = /** @type {HTMLElement} */ (event.target);
    const selects = document.getSelection()?.isCollapsed === false;
    const focus = { tag: at.tagName, type: at.getAttribute("type") ?? "", editable: at.isContentEditable, selects };
    if (applies(told, focus) && this.#does(told)) event.preventDefault();
  }

  /** Do what a key says; false: there is nothing to do it to. @param {import("../keys.js").Command} told */
  #does([does, by]) {
    const row = this.current;
    const player = Player.latest?.playing ? Player.latest : (row?.player ?? Player.latest);
    if (does === "help") void help();
    else if (does === "close" && row) this.list.element.dispatchEvent(new CustomEvent("unfold", { detail: row }));
    else if (does === "edit" && row) row.transcript.edit();
    else if (does === "here" && row) return row.transcript.seekHere();
    else if (!player || does === "close" || does === "edit" || does === "here") return false;
    else if (does === "toggle") void player.toggle();
    else if (does === "by") void player.by(by);
    else if (does === "word") void player.word(by);
    else if (does === "speed") this.#hasten(by);
    else if (does === "skip") this.#skip();
    return true;
  }

  /** @param {1|-1} way */
  #hasten(way) {
    listening.step(way);
    this.list.announce(words.player.speedIs(times(listening.speed)));
  }

  #skip() {
    listening.skips = !listening.skips;
    this.list.announce(listening.skips ? words.player.skips : words.player.skipsNot);
  }
}

/** The address no longer says what is open. */
function forget() {
  if (target(location.hash)) history.replaceState(null, "", location.pathname + location.search);
}
