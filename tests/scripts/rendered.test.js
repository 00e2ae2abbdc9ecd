import assert from "node:assert/strict";
import { test } from "node:test";
import { isRendered } from "../../static/shared/rendered.js";

test("an element is rendered if the browser says so, or, where it cannot say, if it has a box", () => {
  assert.equal(isRendered({ checkVisibility: () => true, getClientRects: () => [] }), true);
  assert.equal(isRendered({ checkVisibility: () => false, getClientRects: () => [{}] }), false);
  assert.equal(isRendered({ getClientRects: () => [{}] }), true);
  assert.equal(isRendered({ getClientRects: () => [] }), false);
});
