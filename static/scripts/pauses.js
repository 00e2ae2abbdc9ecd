/** Where nobody speaks in a clip, and how far a player may jump there. Pure. */

/** @typedef {{start_ms: number, end_ms: number}} Pause what may be jumped over */

/** Shorter pauses belong to the way somebody speaks. */
const LEAST_MS = 1_000;

/** What is left of a pause at its start and end, so that no word loses a breath: times of words are not exact. */
const KEPT_MS = 250;

/** What is quieter than this part of the loud is a pause. */
const QUIET = 0.12;

/** A jump is heard; it is worth that only if it is longer than this. */
const WORTH_MS = 300;

/**
 * Pauses by words, and where no times of words are known by the outline of the sound.
 * @param {import("./timing.js").Timing|null} timing @param {number[]} peaks @param {number} whole_ms @returns {Pause[]}
 */
export function pauses(timing, peaks, whole_ms) {
  const all = timing?.length ? timing.pauses(whole_ms) : quiet(peaks, whole_ms);
  return all
    .filter(({ start_ms, end_ms }) => end_ms - start_ms >= LEAST_MS)
    .map(({ start_ms, end_ms }) => ({ start_ms: start_ms && start_ms + KEPT_MS, end_ms: end_ms - KEPT_MS }));
}

/** @param {number[]} peaks @param {number} whole_ms @returns {Pause[]} */
function quiet(peaks, whole_ms) {
  const loud = peaks.toSorted((a, b) => a - b)[Math.floor(peaks.length * 0.95)] ?? 0;
  const each_ms = whole_ms / peaks.length;
  const found = [];
  for (let from = 0, to = 0; from < peaks.length; from = to + 1) {
    for (to = from; peaks[to] < QUIET * loud; ) to += 1;
    found.push({ start_ms: from * each_ms, end_ms: to * each_ms });
  }
  return found;
}

/** Where to go on from here; null: somebody speaks, or soon will. @param {Pause[]} all in order @param {number} ms */
export function behind(all, ms) {
  const to_ms = all.findLast(({ start_ms }) => start_ms <= ms)?.end_ms ?? 0;
  return to_ms - ms > WORTH_MS ? to_ms : null;
}
