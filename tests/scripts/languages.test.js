import assert from "node:assert/strict";
import { test } from "node:test";
import { language, languages } from "../../static/shared/languages.js";

test("languages have the reader's names, in the order of these", () => {
  assert.deepEqual([language("de", "en"), language("de", "fr"), language("x!", "en")], ["German", "allemand", "x!"]);
  const names = languages("de").map(({ name }) => name);
  assert.deepEqual(names.slice(0, 2), ["Afrikaans", "Albanisch"]);
  assert.ok(names.indexOf("Äthiopisch") < names.indexOf("Baskisch"), "umlauts stand where they are looked for");
  assert.equal(new Set(names).size, 100);
});

test("each has a name that is none of a machine", () => {
  for (const { code, name } of languages("en")) assert.notEqual(code, name);
});
