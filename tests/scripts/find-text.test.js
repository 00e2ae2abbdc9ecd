/** Find and replace in the words of one clip. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FoundText, replaced } from "../../static/clip/find-text.js";

const found = (text, typed) => new FoundText(text).find(typed).map(([from, to]) => text.slice(from, to));

test("capitals, accents, apostrophes and hyphens make no difference, and parts of words are found", () => {
  assert.deepEqual(found("Café, CAFE, cafeteria and e-mail", "cafe"), ["Café", "CAFE", "cafe"]);
  assert.deepEqual(found("I don’t, you dont", "dont"), ["don’t", "dont"]);
  assert.deepEqual(found("I don’t, you dont", "don't"), ["don’t", "dont"]);
  assert.deepEqual(found("An e-mail, an email", "email"), ["e-mail", "email"]);
  assert.deepEqual(found("It is well-known, so well  known", "well known"), ["well-known", "well  known"]);
});

test("right-to-left words and scripts without spaces are found", () => {
  assert.deepEqual(found("قال المُعلّم للطلاب: المعلم هنا", "المعلم"), ["المُعلّم", "المعلم"]);
  assert.deepEqual(found("今日は良い天気です。天気", "天気"), ["天気", "天気"]);
});

test("signs that are no letters mean themselves, and nothing finds nothing", () => {
  assert.deepEqual(found("Really? Yes. (No?)", "?"), ["?", "?"]);
  assert.deepEqual(found("a.b", "."), ["."]);
  assert.deepEqual(found("anything", "  "), []);
  assert.deepEqual(found("", "a"), []);
});

test("all places are replaced at once", () => {
  const text = "one two one";
  assert.equal(replaced(text, new FoundText(text).find("one"), "1"), "1 two 1");
  assert.equal(replaced(text, [[4, 7]], ""), "one  one");
  assert.equal(replaced(text, [], "x"), text);
});

test("ten thousand words cost less than a frame or two", () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `Wörter${i % 97}, don’t`).join(" ");
  const here = new FoundText(text);
  assert.equal(here.find("worter96").length, 103);
  const begun = performance.now();
  assert.equal(here.find("dont").length, 10_000);
  assert.ok(performance.now() - begun < 200, `${performance.now() - begun} ms`);
});
