import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, problemOf } from "../../static/scripts/api.js";

test("a problem document speaks for itself; whatever else comes is named by its status", () => {
  assert.equal(problemOf(415, '{"detail": "This is a text.", "title": "No audio"}', null).message, "This is a text.");
  assert.equal(problemOf(502, "<html>Bad gateway", null).message, "The server answered with 502.");
  assert.equal(problemOf(503, "{}", "7").retry_ms, 7_000);
});

test("only refusals that asking again cannot change are definite", () => {
  const definite = (/** @type {number} */ status) => problemOf(status, "", null).definite;
  assert.deepEqual([400, 404, 409, 413, 415].map(definite), [true, true, true, true, true]);
  assert.deepEqual([0, 401, 403, 408, 429, 500, 503, 507].map(definite), Array(8).fill(false));
});

test("an unreachable server is a sentence, not an exception of the browser's", async (t) => {
  t.mock.method(globalThis, "fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(new Api().list(), { message: "The server cannot be reached.", status: 0 });
});

test("a change names the version that it stands on, and ids are quoted in addresses", async (t) => {
  const fetched = t.mock.method(globalThis, "fetch", async () => Response.json({ version: 8 }));
  await new Api().patch("a/b", { text: "x" }, 7);
  const [url, options] = fetched.mock.calls[0].arguments;
  assert.equal(url, "/api/clips/a%2Fb");
  assert.equal(options.headers.get("If-Match"), '"7"');
});
