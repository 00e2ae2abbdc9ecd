/**
 * What lies on the line of a clip's sound: a notch for each gap, a flag for each marker, and a band where speech has no
 * words; each says what it is.
 */

import { places } from "../clip/remarks.js";
import { clock } from "../shared/format.js";

/** @typedef {import("../shared/clip-state.js").Mark} Mark */

export class Ticks {
  #shown = "";

  /** @param {HTMLElement} element over the line */
  constructor(element) {
    this.element = element;
  }

  /** @param {Mark[]} gaps @param {import("../shared/types.js").Clip|null} clip */
  show(gaps, clip) {
    const whole_ms = clip?.duration_ms ?? 0;
    const bands = places(clip?.remarks ?? [], whole_ms);
    const markers = whole_ms ? (clip?.markers ?? []) : [];
    const wanted = JSON.stringify([gaps, bands, markers, whole_ms]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.element.replaceChildren(
      ...gaps.map(({ place, words }) => tick("gap", words, place)),
      ...markers.map(({ at_ms, text }) => tick("marker", [clock(at_ms), text].filter(Boolean).join(" "), Math.min(1, at_ms / whole_ms))),
      ...bands.map(({ title, from, to }) => tick("band", title, from, to - from)),
    );
  }
}

/** @param {string} kind @param {string} title @param {number} from 0 to 1 @param {number} [width] 0 to 1 */
function tick(kind, title, from, width = 0) {
  const made = document.createElement("i");
  made.className = kind;
  made.title = title;
  made.style.insetInlineStart = `${100 * from}%`;
  if (width) made.style.width = `${100 * width}%`;
  return made;
}
