/** Tells the device what plays, for its lock screen and the keys of its headset. */

import { listening } from "../shared/preferences.js";

/** @typedef {import("./player.js").Player} Player */

const STEP_S = 10;

/** @type {MediaImage[]} */
const ARTWORK = [192, 512].map((side) => ({
  src: `/static/app-icons/icon-${side}.png`,
  sizes: `${side}x${side}`,
  type: "image/png",
}));

/** Say what plays now, and who is to be told of the keys. @param {{name: string, at: string}} about @param {Player} player */
export function introduce({ name, at }, player) {
  const session = navigator.mediaSession;
  if (!session) return;
  session.metadata = new MediaMetadata({ title: name, artist: at, album: "Dictaphone", artwork: ARTWORK });
  /** @type {[MediaSessionAction, MediaSessionActionHandler][]} */
  const handlers = [
    ["play", () => player.playing || player.toggle()],
    ["pause", () => player.pause()],
    ["stop", () => player.pause()],
    ["seekbackward", ({ seekOffset }) => player.by(-1000 * (seekOffset ?? STEP_S))],
    ["seekforward", ({ seekOffset }) => player.by(1000 * (seekOffset ?? STEP_S))],
    ["seekto", ({ seekTime }) => player.seek(1000 * (seekTime ?? 0))],
  ];
  for (const [action, work] of handlers) {
    try {
      session.setActionHandler(action, work);
    } catch {
      // An action that this browser does not know.
    }
  }
}

/** Say how far it is. @param {Player} player */
export function report({ playing, at_ms, whole_ms }) {
  const session = navigator.mediaSession;
  if (!session) return;
  session.playbackState = playing ? "playing" : "paused";
  if (whole_ms <= 0) return;
  session.setPositionState?.({
    duration: whole_ms / 1000,
    position: Math.min(at_ms, whole_ms) / 1000,
    playbackRate: listening.speed,
  });
}
