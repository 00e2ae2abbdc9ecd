/** What is going on with a clip, in words, and what can be done about it. */

import { part } from "./part.js";

export class ConditionView {
  /** @param {HTMLElement} row */
  constructor(row) {
    this.element = part(row, "status", HTMLElement);
    this.words = part(row, "status-words", HTMLElement);
    this.progress = part(row, "progress", HTMLProgressElement);
    this.retry = part(row, "retry", HTMLButtonElement);
    this.save = part(row, "save", HTMLButtonElement);
    this.resume = part(row, "continue", HTMLButtonElement);
    this.finish = part(row, "finish", HTMLButtonElement);
  }

  /** @param {import("../clip-state.js").View} view */
  show({ status, progress, retry, save, resume, finish }) {
    write(this.words, status);
    this.element.hidden = !status;
    this.progress.hidden = progress === null;
    this.progress.value = progress ?? 0;
    this.retry.hidden = !retry;
    this.save.hidden = !save;
    this.resume.hidden = !resume;
    this.finish.hidden = !finish;
    write(this.finish, finish);
  }
}

/**
 * Leave equal text alone: writing it anew would drop a selection.
 * @param {HTMLElement} element @param {string} words
 */
export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
