import assert from "node:assert/strict";
import { test } from "node:test";
import { caption } from "../../static/shared/captions.js";

const told = (from, committed, tentative = "") => ({ clip: { id: "a" }, from, committed, tentative });

/** @param {...ReturnType<typeof told>} all */
const after = (...all) => all.reduce((known, each) => caption(known, each), undefined);

test("what is told anew goes on where it says that it begins", () => {
  const words = after(told(0, "It was", " the"), told(0, "It was the best", " of"), told(7, "the best of times"));
  assert.deepEqual(words, { missing: 0, settled: "It was the best of times", tentative: "" });
});

test("who comes late knows what is missing, and goes on from there", () => {
  assert.deepEqual(after(told(100, "the end"), told(104, "end, again")), {
    missing: 100,
    settled: "the end, again",
    tentative: "",
  });
});

test("where something was missed, the words begin with the newest", () => {
  const words = after(told(0, "It was"), told(50, "the worst of times", " it"));
  assert.deepEqual(words, { missing: 50, settled: "the worst of times", tentative: " it" });
});

test("another worker that begins anew is believed", () => {
  assert.deepEqual(after(told(300, "of wisdom"), told(0, "it was")).settled, "it was");
  assert.deepEqual(after(told(0, "It was the best of times"), told(0, "It was the")).settled, "It was the");
});

test("characters are counted as the server counts them", () => {
  assert.equal(after(told(0, "𠮷野家 "), told(4, "and more")).settled, "𠮷野家 and more");
});
