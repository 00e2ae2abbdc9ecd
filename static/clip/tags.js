/** The tags of a clip: a click filters by one. They are edited in place, by a part that comes when it is needed. */

import { late } from "../shared/late.js";
import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

const tagEditor = late(() => import("./tag-editor.js"));

export class Tags {
  /** @type {string[]} */
  tags = [];
  /** @type {HTMLInputElement|null} while they are edited */
  input = null;

  /**
   * @param {HTMLElement} row @param {import("../shared/api.js").Api} api
   * @param {(change: (tags: string[]) => string[]) => Promise<unknown>} save
   */
  constructor(row, api, save) {
    this.element = part(row, "tags", HTMLElement);
    this.edit = part(row, "retag", HTMLButtonElement);
    this.api = api;
    this.save = save;
    this.edit.addEventListener("click", async () => (await tagEditor()).edit(this));
    this.element.addEventListener("click", ({ target }) => {
      const tag = target instanceof Element && target.closest("button")?.dataset.tag;
      if (tag && this.input) void this.save((tags) => tags.filter((other) => other !== tag));
      else if (tag) this.element.dispatchEvent(new CustomEvent("tag", { detail: tag, bubbles: true }));
    });
  }

  /** @param {import("../shared/types.js").Clip|null} clip one that is not sent yet has none */
  show(clip) {
    this.edit.hidden = !clip;
    const tags = clip?.tags ?? [];
    if (tags.join("\n") === this.tags.join("\n")) return;
    this.tags = tags;
    this.draw();
  }

  draw() {
    const { element, input, edit } = this;
    const focused = document.activeElement;
    // Before it goes: what goes with the focus in it leaves it nowhere.
    if (focused !== input && element.contains(focused)) (input ?? edit).focus();
    for (const old of element.querySelectorAll("button")) old.remove();
    const named = input ? words.finder.without : words.finder.withTag;
    element.prepend(...this.tags.map((tag) => chip(tag, named(tag), { tag, ...(input && { removes: "" }) })));
    element.hidden = !this.tags.length && !input;
  }
}

/** @param {string} text @param {string} label @param {Record<string, string>} data */
export function chip(text, label, data) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "chip", textContent: text, ariaLabel: label });
  Object.assign(made.dataset, data);
  return made;
}
