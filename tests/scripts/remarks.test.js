/** What a clip says of its sound. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { places, told } from "../../static/scripts/remarks.js";

const lost = (at_ms = 12_000, length_ms = 8_000) => ({ kind: "not-understood", at_ms, length_ms });

test("each kind has its sentence, and unknown kinds have none", () => {
  const remarks = [
    { kind: "quiet" },
    { kind: "tracks", heard: [2], silent: [1] },
    { kind: "tracks", heard: [1, 2], silent: [] },
    { kind: "opposite-phase" },
    { kind: "of-a-newer-release" },
  ];
  assert.deepEqual(
    told(remarks).map(({ words }) => words),
    [
      "The sound is very quiet. It was amplified for the transcript.",
      "2 sound tracks: track 2 was heard, track 1 is silent.",
      "2 sound tracks: tracks 1, 2 were heard.",
      "The two channels cancel each other out. The louder one was heard.",
    ],
  );
});

test("a stretch that was not understood can be listened to", () => {
  assert.deepEqual(told([lost()]), [
    { words: "Speech at 0:12–0:20 was not understood.", from_ms: 12_000, to_ms: 20_000 },
  ]);
});

test("many stretches are counted", () => {
  const all = told(Array.from({ length: 9 }, (_, i) => lost(i * 60_000)));
  assert.equal(all.length, 7);
  assert.equal(all[6].words, "And 3 more stretches not understood.");
});

test("stretches have their places on the sound", () => {
  assert.deepEqual(
    places([lost(), { kind: "quiet" }], 40_000).map(({ from, to }) => [from, to]),
    [[0.3, 0.5]],
  );
  assert.deepEqual(places([lost()], 0), []);
});
