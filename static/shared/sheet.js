/** A sheet over the page, with a heading, what it is for, and a way out; one at a time. */

import { make } from "./element.js";
import { styled } from "./style-sheets.js";
import { words } from "./words.js";

/** @param {string} title @param {Node[]} content */
export async function showSheet(title, content) {
  await styled("shared/sheet");
  if (document.querySelector("dialog[open]")) return;
  const close = make("button", { type: "button", className: "quiet", textContent: words.page.close, autofocus: true });
  const heading = make("h2", { id: "sheet-title", textContent: title });
  const sheet = make("dialog", { className: "sheet" }, heading, ...content, close);
  sheet.setAttribute("aria-labelledby", heading.id);
  close.addEventListener("click", () => sheet.close());
  // Whoever clicks beside it means the page.
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  // Its keys are its own: Escape closes it, and not the clip behind it.
  sheet.addEventListener("keydown", (event) => event.stopPropagation());
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}
