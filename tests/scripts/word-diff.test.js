/** Two versions of a clip's words, compared word by word. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { compare } from "../../static/clip/word-diff.js";

const told = (before, after) => compare(before, after).map(({ kind, text }) => ({ same: "=", gone: "-", new: "+" })[kind] + text);
const side = (pieces, other) => pieces.filter(({ kind }) => kind !== other).map(({ text }) => text).join("");

test("what is equal, gone and new is told in order", () => {
  assert.deepEqual(told("Ask the land lord first.", "Ask the landlord first."), ["=Ask the ", "-land lord ", "+landlord ", "=first."]);
  assert.deepEqual(told("", "New."), ["+New."]);
  assert.deepEqual(told("Old.", ""), ["-Old."]);
  assert.deepEqual(told("Equal words.", "Equal words."), ["=Equal words."]);
  assert.deepEqual(told("a b c d", "c d a b").filter((piece) => piece.startsWith("=")).length, 1);
});

test("scripts without spaces are compared sign by sign", () => {
  assert.deepEqual(told("今日は良い", "今日も良い"), ["=今日", "-は", "+も", "=良い"]);
});

/** The same numbers every time. */
function chance(seed) {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

test("the pieces are both texts, whatever they are", () => {
  const next = chance(7);
  for (let round = 0; round < 300; round += 1) {
    const text = () => Array.from({ length: Math.floor(next() * 30) }, () => "abcdef"[Math.floor(next() * 6)]).join(" ");
    const [before, after] = [text(), text()];
    const pieces = compare(before, after);
    // The space behind a word that is the same is the one of the second text.
    assert.equal(side(pieces, "new").replace(/\s+/g, ""), before.replace(/\s+/g, ""));
    assert.equal(side(pieces, "gone"), after);
  }
});

test("ten thousand words are compared at once, and texts without a word in common soon", () => {
  const next = chance(3);
  const words = Array.from({ length: 10_000 }, () => `word${Math.floor(next() * 3000)}`);
  const edited = words.map((word) => (next() < 0.05 ? `${word}s` : word));
  for (const after of [edited, words.map((word) => word.toUpperCase()), words.map(() => "the")]) {
    const begun = performance.now();
    compare(words.join(" "), after.join(" "));
    const took_ms = performance.now() - begun;
    assert.ok(took_ms < 1_000, `${took_ms} ms`);
  }
});
