/** All the keys, on a sheet over the page. */

import { words } from "../words.js";

export function showHelp() {
  if (document.querySelector("dialog[open]")) return;
  const { title, keys, also, close } = words.player.help;
  const sheet = make("dialog", "sheet");
  const heading = make("h2", "", title);
  heading.id = "help-title";
  sheet.setAttribute("aria-labelledby", heading.id);
  const list = make("dl");
  for (const [names, does] of keys) {
    const term = make("dt");
    term.append(...names.split(" ").map((name) => make("kbd", "", name)));
    list.append(term, make("dd", "", does));
  }
  const button = make("button", "quiet", close);
  button.addEventListener("click", () => sheet.close());
  sheet.append(heading, list, make("p", "", also), button);
  // Whoever clicks beside it means the page.
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}

/**
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} [className] @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
