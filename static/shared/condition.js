/** What is going on with a clip, in words, and what can be done about it. Most clips are done: theirs is never made. */

import { part } from "./element.js";
import { translate, words } from "./words.js";

/** @typedef {{retry: () => unknown, resume: () => unknown, finish: () => unknown, save: () => unknown}} Ways */

export class ConditionView {
  /** @type {{words: HTMLElement, progress: HTMLProgressElement} & Record<keyof Ways, HTMLButtonElement>|null} */
  #parts = null;

  /**
   * @param {HTMLElement} clip @param {Ways} ways what its buttons do
   * @param {{isOneOfMany?: boolean}} [place] whether other clips have such buttons, too: then each is named for its clip
   */
  constructor(clip, ways, { isOneOfMany = false } = {}) {
    this.element = part(clip, "status", HTMLElement);
    this.ways = ways;
    this.isOneOfMany = isOneOfMany;
  }

  /** @param {import("./clip-state.js").View} view */
  show({ name, status, unplayed, progress, retry, save, resume, finish }) {
    this.element.hidden = !status;
    if (!status) return;
    const parts = (this.#parts ??= this.#make());
    write(parts.words, [status, this.isOneOfMany ? "" : unplayed].filter(Boolean).join(" "));
    parts.progress.hidden = progress === null;
    parts.progress.value = progress ?? 0;
    write(parts.finish, finish);
    for (const [way, isOffered] of Object.entries({ retry, save, resume, finish: Boolean(finish) })) {
      const button = parts[/** @type {keyof Ways} */ (way)];
      button.hidden = !isOffered;
      if (this.isOneOfMany) button.ariaLabel = words.list.doTo(button.textContent ?? "", name);
    }
  }

  #make() {
    const template = part(document, "status-template", HTMLTemplateElement);
    this.element.append(template.content.cloneNode(true));
    translate(this.element);
    /** @param {string} name @param {keyof Ways} way */
    const button = (name, way) => {
      const made = part(this.element, name, HTMLButtonElement);
      made.addEventListener("click", () => this.ways[way]());
      return made;
    };
    return {
      words: part(this.element, "status-words", HTMLElement),
      progress: part(this.element, "progress", HTMLProgressElement),
      retry: button("retry", "retry"),
      resume: button("continue", "resume"),
      finish: button("finish", "finish"),
      save: button("save", "save"),
    };
  }
}

/**
 * Leave equal text alone: writing it anew would drop a selection.
 * @param {HTMLElement} element @param {string} words
 */
export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
