/** Tags that are edited in place: an input behind them adds, a click or Backspace takes away. */

import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

/** Tags that were suggested are asked for anew after this. */
const FRESH_MS = 10_000;

let asked_at = 0;

/** Offer the tags that there are. @param {HTMLInputElement} input @param {import("../shared/api.js").Api} api */
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

/** Begin to edit, or end it. @param {import("./tags.js").Tags} tags */
export function edit(tags) {
  const { element, input: open } = tags;
  if (open) return open.dispatchEvent(new Event("end"));
  const input = (tags.input = document.createElement("input"));
  Object.assign(input, { maxLength: 50, autocomplete: "off", enterKeyHint: "done", placeholder: words.page.addTag });
  input.ariaLabel = words.page.addTag;
  suggest(input, tags.api);
  const add = () => {
    const tag = input.value.trim();
    input.value = "";
    if (tag) void tags.save((known) => [...known, tag]);
  };
  const end = () => {
    add();
    element.removeEventListener("focusout", leave);
    tags.input = null;
    input.remove();
    tags.edit.ariaExpanded = "false";
    tags.draw();
  };
  // What was typed and not ended is meant, too. Whoever goes to a chip stays here.
  const leave = (/** @type {FocusEvent} */ { relatedTarget }) => {
    const to = /** @type {Node|null} */ (relatedTarget);
    if (to !== tags.edit && !element.contains(to)) end();
  };
  input.addEventListener("keydown", (event) => {
    const last = tags.tags.at(-1);
    if (event.isComposing) return;
    if (event.key === "Enter" || event.key === ",") add();
    else if (event.key === "Backspace" && !input.value && last) void tags.save((known) => known.filter((one) => one !== last));
    else if (event.key === "Escape") {
      input.value = "";
      tags.edit.focus();
      end();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("end", end);
  element.addEventListener("focusout", leave);
  element.append(input);
  tags.edit.ariaExpanded = "true";
  tags.draw();
  input.focus();
}
