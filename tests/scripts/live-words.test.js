import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveWords } from "../../static/shared/live-words.js";

test("the first word that may still change is not indented", () => {
  const text = { data: "", appendData: (/** @type {string} */ more) => (text.data += more) };
  const document = { createElement: () => ({ textContent: "" }), createTextNode: () => text };
  Object.assign(globalThis, { document });
  const words = new LiveWords(/** @type {any} */ ({ replaceChildren() {} }));
  words.show({ settled: "", tentative: " And Mr." });
  assert.equal(words.tentative.textContent, "And Mr.");
  words.show({ settled: "And", tentative: " Mr." });
  assert.deepEqual([text.data, words.tentative.textContent], ["And", " Mr."]);
});
