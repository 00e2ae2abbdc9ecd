/** Copies text, and says so. */

import { words } from "./words.js";

/** How long a button says that it has copied. */
const COPIED_MS = 2_000;

/** @param {HTMLElement} button @param {string} text @param {(words: string) => void} announce */
export async function copy(button, text, announce) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copySelected(text);
  button.dataset.state = "copied";
  announce(words.player.copied);
  setTimeout(() => delete button.dataset.state, COPIED_MS);
}

/** Pages over plain HTTP have no clipboard. @param {string} text */
function copySelected(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
}
