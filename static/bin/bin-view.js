/** The bin: what was deleted, until when it is kept, the way back, and the way out for good. */

import { confirmed } from "../shared/confirmation.js";
import { part } from "../shared/element.js";
import { gone } from "../shared/library.js";
import { language, locale, words } from "../shared/words.js";
import { BinRow } from "./bin-row.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

/**
 * What the bin needs of the page.
 * @typedef {{library: import("../shared/library.js").Library, actions: import("../shared/actions.js").Actions,
 *   sync: import("../shared/sync.js").Sync, player: import("../player/player-bar.js").PlayerBar,
 *   outbox: import("../offline/outbox.js").Outbox, facts: import("../shared/server-facts.js").ServerFacts,
 *   toast: import("../shared/toast.js").Toast, announce: (words: string) => void}} BinPage
 */

export class BinView {
  /** @type {Map<string, BinRow>} */
  #rows = new Map();
  /** @type {string|null} */
  #next = null;
  #reading = false;
  #known = false;
  #isOpen = false;

  /** @param {HTMLElement} element @param {BinPage} page */
  constructor(element, page) {
    const { library, sync, player, facts } = page;
    this.page = page;
    this.element = element;
    this.title = part(element, "deleted-title", HTMLElement);
    this.kept = part(element, "deleted-kept", HTMLElement);
    this.problem = part(element, "deleted-problem", HTMLElement);
    this.empty = part(element, "deleted-empty", HTMLElement);
    this.list = part(element, "deleted-clips", HTMLElement);
    this.more = part(element, "deleted-more", HTMLButtonElement);
    this.clear = part(element, "empty-bin", HTMLButtonElement);
    this.more.addEventListener("click", () => void this.#read(this.#next));
    this.clear.addEventListener("click", () => void this.#clear());
    library.addEventListener("change", (event) => this.#change(/** @type {CustomEvent} */ (event).detail.id));
    player.addEventListener("state", (event) => this.#rows.get(/** @type {CustomEvent} */ (event).detail)?.played());
    sync.addEventListener("list", (event) => this.#isOpen && !(/** @type {CustomEvent} */ (event).detail) && this.#read());
    for (const news of [facts, language]) news.addEventListener("change", () => this.#speak());
    this.#speak();
  }

  /** Show the bin, or leave it. @param {boolean} isOpen */
  set open(isOpen) {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    for (const id of [...this.#rows.keys()]) this.#remove(id);
    if (!isOpen) return;
    for (const { id } of this.page.library.deleted()) this.#change(id);
    void this.#read();
    void this.page.facts.read();
  }

  /** @param {string|null} [cursor] */
  async #read(cursor = null) {
    if (this.#reading) return;
    this.#reading = true;
    this.more.ariaBusy = "true";
    try {
      const page = await this.page.actions.api.list(cursor, { deleted: true });
      this.page.library.add(page.clips);
      this.#next = page.next;
      this.#known = true;
      this.#say(null);
    } catch (error) {
      this.#say(words.bin.unreadable(reason(error)));
    } finally {
      this.#reading = false;
      this.more.ariaBusy = "false";
      this.#emptiness();
    }
  }

  /** @param {string|null} problem */
  #say(problem) {
    this.problem.textContent = problem ?? "";
    this.problem.hidden = !problem;
    this.more.textContent = words.bin[problem ? "tryAgain" : "earlier"];
    this.more.hidden = !problem && !this.#next;
  }

  #speak() {
    const { bin_days } = this.page.facts;
    this.kept.textContent = words.bin.kept(bin_days, bin_days.toLocaleString(locale));
    for (const row of this.#rows.values()) row.speak();
    if (this.#known) this.#say(null);
  }

  /** @param {string} id */
  #change(id) {
    if (!this.#isOpen) return;
    const entry = this.page.library.get(id);
    const row = this.#rows.get(id);
    if (!entry || !gone(entry)) this.#remove(id);
    else if (row) row.show(entry);
    else {
      const placed = new BinRow(entry, this.page);
      const next = [...this.#rows.values()]
        .filter((other) => other.at < placed.at)
        .reduce((latest, other) => (latest && latest.at > other.at ? latest : other), /** @type {BinRow|null} */ (null));
      this.#rows.set(id, placed);
      this.list.insertBefore(placed.element, next?.element ?? null);
    }
    this.#emptiness();
  }

  /** Delete all of it for good, when a person has said so twice. */
  async #clear() {
    const { title, sentence, action } = words.bin.empty;
    if (!(await confirmed({ title, sentence, action }))) return;
    const { actions, outbox, library, player, facts, announce } = this.page;
    this.clear.ariaBusy = "true";
    try {
      const kept = library.deleted();
      if (kept.some(({ id }) => id === player.id)) player.close();
      if (kept.some(({ clip }) => clip) || this.#next) await actions.api.emptyBin();
      for (const { id, local } of kept) {
        if (local) await outbox.forget(id);
        else library.erase(id);
      }
      announce(words.page.binEmpty);
      await this.#read();
      this.title.focus();
    } catch (error) {
      this.#say(words.bin.unemptied(reason(error)));
    } finally {
      this.clear.ariaBusy = "false";
      void facts.read();
    }
  }

  /** @param {string} id */
  #remove(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    if (row.element.contains(document.activeElement)) {
      const beside = row.element.nextElementSibling ?? row.element.previousElementSibling;
      (beside ? part(beside, "restore", HTMLElement) : this.title).focus();
    }
    row.element.remove();
  }

  #emptiness() {
    this.empty.hidden = !this.#known || !this.problem.hidden || this.#rows.size > 0;
    this.clear.hidden = this.#rows.size === 0;
  }
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
