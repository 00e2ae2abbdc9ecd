/** Puts clips into the bin, and offers to take that back. */

import { sentenceOfError } from "./sentences.js";
import { words } from "./words.js";

export class Deletion {
  /** @param {{actions: import("./actions.js").Actions, toast: import("./toast.js").Toast, announce: (words: string) => void}} page */
  constructor({ actions, toast, announce }) {
    this.actions = actions;
    this.toast = toast;
    this.announce = announce;
  }

  /**
   * @param {string} id @param {string} name as a person knows it
   * @param {() => unknown} [back] goes to where it was deleted, when that is taken back
   */
  async delete(id, name, back) {
    const deleting = this.actions.remove(id);
    this.toast.say(words.bin.moved(name), { undo: () => void this.#restore(id, deleting, back) });
    try {
      await deleting;
    } catch (error) {
      this.toast.say(sentenceOfError(error), { stays: true });
    }
  }

  /** The deletion itself comes first, if it is still on its way. @param {string} id @param {Promise<void>} deleting @param {() => unknown} [back] */
  async #restore(id, deleting, back) {
    await deleting.catch(() => {});
    try {
      await this.actions.restore(id);
      this.announce(words.bin.restored);
      back?.();
    } catch (error) {
      this.toast.say(sentenceOfError(error), { stays: true });
    }
  }
}
