/** In which language a clip is: what was found, what a person says, and a list to choose from. */

import { language, languages } from "../shared/languages.js";
import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

/** @typedef {{found: string|null, set: string|null}} Spoken as in a clip: `set` by a person, `found` in the words */

/** By keyboard a list is walked through, letter by letter: where somebody stays so long is what they choose. */
const SETTLED_MS = 1_000;

export class LanguagePicker {
  /** @type {Spoken} */
  #spoken = { found: null, set: null };
  #walking = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} set while somebody walks through the list */
  #settling;

  /**
   * @param {HTMLElement} row @param {(code: string|null) => Promise<void>} choose null: it is to be found out
   * @param {(error: unknown) => void} failed
   */
  constructor(row, choose, failed) {
    this.element = part(row, "language", HTMLElement);
    this.name = part(row, "language-name", HTMLElement);
    this.select = part(row, "languages", HTMLSelectElement);
    this.options = { choose, failed };
    // A hundred languages for every row would be the larger part of the page, so they come when somebody reaches out.
    for (const early of ["pointerdown", "focus"]) this.select.addEventListener(early, () => this.#fill());
    this.select.addEventListener("keydown", ({ key }) => (this.#walking = key !== "Enter"));
    this.select.addEventListener("pointerdown", () => (this.#walking = false));
    this.select.addEventListener("blur", () => this.#settling && this.#choose());
    this.select.addEventListener("change", () => {
      clearTimeout(this.#settling);
      if (this.#walking) this.#settling = setTimeout(() => this.#choose(), SETTLED_MS);
      else void this.#choose();
    });
  }

  /** @param {Spoken|null} spoken null: there is nothing to choose */
  show(spoken) {
    this.element.hidden = !spoken;
    if (!spoken) return;
    this.#spoken = spoken;
    const shown = spoken.set ?? spoken.found;
    this.name.textContent = shown ? language(shown) : words.clip.language;
    if (this.select.options.length > 1) this.#mark();
    else this.select.replaceChildren(new Option(shown ? this.name.textContent : words.clip.detect));
  }

  /** Go to the list, and unfold it where the browser lets a page do that. */
  open() {
    this.#fill();
    this.select.focus();
    try {
      this.select.showPicker?.();
    } catch {
      // It has the focus: a key or a touch unfolds it.
    }
  }

  async #choose() {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    const code = this.select.value || null;
    if (code === this.#spoken.set) return;
    try {
      await this.options.choose(code);
    } catch (error) {
      this.show(this.#spoken);
      this.options.failed(error);
    }
  }

  #fill() {
    if (this.select.options.length <= 1) {
      const all = languages().map(({ code, name }) => new Option(name, code));
      this.select.replaceChildren(new Option("", ""), ...all);
    }
    this.#mark();
  }

  /** Say which one it is. */
  #mark() {
    const { found, set } = this.#spoken;
    this.select.options[0].text = found && !set ? words.clip.detected(language(found)) : words.clip.detect;
    if (!this.#settling) this.select.value = set ?? "";
  }
}
