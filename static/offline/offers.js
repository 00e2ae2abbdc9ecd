/** What the page offers and never urges: a new version, and a place among the apps. */

import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

// They come together, and nobody waits for either.
export { Installation, launched, shared } from "./install.js";

export class Offers {
  #ready = false;

  /**
   * @param {HTMLElement} page @param {import("./install.js").Installation} installation
   * @param {{busy: () => boolean, flush: () => Promise<unknown>}} work busy: nothing may come between; flush: save what
   *   is typed
   */
  constructor(page, installation, work) {
    this.work = work;
    this.update = part(page, "update", HTMLElement);
    this.install = part(page, "install", HTMLButtonElement);
    installation.addEventListener("ready", () => {
      this.#ready = true;
      this.show();
    });
    part(page, "reload", HTMLButtonElement).addEventListener("click", async () => {
      await work.flush();
      if (!work.busy()) installation.reload();
    });
    addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault();
      this.install.hidden = false;
      this.install.onclick = () => void /** @type {any} */ (event).prompt();
    });
    addEventListener("appinstalled", () => (this.install.hidden = true));
  }

  /** Offer what there is to offer, if this is the moment. */
  show() {
    const shown = this.#ready && !this.work.busy();
    if (shown === !this.update.hidden) return;
    this.update.hidden = !shown;
    part(this.update, "update-words", HTMLElement).textContent = shown ? words.offline.newVersion : "";
  }
}
