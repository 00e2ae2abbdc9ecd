/** Marks stretches of a text without touching it: by the browser's highlights, or by boxes behind the letters. */

/** More marks than these are no help, and cost time with every word that changes. */
const MAX_MARKS = 1_000;

/** Boxes are elements, of which a page should have fewer. */
const MAX_BOXES = 200;

export class TextMarks {
  /** @type {Highlight|null} */
  #highlight = null;
  /** Where the boxes are: behind the text, in browsers without highlights (Firefox before 140). @type {HTMLElement|null} */
  #layer = null;

  /** @param {string} name of the highlight, and of the boxes' class @param {HTMLElement} text positioned, so that boxes lie in it */
  constructor(name, text) {
    this.name = name;
    this.text = text;
    if (globalThis.Highlight && CSS.highlights) CSS.highlights.set(name, (this.#highlight = new Highlight()));
  }

  /** @param {Range[]} ranges */
  show(ranges) {
    if (this.#highlight) {
      this.#highlight.clear();
      for (const range of ranges.slice(0, MAX_MARKS)) this.#highlight.add(range);
    } else this.#boxes(ranges.slice(0, MAX_BOXES));
  }

  close() {
    this.#highlight?.clear();
    this.#layer?.remove();
    this.#layer = null;
  }

  /** @param {Range[]} ranges */
  #boxes(ranges) {
    this.#layer?.remove();
    this.#layer = null;
    if (!ranges.length) return;
    const origin = this.text.getBoundingClientRect();
    // All is measured before anything is written: the page is laid out once.
    const rects = ranges.flatMap((range) => [...range.getClientRects()]);
    this.#layer = document.createElement("div");
    this.#layer.className = "mark-boxes";
    this.#layer.ariaHidden = "true";
    this.#layer.append(...rects.map((rect) => this.#box(rect, origin)));
    this.text.append(this.#layer);
  }

  /** @param {DOMRect} rect @param {DOMRect} origin */
  #box({ left, top, width, height }, origin) {
    const box = document.createElement("i");
    box.className = this.name;
    Object.assign(box.style, {
      ...{ left: `${left - origin.left}px`, top: `${top - origin.top}px` },
      ...{ width: `${width}px`, height: `${height}px` },
    });
    return box;
  }
}
