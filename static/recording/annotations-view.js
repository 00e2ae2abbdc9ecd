/** What a person marks and notes while a recording runs. Each change is told at once, or a moment later while one types. */

import { part } from "../shared/element.js";
import { clock, uuid } from "../shared/format.js";
import { language, words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Marker} Marker */

/** Characters of a marker's text, and markers of a clip, as the server takes them. */
const MAX_MARKER_CHARS = 200;
const MAX_MARKERS = 500;

/** How long nothing is typed before it is kept: a crash may cost that much. */
const TYPED_MS = 500;

/** Emits `change` with `{notes, markers}`. */
export class AnnotationsView extends EventTarget {
  /** @type {Marker[]} */
  #markers = [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {HTMLElement} element the recording */
  constructor(element) {
    super();
    this.section = part(element, "marked", HTMLElement);
    this.list = part(element, "recording-markers", HTMLElement);
    this.notes = part(element, "recording-notes", HTMLTextAreaElement);
    this.notes.addEventListener("input", () => this.#typed());
    this.notes.addEventListener("change", () => this.flush());
    language.addEventListener("change", () => this.#draw());
  }

  /** Show what another recording has. @param {{notes: string, markers: Marker[]}} annotations */
  show({ notes, markers }) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.notes.value = notes;
    this.#markers = markers;
    this.#draw();
  }

  /** Mark a moment. @param {number} at_ms @returns {boolean} false: there are as many as a clip can have */
  mark(at_ms) {
    if (this.#markers.length >= MAX_MARKERS) return false;
    const marker = { id: uuid(), at_ms: Math.round(at_ms), text: "" };
    this.#markers = [...this.#markers, marker];
    this.section.hidden = false;
    const line = this.#line(marker);
    this.list.append(line);
    line.scrollIntoView({ block: "nearest" });
    this.#tell();
    return true;
  }

  /** Keep what is typed, now. */
  flush() {
    if (this.#timer !== undefined) this.#tell();
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), TYPED_MS);
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.dispatchEvent(new CustomEvent("change", { detail: { notes: this.notes.value, markers: this.#markers } }));
  }

  #draw() {
    this.section.hidden = this.#markers.length === 0;
    this.list.replaceChildren(...this.#markers.map((marker) => this.#line(marker)));
  }

  /** @param {Marker} marker */
  #line({ id, at_ms, text }) {
    const [line, time, field, remove] = ["li", "time", "input", "button"].map((tag) => document.createElement(tag));
    const name = words.recorder.markerAt(clock(at_ms));
    time.textContent = clock(at_ms);
    Object.assign(field, { value: text, ariaLabel: name, placeholder: words.recorder.markerText });
    Object.assign(field, { maxLength: MAX_MARKER_CHARS, dir: "auto", autocomplete: "off", enterKeyHint: "done" });
    const typed = /** @type {HTMLInputElement} */ (field);
    field.addEventListener("input", () => {
      this.#markers = this.#markers.map((one) => (one.id === id ? { ...one, text: typed.value } : one));
      this.#typed();
    });
    field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
    Object.assign(remove, { type: "button", className: "icon", textContent: "×" });
    remove.ariaLabel = remove.title = words.recorder.unmark(clock(at_ms));
    remove.addEventListener("click", () => {
      this.#markers = this.#markers.filter((one) => one.id !== id);
      this.#draw();
      this.notes.focus();
      this.#tell();
    });
    line.append(time, field, remove);
    return line;
  }
}
