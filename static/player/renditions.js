/** Other forms of a clip's sound, which the server makes when somebody asks, and keeps. */

import { Problem, problemOf, reach } from "../shared/api.js";
import { words } from "../shared/words.js";
import { distrust } from "./playable.js";
import { sentenceOfError } from "../shared/sentences.js";

/** @typedef {import("../shared/types.js").Clip} Clip */
/** @typedef {"m4a"|"mp3"} Form */

/**
 * `waits` is called when it has to be waited for; `universal`: this device has failed to play the clip's own sound.
 * @typedef {{signal?: AbortSignal, waits?: () => void, universal?: boolean}} How
 */

/** How often the server is asked whether it is made, whatever it says. */
const SOONEST_MS = 400;
const LATEST_MS = 5_000;

/** An hour of sound is made in a minute or two, and other sound may come first. */
const MAX_WAIT_MS = 15 * 60_000;

/** So many questions in a row may get no answer: a phone changes its network. */
const MAX_LOST = 3;

/** @param {string} form @returns {form is Form} */
export function isForm(form) {
  return form === "m4a" || form === "mp3";
}

/** Where a clip's sound in a form is. @param {import("../shared/api.js").Api} api @param {string} id @param {Form} form */
export function formAddress(api, id, form) {
  return `${api.audio(id)}?as=${form}`;
}

/**
 * The address of sound that this device can play, once it is there. Throws a `Problem` that says why not.
 * @param {import("../shared/api.js").Api} api @param {Clip} clip @param {How} how
 */
export async function playable(api, clip, how) {
  if (clip.status === "recording") throw new Problem(words.player.whileRecording);
  const address = formAddress(api, clip.id, "m4a");
  try {
    await made(address, how);
  } catch (error) {
    throw error instanceof Problem ? new Problem(words.player.unprepared(sentenceOfError(error)), error.status) : error;
  }
  if (how.universal) distrust(clip);
  return address;
}

/**
 * Wait until the server has made a form. Throws a `Problem` when it cannot, or cannot be reached any more.
 * @param {string} address @param {How} how
 */
export async function made(address, { signal, waits } = {}) {
  const until = Date.now() + MAX_WAIT_MS;
  for (let lost = 0; ; ) {
    const problem = await ask(address, signal);
    if (!problem) return;
    const isMaking = problem.status === 202;
    lost = isMaking ? 0 : lost + 1;
    if (problem.definite || lost >= MAX_LOST || !navigator.onLine) throw problem;
    if (Date.now() > until) throw new Problem(words.player.slow);
    if (isMaking) waits?.();
    await pause(Math.min(LATEST_MS, Math.max(SOONEST_MS, problem.retry_ms)), signal);
  }
}

/** Ask for its first byte; null: it is there. @param {string} address @param {AbortSignal} [signal] */
async function ask(address, signal) {
  try {
    const response = await reach(address, { headers: { Range: "bytes=0-0" }, cache: "no-store", signal });
    if (response.ok && response.status !== 202) {
      void response.body?.cancel();
      return null;
    }
    return await problemOf(response);
  } catch (error) {
    signal?.throwIfAborted();
    return /** @type {Problem} */ (error);
  }
}

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
