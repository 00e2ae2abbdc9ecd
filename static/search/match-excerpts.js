/** Why a clip was found: the matched words in its name, and in context, with the moments at which they were said. */

import { clock } from "../shared/format.js";
import { clipAddress } from "../shared/router.js";
import { words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Found} Found */
/** @typedef {import("../shared/types.js").Span} Span */

/**
 * Show it in a row, or no longer.
 * @param {import("../list/clip-row.js").ClipRow} row @param {Found|undefined} found @param {string} name as it was found
 */
export function showFound(row, found, name) {
  const { element } = row;
  for (const old of element.querySelectorAll(".passages")) old.remove();
  element.toggleAttribute("data-passages", Boolean(found?.passages.length));
  // Marks of an old name would stand anywhere in a new one.
  const { title } = row.parts;
  const isMarked = Boolean(found?.name.length && title.textContent === name);
  if (isMarked) title.replaceChildren(...marked(name, found?.name ?? []));
  else if (title.childElementCount) title.replaceChildren(title.textContent ?? "");
  if (!found?.passages.length) return;
  const list = document.createElement("ul");
  list.className = "passages";
  list.role = "list";
  list.ariaLabel = words.finder.passages;
  list.append(...found.passages.map((passage) => item(row.id, passage)));
  row.parts.words.after(list);
}

/** @param {string} id @param {Found["passages"][number]} passage */
function item(id, { text, marks, at_ms }) {
  const made = document.createElement("li");
  made.dir = "auto";
  if (at_ms !== null) {
    const jump = document.createElement("a");
    jump.href = clipAddress(id, at_ms);
    jump.tabIndex = -1;
    jump.textContent = clock(at_ms);
    jump.ariaLabel = words.finder.jump(clock(at_ms));
    made.append(jump, " ");
  }
  made.append(...marked(text, marks));
  return made;
}

/** A text with what was found in it. @param {string} text @param {Span[]} spans in order @returns {(Node|string)[]} */
function marked(text, spans) {
  const parts = [];
  let end = 0;
  for (const [from, to] of spans) {
    const mark = document.createElement("mark");
    mark.textContent = text.slice(from, to);
    parts.push(text.slice(end, from), mark);
    end = to;
  }
  return [...parts, text.slice(end)];
}
