/** All the keys, on a sheet over the page. */

import { make } from "../shared/element.js";
import { recall, remember } from "../shared/preferences.js";
import { showSheet } from "../shared/sheet.js";
import { words } from "../shared/words.js";

export async function showHelp() {
  const { title, also, single } = words.player.help;
  // Who dictates to the whole machine, or has unsteady hands, can switch them off (WCAG 2.1.4).
  const box = make("input", { type: "checkbox", checked: recall("keys", true) });
  box.addEventListener("change", () => remember("keys", box.checked));
  const choice = make("label", { className: "choice" }, box, single);
  await showSheet(title, [keyList(), make("p", { textContent: also }), choice]);
}

/** Every key, and what it does. */
export function keyList() {
  const list = make("dl", { className: "keys" });
  for (const [names, does] of words.player.help.keys) {
    const keys = names.split(" ").map((name) => make("kbd", { textContent: name }));
    list.append(make("dt", {}, ...keys), make("dd", { textContent: does }));
  }
  return list;
}
