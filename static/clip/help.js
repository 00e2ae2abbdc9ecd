/** All the keys, on a sheet over the page. */

import { recall, remember } from "../shared/preferences.js";
import { styled } from "../shared/style-sheets.js";
import { words } from "../shared/words.js";

export async function showHelp() {
  await styled("shared/sheet");
  if (document.querySelector("dialog[open]")) return;
  const { title, also, single, close } = words.player.help;
  const sheet = make("dialog", "sheet");
  const heading = make("h2", "", title);
  heading.id = "help-title";
  sheet.setAttribute("aria-labelledby", heading.id);
  const button = make("button", "quiet", close);
  button.autofocus = true;
  button.addEventListener("click", () => sheet.close());
  // Who dictates to the whole machine, or has unsteady hands, can switch them off (WCAG 2.1.4).
  const choice = make("label", "choice");
  const box = make("input");
  box.type = "checkbox";
  box.checked = recall("keys", true);
  box.addEventListener("change", () => remember("keys", box.checked));
  choice.append(box, single);
  sheet.append(heading, keyList(), make("p", "", also), choice, button);
  // Whoever clicks beside it means the page.
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}

/** Every key, and what it does. */
export function keyList() {
  const list = make("dl", "keys");
  for (const [names, does] of words.player.help.keys) {
    const term = make("dt");
    term.append(...names.split(" ").map((name) => make("kbd", "", name)));
    list.append(term, make("dd", "", does));
  }
  return list;
}

/**
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} [className] @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
