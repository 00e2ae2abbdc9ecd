/** What was not heard of a clip: a sentence, and a tick on its sound for each gap, which says what it is. */

import { write } from "./condition.js";
import { part } from "./part.js";

export class Gaps {
  #shown = "";

  /** @param {HTMLElement} row */
  constructor(row) {
    this.words = part(row, "gaps", HTMLElement);
    this.ticks = part(row, "marks", HTMLElement);
  }

  /** @param {Pick<import("../clip-state.js").View, "gaps"|"marks">} view */
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
