/** Keys that mean the clip that plays, or is open. They come with the first key, or with the first clip that is opened. */

import { applies, command } from "./keys.js";
import { words } from "../shared/words.js";
import { listening, recall } from "../shared/preferences.js";
import { Player } from "../player/player.js";
import { showHelp, times } from "./tools.js";

/** @param {KeyboardEvent} event @param {import("./opened.js").Opened} opened */
export function press(event, opened) {
  const told = command(event);
  if (!told || isOff(event) || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const at = /** @type {HTMLElement} */ (event.target);
  const selects = document.getSelection()?.isCollapsed === false;
  const focus = { tag: at.tagName, type: at.getAttribute("type") ?? "", editable: at.isContentEditable, selects };
  if (applies(told, focus) && isDone(told, opened)) event.preventDefault();
}

/** Whether somebody wants no single letters. @param {KeyboardEvent} event */
function isOff({ key }) {
  return key.length === 1 && key !== " " && !recall("keys", true);
}

/**
 * Do it; false: there is nothing to do it to.
 * @param {import("./keys.js").Command} told @param {import("./opened.js").Opened} opened
 */
function isDone([does, by], opened) {
  const { announce } = opened.list;
  const row = opened.current;
  const player = Player.latest?.playing ? Player.latest : (row?.player ?? Player.latest);
  if (does === "help") void showHelp();
  else if (does === "close" && row) opened.toggle(row);
  else if (does === "edit" && row) row.edit();
  else if (does === "here" && row) return row.seekHere();
  else if (!player || does === "close" || does === "edit" || does === "here") return false;
  else if (does === "toggle") void player.toggle();
  else if (does === "by") void player.by(by);
  else if (does === "word") void player.word(by);
  else if (does === "speed") {
    listening.step(by);
    announce(words.player.speedIs(times(listening.speed)));
  } else {
    listening.skips = !listening.skips;
    announce(listening.skips ? words.player.skips : words.player.skipsNot);
  }
  return true;
}
