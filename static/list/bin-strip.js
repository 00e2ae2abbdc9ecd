/** A row on its way to the bin: what was deleted here can be taken back in place for a while. */

import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

/** How long a deletion can be taken back in place; after it, the clip is in the bin. */
export const UNDO_MS = 10_000;

export class Bin {
  /** @type {ReturnType<typeof setTimeout>|undefined} set while a deletion of ours can be taken back */
  #timer;
  #deleting = Promise.resolve();

  /**
   * @param {HTMLElement} element the row
   * @param {{remove: () => Promise<void>, restore: () => Promise<void>,
   *   busy: () => boolean, leave: () => void, announce: (words: string) => void}} row
   */
  constructor(element, row) {
    this.row = row;
    this.body = part(element, "body", HTMLElement);
    this.strip = part(element, "bin", HTMLElement);
    this.words = part(element, "bin-words", HTMLElement);
    this.undo = part(element, "undo", HTMLButtonElement);
  }

  /** Delete the clip, and offer to take it back. @param {string} name */
  async delete(name) {
    this.#show(words.bin.moved(name));
    this.body.hidden = true;
    this.undo.focus();
    this.#timer = setTimeout(() => void this.#expire(), UNDO_MS);
    try {
      await (this.#deleting = this.row.remove());
    } catch (error) {
      this.back();
      throw error;
    }
  }

  /** Take the deletion back; the deletion itself comes first, if it is still on its way. */
  async restore() {
    clearTimeout(this.#timer);
    await this.#deleting.catch(() => {});
    try {
      await this.row.restore();
    } catch (error) {
      return this.#show(String(error instanceof Error ? error.message : error));
    }
    this.back();
    this.row.announce(words.bin.restored);
  }

  /** The clip is in the bin: leave, unless somebody here may take that back, or is busy with it. */
  gone() {
    if (this.#timer !== undefined) return;
    if (!this.row.busy()) return this.#leave();
    if (!this.strip.hidden) return;
    this.#show(words.bin.elsewhere);
    document.addEventListener("selectionchange", this.#whenFree);
  }

  /** The row may have become free: nothing plays, or nobody is in it, any more. */
  free() {
    if (!this.strip.hidden && this.#timer === undefined && !this.row.busy()) this.#leave();
  }

  /** The clip is not in the bin, or no longer. */
  back() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.strip.hidden = true;
    this.body.hidden = false;
    document.removeEventListener("selectionchange", this.#whenFree);
  }

  async #expire() {
    await this.#deleting.catch(() => {});
    this.#leave();
  }

  #leave() {
    document.removeEventListener("selectionchange", this.#whenFree);
    this.row.leave();
  }

  #whenFree = () => this.free();

  /** @param {string} words */
  #show(words) {
    this.words.textContent = words;
    this.strip.hidden = false;
    this.row.announce(words);
  }
}
