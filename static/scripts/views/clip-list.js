/** The clips by day, newest first. Rows are keyed: they come, change and go one by one, and never move. */

import { day, dayTitle } from "../format.js";
import { gone, newestFirst } from "../library.js";
import { ClipRow } from "./clip-row.js";
import { part } from "./part.js";

export class ClipList {
  /** @type {Map<string, ClipRow>} */
  #rows = new Map();
  /** @type {string|null} */
  #hidden = null;

  /**
   * @param {HTMLElement} element @param {import("../library.js").Library} library
   * @param {import("../actions.js").Actions} actions @param {(words: string) => void} announce
   */
  constructor(element, library, actions, announce) {
    this.element = element;
    this.library = library;
    this.actions = actions;
    this.announce = announce;
    this.days = part(element, "days", HTMLElement);
    this.empty = part(element, "empty", HTMLElement);
    this.templates = {
      day: part(document, "day-template", HTMLTemplateElement),
      clip: part(document, "clip-template", HTMLTemplateElement),
    };
    library.addEventListener("change", (event) => this.#change(/** @type {CustomEvent} */ (event).detail.id));
  }

  /** Leave out the recording that the panel shows, until it is over. @param {string|null} id */
  hide(id) {
    const before = this.#hidden;
    this.#hidden = id;
    for (const changed of [before, id]) if (changed) this.#change(changed);
  }

  /** The list was read: what is empty now is empty. */
  ready() {
    this.element.ariaBusy = "false";
    this.#emptiness();
  }

  /** Save what is being typed. */
  flush() {
    for (const row of this.#rows.values()) row.flush();
  }

  /** The server is back: repeat what could not be saved. */
  resend() {
    for (const row of this.#rows.values()) row.note.again();
  }

  /** The row of a clip, to be opened or scrolled to; none: it is not in the list. @param {string} id */
  reveal(id) {
    return this.#rows.get(id);
  }

  /** Name the days anew: midnight has passed. */
  relabel() {
    for (const section of this.days.children) {
      part(section, "title", HTMLElement).textContent = dayTitle(
        /** @type {HTMLElement} */ (section).dataset.day ?? "",
      );
    }
  }

  /** @param {string} id */
  #change(id) {
    const entry = id === this.#hidden ? undefined : this.library.get(id);
    const row = this.#rows.get(id);
    if (row) {
      if (entry) row.show(entry);
      else this.#left(row);
    } else if (entry && !gone(entry)) {
      const { announce, templates } = this;
      this.#place(new ClipRow(entry, this.actions, { template: templates.clip, announce, left: (r) => this.#left(r) }));
    }
    this.#emptiness();
  }

  /** @param {ClipRow} row */
  #place(row) {
    this.#rows.set(row.id, row);
    const list = part(this.#section(day(row.at)), "clips", HTMLElement);
    const next = [...list.children].find((other) => {
      const known = this.#rows.get(/** @type {HTMLElement} */ (other).dataset.clipId ?? "");
      return known && newestFirst(row, known) < 0;
    });
    list.insertBefore(row.element, next ?? null);
  }

  /** @param {string} key @returns {Element} */
  #section(key) {
    const sections = /** @type {HTMLElement[]} */ ([...this.days.children]);
    const known = sections.find((section) => section.dataset.day === key);
    if (known) return known;
    const fragment = /** @type {DocumentFragment} */ (this.templates.day.content.cloneNode(true));
    const section = part(fragment, "day", HTMLElement);
    const title = part(section, "title", HTMLElement);
    section.dataset.day = key;
    title.textContent = dayTitle(key);
    title.id = `day-${key}`;
    section.setAttribute("aria-labelledby", title.id);
    this.days.insertBefore(section, sections.find((other) => (other.dataset.day ?? "") < key) ?? null);
    return section;
  }

  /** @param {ClipRow} row */
  #left(row) {
    if (!this.#rows.delete(row.id)) return;
    const section = row.element.parentElement?.closest("[data-day]");
    if (row.element.contains(document.activeElement)) this.#focusBeside(row.element);
    row.close();
    row.element.remove();
    if (!section?.querySelector("[data-clip-id]")) section?.remove();
    this.#emptiness();
  }

  /** Keyboards go on from where they were, not from the top of the page. @param {HTMLElement} element */
  #focusBeside(element) {
    const all = [...this.days.querySelectorAll("[data-clip-id]")];
    const at = all.indexOf(element);
    const beside = all[at + 1] ?? all[at - 1];
    if (beside) part(beside, "play", HTMLElement).focus();
  }

  #emptiness() {
    this.empty.hidden = this.#rows.size > 0 || this.element.ariaBusy === "true";
  }
}
