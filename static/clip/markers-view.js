/** The markers of a clip: each a moment to go to, with a text that a person gives it. */

import { remarked } from "../offline/changes.js";
import { part } from "../shared/element.js";
import { clock, uuid } from "../shared/format.js";
import { words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Marker} Marker */

/** Characters of a marker's text, and markers of a clip, as the server takes them. */
export const MAX_MARKER_CHARS = 200;
export const MAX_MARKERS = 500;

export class MarkersView {
  /** As the clip has them. @type {Marker[]} */
  #known = [];
  /** What is on its way: shown at once, since one goes on typing. @type {Set<import("../shared/types.js").MarkerChanges>} */
  #changes = new Set();
  #shown = "";
  /** The one whose text is to be typed when it is drawn. */
  #typed = "";

  /**
   * @param {HTMLElement} element
   * @param {{at_ms: () => number, goTo: (ms: number) => unknown, failed: (sentence: string) => void,
   *   change: (change: import("../shared/types.js").MarkerChanges) => Promise<unknown>}} clip
   */
  constructor(element, clip) {
    this.clip = clip;
    this.list = part(element, "markers", HTMLElement);
    this.add = part(element, "mark", HTMLButtonElement);
    this.add.addEventListener("click", () => this.mark());
  }

  /** @param {Marker[]} markers */
  show(markers) {
    this.#known = markers;
    // Nobody who types loses what they typed.
    if (this.list.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
    this.#draw();
  }

  get #markers() {
    return [...this.#changes].reduce(remarked, this.#known);
  }

  /** Mark the moment at which the player stands, and have its text typed. */
  mark() {
    if (this.#markers.length >= MAX_MARKERS) return this.clip.failed(words.markers.most(MAX_MARKERS));
    const marker = { id: uuid(), at_ms: Math.round(this.clip.at_ms()), text: "" };
    this.#typed = marker.id;
    void this.#change({ set: [marker] });
  }

  /** Say everything in the language of the page, which may be another one than before. */
  speak() {
    this.#shown = "";
    this.#draw();
  }

  #draw() {
    const markers = this.#markers;
    const wanted = JSON.stringify(markers);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.list.replaceChildren(...markers.map((marker) => this.#line(marker)));
    this.list.hidden = !markers.length;
    const typed = this.#typed && this.list.querySelector(`[data-marker="${CSS.escape(this.#typed)}"] input`);
    if (typed instanceof HTMLInputElement) typed.focus();
    this.#typed = "";
  }

  /** @param {Marker} marker */
  #line({ id, at_ms, text }) {
    const line = document.createElement("li");
    line.dataset.marker = id;
    const time = clock(at_ms);
    const moment = document.createElement("button");
    Object.assign(moment, { type: "button", className: "link", textContent: time, ariaLabel: words.player.playFrom(time) });
    moment.addEventListener("click", () => this.clip.goTo(at_ms));
    const field = document.createElement("input");
    Object.assign(field, { value: text, placeholder: words.markers.text, ariaLabel: words.markers.of(time) });
    Object.assign(field, { maxLength: MAX_MARKER_CHARS, dir: "auto", autocomplete: "off", enterKeyHint: "done" });
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") field.value = text;
      if (event.key === "Escape" || event.key === "Enter") field.blur();
      if (event.key === "Escape") event.stopPropagation();
    });
    field.addEventListener("blur", () => {
      const typed = field.value.trim();
      if (typed !== text) void this.#change({ set: [{ id, at_ms, text: typed }] });
      else this.#draw();
    });
    const remove = document.createElement("button");
    Object.assign(remove, { type: "button", className: "icon", textContent: "×", ariaLabel: words.markers.remove(time) });
    remove.addEventListener("click", () => {
      this.add.focus();
      void this.#change({ remove: [id] });
    });
    line.append(moment, field, remove);
    return line;
  }

  /** @param {import("../shared/types.js").MarkerChanges} change */
  async #change(change) {
    this.#changes.add(change);
    this.#draw();
    try {
      await this.clip.change(change);
    } catch (error) {
      this.clip.failed(error instanceof Error ? error.message : String(error));
    }
    this.#changes.delete(change);
    this.show(this.#known);
  }
}
