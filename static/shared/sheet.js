/** A sheet over the page, with a heading, what it is for, and a way out; one at a time. */

import { make } from "./element.js";
import { words } from "./words.js";

/** @param {string} title @param {Node[]} content @returns {HTMLDialogElement|null} null: another one is open */
export function showSheet(title, content) {
  if (document.querySelector("dialog[open]")) return null;
  const heading = make("h2", "", title);
  heading.id = "sheet-title";
  const close = make("button", "quiet", words.page.close);
  close.type = "button";
  close.autofocus = true;
  const sheet = make("dialog", "sheet", "", heading, ...content, close);
  sheet.setAttribute("aria-labelledby", heading.id);
  close.addEventListener("click", () => sheet.close());
  // Whoever clicks beside it means the page.
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  // Its keys are its own: Escape closes it, and not the clip behind it.
  sheet.addEventListener("keydown", (event) => event.stopPropagation());
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}
