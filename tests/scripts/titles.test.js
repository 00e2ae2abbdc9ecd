import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { suggestTitle } from "../../static/shared/titles.js";

/** @type {{text: string, title: string|null}[]} */
const CASES = JSON.parse(readFileSync(new URL("../data/titles.json", import.meta.url), "utf-8"));

test("a title is suggested as the server does it", () => {
  for (const { text, title } of CASES) assert.equal(suggestTitle(text), title, text);
});

test("a long text without an end takes no longer than a short one", () => {
  assert.match(suggestTitle("so ".repeat(1_000_000)) ?? "", /^So so .*…$/);
});
