/** The tags of a clip: a click filters by one; in place, they are added and taken away. */

import { words } from "../words.js";
import { part } from "./part.js";

/** Tags that were suggested are asked for anew after this. */
const FRESH_MS = 10_000;

let asked_at = 0;

/** Offer the tags that there are. @param {HTMLInputElement} input @param {import("../api.js").Api} api */
export function suggest(input, api) {
  const list = part(document, "known-tags", HTMLDataListElement);
  input.setAttribute("list", list.id);
  input.addEventListener("focus", async () => {
    if (Date.now() - asked_at < FRESH_MS) return;
    asked_at = Date.now();
    // Without suggestions one types it all.
    const tags = await api.tags().catch(() => []);
    list.replaceChildren(...tags.map(({ name }) => new Option(name, name)));
  });
}

export class Tags {
  /** @type {string[]|null} */
  #tags = null;
  /** @type {HTMLInputElement|null} */
  #input = null;

  /**
   * @param {HTMLElement} row @param {import("../api.js").Api} api
   * @param {(change: (tags: string[]) => string[]) => Promise<unknown>} save
   */
  constructor(row, api, save) {
    this.element = part(row, "tags", HTMLElement);
    this.edit = part(row, "retag", HTMLButtonElement);
    this.api = api;
    this.save = save;
    this.edit.addEventListener("click", () => (this.#input ? this.#close() : this.#open()));
    this.element.addEventListener("click", ({ target }) => {
      const tag = target instanceof Element && target.closest("button")?.dataset.tag;
      if (!tag) return;
      if (this.#input) this.#take(tag);
      else this.element.dispatchEvent(new CustomEvent("tag", { detail: tag, bubbles: true }));
    });
  }

  /** @param {import("../types.js").Clip|null} clip one that is not sent yet has none */
  show(clip) {
    this.edit.hidden = !clip;
    const tags = clip?.tags ?? [];
    if (tags.join("\n") === this.#tags?.join("\n")) return;
    this.#tags = tags;
    this.#draw();
  }

  #draw() {
    const input = this.#input;
    const focused = document.activeElement;
    // Before it goes: what goes with the focus in it leaves it nowhere.
    if (focused !== input && this.element.contains(focused)) (input ?? this.edit).focus();
    for (const chip of this.element.querySelectorAll("button")) chip.remove();
    this.element.prepend(...(this.#tags ?? []).map((tag) => chipOf(tag, Boolean(input))));
    this.element.hidden = !this.#tags?.length && !input;
  }

  #open() {
    const input = (this.#input = document.createElement("input"));
    Object.assign(input, { maxLength: 50, autocomplete: "off", enterKeyHint: "done", placeholder: words.finder.newTag });
    input.ariaLabel = words.finder.newTag;
    suggest(input, this.api);
    input.addEventListener("keydown", (event) => this.#key(event, input));
    // What was typed and not ended is meant, too. Whoever goes to a chip stays here.
    this.element.addEventListener("focusout", this.#leave);
    this.element.append(input);
    this.edit.ariaExpanded = "true";
    this.#draw();
    input.focus();
  }

  #close() {
    this.#add();
    this.element.removeEventListener("focusout", this.#leave);
    this.#input?.remove();
    this.#input = null;
    this.edit.ariaExpanded = "false";
    this.#draw();
  }

  #leave = (/** @type {FocusEvent} */ { relatedTarget }) => {
    const to = /** @type {Node|null} */ (relatedTarget);
    if (this.#input && to !== this.edit && !this.element.contains(to)) this.#close();
  };

  /** @param {KeyboardEvent} event @param {HTMLInputElement} input */
  #key(event, input) {
    if (event.isComposing) return;
    const last = this.#tags?.at(-1);
    if (event.key === "Enter" || event.key === ",") this.#add();
    else if (event.key === "Backspace" && !input.value && last) this.#take(last);
    else if (event.key === "Escape") {
      input.value = "";
      this.edit.focus();
      this.#close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #add() {
    const tag = this.#input?.value.trim();
    if (!tag) return;
    if (this.#input) this.#input.value = "";
    void this.save((tags) => [...tags, tag]);
  }

  /** @param {string} tag */
  #take(tag) {
    void this.save((tags) => tags.filter((other) => other !== tag));
  }
}

/** @param {string} tag @param {boolean} isRemoved by a click */
export function chipOf(tag, isRemoved) {
  const chip = document.createElement("button");
  Object.assign(chip, { type: "button", className: "chip", textContent: tag });
  chip.dataset.tag = tag;
  chip.ariaLabel = isRemoved ? words.finder.without(tag) : words.finder.withTag(tag);
  if (isRemoved) chip.dataset.removes = "";
  return chip;
}
