/** What a clip says of its sound. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { choices, isSpoken, places, told } from "../../static/clip/remarks.js";

const lost = (at_ms = 12_000, length_ms = 8_000) => ({ kind: "not-understood", at_ms, length_ms });

test("each kind has its sentence, and unknown kinds have none", () => {
  const remarks = [
    { kind: "quiet" },
    { kind: "tracks", heard: [2], silent: [1] },
    { kind: "tracks", heard: [1, 2], silent: [] },
    { kind: "tracks", heard: [1], silent: [], left_out: [2, 3] },
    { kind: "tracks", heard: [1], silent: [] },
    { kind: "opposite-phase" },
    { kind: "of-a-newer-release" },
  ];
  assert.deepEqual(
    told(remarks).map(({ words }) => words),
    [
      "The sound is very quiet. It was amplified for the transcript.",
      "2 sound tracks: track 2 was heard, track 1 is silent.",
      "2 sound tracks: tracks 1 and 2 were heard.",
      "3 sound tracks: track 1 was heard, tracks 2 and 3 were left out.",
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

test("who chose a track can choose another one", () => {
  assert.deepEqual(choices([{ kind: "tracks", heard: [2], silent: [], left_out: [1, 3] }]), [1, 2, 3]);
  assert.deepEqual(choices([{ kind: "tracks", heard: [1], silent: [2] }]), [1, 2]);
  assert.deepEqual(choices([{ kind: "tracks", heard: [1], silent: [] }]), []);
  assert.deepEqual(choices([{ kind: "quiet" }]), []);
});

test("a stretch that was not understood is no pause", () => {
  assert.ok(isSpoken([lost()], { start_ms: 11_000, end_ms: 13_000 }));
  assert.ok(!isSpoken([lost()], { start_ms: 20_000, end_ms: 23_000 }));
});
