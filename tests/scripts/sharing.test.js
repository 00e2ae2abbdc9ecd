/** What another app is given of a clip. */

import assert from "node:assert/strict";
import test from "node:test";
import { shareable } from "../../static/clip/sharing.js";

test("a clip whose list has the beginning of its words alone is shared with all of them", async () => {
  const clip = { id: "1", name: "An hour", version: 1, excerpt: "The beginning", text_chars: 30 };
  const api = { get: async () => ({ ...clip, text: "The beginning, and all the rest." }) };
  const actions = /** @type {any} */ ({ api, library: { get: () => ({ clip }) } });
  assert.deepEqual(await shareable(actions, "1", {}), { title: "An hour", text: "The beginning, and all the rest." });
});
