/** What is going on with a clip, in words, and what can be done about it. */

import { part } from "./element.js";

export class ConditionView {
  /** @param {HTMLElement} clip */
  constructor(clip) {
    this.element = part(clip, "status", HTMLElement);
    this.words = part(clip, "status-words", HTMLElement);
    this.progress = part(clip, "progress", HTMLProgressElement);
    this.retry = part(clip, "retry", HTMLButtonElement);
    this.save = part(clip, "save", HTMLButtonElement);
    this.resume = part(clip, "continue", HTMLButtonElement);
    this.finish = part(clip, "finish", HTMLButtonElement);
  }

  /** @param {import("./clip-state.js").View} view */
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
