import assert from "node:assert/strict";
import { test } from "node:test";

import { address, clipAddress, place, placeOf } from "../../static/shared/router.js";

const at = (/** @type {string} */ url) => placeOf(new URL(url, "https://example.org"));

test("each place has an address that leads back to it", () => {
  for (const name of /** @type {const} */ (["list", "recording", "settings", "bin"])) {
    assert.deepEqual(at(address(place(name))), place(name));
  }
  const clip = place("clip", { id: "a-1", ms: 61_000, tab: "notes" });
  assert.equal(address(clip), "/clips/a-1?t=61&tab=notes");
  assert.deepEqual(at(address(clip)), clip);
  assert.equal(clipAddress("a/b", 999), "/clips/a%2Fb");
});

test("links of older releases lead where they led", () => {
  assert.deepEqual(at("/#clip=A-1&t=61.5"), place("clip", { id: "a-1", ms: 61_500 }));
  assert.deepEqual(at("/#bin"), place("bin"));
  assert.deepEqual(at("/#clip=a-1&t=soon"), place("clip", { id: "a-1" }));
});

test("what no place has is the list, and what cannot be read is no fault", () => {
  assert.deepEqual(at("/elsewhere?x=1#q=word"), place("list"));
  assert.deepEqual(at("/clips/"), place("list"));
  assert.deepEqual(at("/clips/%E0%A4%A?t=-1&tab=other"), place("clip", { id: "%e0%a4%a" }));
});
