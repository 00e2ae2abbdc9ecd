/** All the keys, on a sheet over the page. */

import { make } from "../shared/element.js";
import { recall, remember } from "../shared/preferences.js";
import { showSheet } from "../shared/sheet.js";
import { words } from "../shared/words.js";

export function showHelp() {
  const { title, keys, also, single } = words.player.help;
  const list = make("dl");
  for (const [names, does] of keys) {
    list.append(make("dt", "", "", ...names.split(" ").map((name) => make("kbd", "", name))), make("dd", "", does));
  }
  // Who dictates to the whole machine, or has unsteady hands, can switch them off (WCAG 2.1.4).
  const box = make("input");
  box.type = "checkbox";
  box.checked = recall("keys", true);
  box.addEventListener("change", () => remember("keys", box.checked));
  showSheet(title, [list, make("p", "", also), make("label", "choice", "", box, single)]);
}
