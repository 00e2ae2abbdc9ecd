/** Words are found without a network where they are found with one: the table is the server's. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fold, phrases, spans } from "../../static/search/folding.js";

/** @type {{text: string, typed: string, marked: string[]}[]} */
const CASES = JSON.parse(readFileSync(new URL("../data/search.json", import.meta.url), "utf-8"));

test("the page finds what the server finds, and marks it alike", () => {
  for (const { text: given, typed, marked } of CASES) {
    const text = given.normalize("NFC");
    const found = spans(text, fold(text), phrases(typed));
    assert.deepEqual(found.map(([from, to]) => text.slice(from, to)), marked, `${typed} in ${text}`);
  }
});

test("phrases, beginnings and whole words are told apart as the server does it", () => {
  const finds = (/** @type {string} */ text, /** @type {string} */ typed) => phrases(typed).every((one) => fold(text).folded.match(one));
  assert.ok(finds("twenty-three", "twen"));
  assert.ok(!finds("twenty-three", "twen thr"), "only the last word may be unfinished");
  assert.ok(!finds("nothing", "?! x"));
  assert.equal(phrases("a ".repeat(500)).length, 16);
  assert.equal(phrases('"" “” ? *').length, 0);
});

test("a long text without spaces is folded in no time", () => {
  const started = performance.now();
  const text = "\u1100\u1161".repeat(100_000).normalize("NFC") + "x".repeat(300_000);
  spans(text, fold(text), phrases("don't x"));
  assert.ok(performance.now() - started < 2_000);
});
