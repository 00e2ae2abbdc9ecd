/** A field that is edited in place and saved when it is left; what arrives meanwhile waits until it is free. */

import { makePlainText } from "./plain-text.js";

/** Words that are typed without a pause are saved so often: no more than these are lost with a tab that dies. */
const MEANWHILE_MS = 5_000;

/**
 * `save` gets the new words and those that the person began with; what it throws is handed to `failed`, and the words
 * stay in the field, unsaved, until `save()` succeeds or Escape gives them up.
 */
export class Editable {
  #latest = "";
  #base = "";
  #unsaved = false;
  #waiting = false;
  /** What is being saved. @type {Promise<void>|null} */
  #saving = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #meanwhile;

  /**
   * @param {HTMLElement} element an input, or an element whose text is editable
   * @param {{save: (value: string, base: string) => Promise<void>, failed: (error: unknown) => void,
   *   required?: boolean, keeps?: boolean, left?: () => void}} options `keeps`: Escape saves, too, and so does time;
   *   `left` is told when nobody is at it any more and nothing is unsaved
   */
  constructor(element, { save, failed, required = false, keeps = false, left }) {
    this.element = element;
    if (!(element instanceof HTMLInputElement)) makePlainText(element);
    this.options = { save, failed, required, keeps, left };
    element.addEventListener("focus", () => this.#unsaved || (this.#base = this.#read()));
    element.addEventListener("blur", () => void this.save());
    element.addEventListener("keydown", (event) => this.#key(event));
    if (keeps) element.addEventListener("input", () => (this.#meanwhile ??= setTimeout(() => this.#keep(), MEANWHILE_MS)));
  }

  /** Whether a person is at it: typing, selecting, or waiting for their words to be saved. */
  get busy() {
    return this.#unsaved || document.activeElement === this.element || selects(this.element);
  }

  /** What is in the field. */
  get value() {
    return this.#read();
  }

  /** Show what the clip says now, at once or as soon as the field is free. @param {string} value */
  show(value) {
    this.#latest = value;
    if (!this.busy) this.#take(value);
    else if (!this.#waiting && this.#read() !== value) {
      this.#waiting = true;
      document.addEventListener("selectionchange", this.#whenFree);
    }
  }

  /** What the person began with. */
  get base() {
    return this.#base;
  }

  /** Go on with what was written before and could not be saved. @param {string} value @param {string} base */
  resume(value, base) {
    this.#write(value);
    [this.#base, this.#unsaved] = [base, true];
  }

  /** Save what the person wrote, if they wrote anything. */
  async save() {
    // What is saved last stands on what was saved before.
    while (this.#saving) await this.#saving;
    const value = this.#read();
    if (value === this.#base || (this.options.required && !value.trim())) return this.revert();
    this.#unsaved = true;
    this.#saving = this.#save(value).finally(() => (this.#saving = null));
    await this.#saving;
  }

  /** @param {string} value */
  async #save(value) {
    try {
      await this.options.save(value, this.#base);
      this.#base = value;
      // Somebody has gone on writing.
      this.#unsaved = this.#read() !== value;
      if (this.#unsaved) return;
      this.show(this.#latest);
      this.#leave();
    } catch (error) {
      this.options.failed(error);
    }
  }

  /** Save what is typed so far. */
  #keep() {
    this.#meanwhile = undefined;
    if (document.activeElement === this.element && this.#read() !== this.#base) void this.save();
  }

  /** Keep the person's words against whatever was written elsewhere. */
  insist() {
    this.#base = this.#latest;
    return this.save();
  }

  /** Give up what the person wrote. */
  revert() {
    this.#unsaved = false;
    this.#take(this.#latest);
    this.#leave();
  }

  #leave() {
    if (!this.#unsaved && document.activeElement !== this.element) this.options.left?.();
  }

  #whenFree = () => {
    if (this.busy) return;
    document.removeEventListener("selectionchange", this.#whenFree);
    this.#waiting = false;
    this.#take(this.#latest);
  };

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const oneLine = this.element instanceof HTMLInputElement;
    if (event.key === "Enter" && (oneLine || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.element.blur();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (!this.options.keeps) this.revert();
      this.element.blur();
    }
  }

  #read() {
    if (this.element instanceof HTMLInputElement) return this.element.value.trim();
    if (this.element instanceof HTMLTextAreaElement) return this.element.value;
    return this.element.innerText.replace(/\n$/, "");
  }

  /** What the clip says is what a person begins with: a field that nobody touched has nothing to save. @param {string} value */
  #take(value) {
    this.#write(value);
    this.#base = this.#read();
  }

  /** @param {string} value */
  #write(value) {
    if (this.#read() === value) return; // Writing moves the caret.
    if (this.element instanceof HTMLInputElement || this.element instanceof HTMLTextAreaElement) this.element.value = value;
    else this.element.textContent = value;
  }
}

/** Whether a person has selected text within an element. @param {Element} element */
export function selects(element) {
  // To know what is selected, browsers lay out the page: not to be asked for a row that is being made.
  if (!element.isConnected) return false;
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && selection.containsNode(element, true));
}
