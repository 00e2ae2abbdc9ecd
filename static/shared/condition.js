/** What is going on with a clip, in words, and what can be done about it; and what is missing from it. */

import { part } from "./element.js";

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

/** What was not heard of a clip: a sentence, and a tick on its sound for each gap, which says what it is. */
export class Gaps {
  #shown = "";

  /** @param {HTMLElement} row */
  constructor(row) {
    this.words = part(row, "gaps", HTMLElement);
    this.ticks = part(row, "marks", HTMLElement);
  }

  /** @param {Pick<import("./clip-state.js").View, "gaps"|"marks">} view */
  show({ gaps, marks }) {
    write(this.words, gaps);
    this.words.hidden = !gaps;
    const wanted = JSON.stringify(marks);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.ticks.replaceChildren(
      ...marks.map(({ place, words }) => {
        const tick = document.createElement("i");
        tick.style.left = `${100 * place}%`;
        tick.title = words;
        return tick;
      }),
    );
  }
}
