import assert from "node:assert/strict";
import { test } from "node:test";

import { keeping, removed_ms, toWhole, withCut } from "../../static/clip/cuts.js";

test("moments of what remains are found in all of the sound", () => {
  const cuts = /** @type {[number, number][]} */ ([[0, 1_000], [5_000, 6_000]]);
  assert.deepEqual([0, 3_999, 4_000, 5_000].map((ms) => toWhole(cuts, ms)), [1_000, 4_999, 6_000, 7_000]);
  assert.equal(removed_ms(cuts), 2_000);
});

test("a cut of what remains goes around the cuts that are there, and stretches over them", () => {
  assert.deepEqual(withCut([], 2_000, 3_000), [[2_000, 3_000]]);
  // What remains is 1–5 s and 6–10 s: 3.5 to 4.5 s of it lie around the second cut.
  const cuts = /** @type {[number, number][]} */ ([[0, 1_000], [5_000, 6_000]]);
  assert.deepEqual(withCut(cuts, 3_500, 4_500).at(-1), [4_500, 6_500]);
  // It ends where a cut begins: what is cut out already is not touched.
  assert.deepEqual(withCut(cuts, 3_000, 4_000).at(-1), [4_000, 5_000]);
});

test("all but a stretch is cut out before it and behind it", () => {
  assert.deepEqual(keeping([], 2_000, 3_000, 10_000), [[0, 2_000], [3_000, 10_000]]);
  assert.deepEqual(keeping([], 0, 3_000, 10_000), [[3_000, 10_000]]);
  assert.deepEqual(keeping([[0, 1_000]], 2_000, 9_000, 9_000), [[0, 1_000], [1_000, 3_000]]);
});
