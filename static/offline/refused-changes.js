/** What was done here while nobody answered, and the server did not take later: told until a person has read it. */

import { words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Change} Change */
/** @typedef {import("./changes.js").Changes} Changes */

/** @param {HTMLElement} element @param {Changes} changes @param {Change[]} refused */
export function show(element, changes, refused) {
  element.replaceChildren(...refused.map((change) => line(change, changes)));
  element.hidden = !refused.length;
}

/** @param {Change} change @param {Changes} changes */
function line({ seq = 0, kind, title, value, problem = "" }, changes) {
  const told = document.createElement("p");
  told.append(words.offline.refused[kind](title, problem), " ");
  if (kind === "text" || kind === "name" || kind === "notes") {
    const copy = button(words.offline.copy, () => navigator.clipboard?.writeText(String(value)));
    // Pages over plain HTTP have no clipboard.
    if (navigator.clipboard) told.append(copy, " ");
    else told.append(`“${value}” `);
  }
  told.append(button(words.offline.dismiss, () => changes.dismiss(seq)));
  return told;
}

/** @param {string} name @param {() => unknown} work */
function button(name, work) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link";
  made.textContent = name;
  made.addEventListener("click", () => void work());
  return made;
}
