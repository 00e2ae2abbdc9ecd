/** Keys that mean the clip that plays, or is open. They come with the first key. */

import { applies, command } from "./keys.js";
import { words } from "../shared/words.js";
import { listening, recall } from "../shared/preferences.js";
import { times } from "../player/player-bar.js";

/**
 * What keys reach: the clip's page, if one is open, and the player.
 * @typedef {{clip: import("./clip-page.js").ClipPage|null, player: import("../player/player-bar.js").PlayerBar,
 *   router: import("../shared/router.js").Router, record: () => unknown, mark: () => boolean, announce: (words: string) => void}} Reach
 */

/** @param {KeyboardEvent} event @param {Reach} reach */
export function press(event, reach) {
  const told = command(event);
  if (!told || isOff(event) || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const at = /** @type {HTMLElement} */ (event.target);
  const selects = document.getSelection()?.isCollapsed === false;
  const focus = { tag: at.tagName, type: at.getAttribute("type") ?? "", editable: at.isContentEditable, selects };
  if (applies(told, focus) && isDone(told, reach)) event.preventDefault();
}

/** Whether somebody wants no single letters. @param {KeyboardEvent} event */
function isOff({ key }) {
  return key.length === 1 && key !== " " && !recall("keys", true);
}

/** Do it; false: there is nothing to do it to. @param {import("./keys.js").Command} told @param {Reach} reach */
function isDone([does, by], { clip, player, router, record, mark, announce }) {
  if (does === "help") void import("./help.js").then(({ showHelp }) => showHelp());
  else if (does === "record") void record();
  // While a recording runs, it is the recording that is marked.
  else if (does === "mark" && mark()) return true;
  else if (does === "close") {
    if (router.place.name === "list" || router.place.name === "recording") return false;
    router.leave();
  } else if (does === "edit" || does === "here") {
    if (!clip) return false;
    if (does === "here") return clip.transcript.seekHere();
    clip.transcript.edit();
  } else if (does === "mark") {
    if (!clip || router.place.name !== "clip") return false;
    clip.notes.markers.mark();
  } else if (!player.player) return false;
  else if (does === "toggle") void player.player.toggle();
  else if (does === "by") void player.player.by(by);
  else if (does === "word") void player.player.word(by);
  else if (does === "speed") {
    listening.step(by);
    announce(words.player.speedIs(times(listening.speed)));
  } else {
    listening.skips = !listening.skips;
    announce(listening.skips ? words.player.skips : words.player.skipsNot);
  }
  return true;
}
