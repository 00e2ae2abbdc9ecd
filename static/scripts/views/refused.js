/** What was done here while nobody answered, and the server did not take later: told until a person has read it. */

import { words } from "../words.js";
import { part } from "./part.js";

/** @typedef {import("../types.js").Change} Change */

export class Refused {
  /** @param {HTMLElement} page @param {import("../changes.js").Changes} changes */
  constructor(page, changes) {
    this.changes = changes;
    this.element = part(page, "refused", HTMLElement);
    changes.addEventListener("refused", (event) => this.#show(/** @type {CustomEvent<Change[]>} */ (event).detail));
  }

  /** @param {Change[]} refused */
  #show(refused) {
    this.element.replaceChildren(...refused.map((change) => this.#line(change)));
    this.element.hidden = !refused.length;
  }

  /** @param {Change} change */
  #line({ seq = 0, kind, title, value, problem = "" }) {
    const line = document.createElement("p");
    line.append(words.offline.refused[kind](title, problem), " ");
    if (kind === "text" || kind === "name") {
      const copy = this.#button(words.offline.copy, () => navigator.clipboard?.writeText(String(value)));
      // Pages over plain HTTP have no clipboard.
      if (navigator.clipboard) line.append(copy, " ");
      else line.append(`“${value}” `);
    }
    line.append(this.#button(words.offline.dismiss, () => this.changes.dismiss(seq)));
    return line;
  }

  /** @param {string} name @param {() => unknown} work */
  #button(name, work) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = name;
    button.addEventListener("click", () => void work());
    return button;
  }
}
