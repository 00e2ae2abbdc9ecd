/**
 * Stretches that are cut out of a clip, [from, to] in milliseconds of the sound as it was recorded. What a page shows is
 * on the clock of what remains; the server takes all cuts on the clock of all sound. Pure.
 */

/** @typedef {[number, number]} Stretch */

/** A moment of what remains, on the clock of all sound; where something is cut out, the moment behind it. @param {Stretch[]} cuts in order @param {number} ms */
export function toWhole(cuts, ms) {
  let at_ms = ms;
  for (const [from, to] of cuts) if (at_ms >= from) at_ms += to - from;
  return at_ms;
}

/** The same; where something is cut out, the moment before it: for the end of a stretch. @param {Stretch[]} cuts @param {number} ms */
function toWholeEnd(cuts, ms) {
  let at_ms = ms;
  for (const [from, to] of cuts) if (at_ms > from) at_ms += to - from;
  return at_ms;
}

/** All cuts, and one more of what remains. @param {Stretch[]} cuts @param {number} from_ms @param {number} to_ms @returns {Stretch[]} */
export function withCut(cuts, from_ms, to_ms) {
  return [...cuts, [Math.round(toWhole(cuts, from_ms)), Math.round(toWholeEnd(cuts, to_ms))]];
}

/**
 * All cuts, and what lies before and behind a stretch of what remains.
 * @param {Stretch[]} cuts @param {number} from_ms @param {number} to_ms @param {number} length_ms of what remains
 * @returns {Stretch[]}
 */
export function keeping(cuts, from_ms, to_ms, length_ms) {
  const around = /** @type {Stretch[]} */ ([[0, from_ms], [to_ms, length_ms]].filter(([from, to]) => to > from));
  const whole = around.map(([from, to]) => withCut(cuts, from, to).at(-1));
  return [...cuts, .../** @type {Stretch[]} */ (whole)];
}

/** How much is cut out. @param {Stretch[]} cuts */
export function removed_ms(cuts) {
  return cuts.reduce((sum, [from, to]) => sum + to - from, 0);
}
