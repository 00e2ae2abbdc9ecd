import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Problem, problemOf } from "../../static/shared/api.js";
import { sentenceOf } from "../../static/shared/sentences.js";

const refused = (/** @type {number} */ status, body = "", headers = {}) =>
  problemOf(new Response(body, { status, headers }));

test("a problem document speaks for itself; whatever else comes is named by its status", async () => {
  assert.equal((await refused(415, '{"detail": "This is a text.", "title": "No audio"}')).message, "This is a text.");
  assert.equal(sentenceOf((await refused(502, "<html>Bad gateway")).reason), "The server answered with 502.");
  const stranger = await refused(401, '{"detail": "Nobody is signed in."}');
  assert.equal(sentenceOf(stranger.reason), "Sign in again. Nobody is signed in.");
  assert.equal((await refused(503, "{}", { "Retry-After": "7" })).retry_ms, 7_000);
});

test("only refusals that asking again cannot change are definite", async () => {
  const definite = (/** @type {number[]} */ all) => Promise.all(all.map(async (one) => (await refused(one)).definite));
  assert.deepEqual(await definite([400, 404, 409, 410, 413, 415]), Array(6).fill(true));
  assert.deepEqual(await definite([401, 403, 408, 429, 460, 500, 503, 507]), Array(8).fill(false));
  assert.equal(new Problem("No answer came.").definite, false);
});

test("an unreachable server is a code, not an exception of the browser's", async (t) => {
  t.mock.method(globalThis, "fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(new Api().list(), { reason: { code: "server.unreachable" }, status: 0 });
});

test("an answer that breaks off, or is somebody else's, is one to ask for again", async (t) => {
  t.mock.method(globalThis, "fetch", async () => new Response("<html>Welcome to this hotel"));
  await assert.rejects(new Api().list(), (error) => error instanceof Problem && !error.definite);
});

test("a list is asked for with all that is wished for, and nothing that is not", async (t) => {
  const fetched = t.mock.method(globalThis, "fetch", async () => Response.json({ tags: [] }));
  const api = new Api();
  await api.list();
  await api.list(null, { deleted: true });
  await api.list("a=", { q: "é &", tag: ["x", "y"], status: [], shortest_ms: 0, sort: "best", from: undefined });
  await api.tags();
  assert.deepEqual(
    fetched.mock.calls.map((call) => call.arguments[0]),
    [
      "/api/clips?form=short",
      "/api/clips?form=short&deleted=true",
      "/api/clips?form=short&cursor=a%3D&q=%C3%A9+%26&tag=x&tag=y&shortest_ms=0&sort=best",
      "/api/tags",
    ],
  );
});

test("a change names the version that it stands on, and ids are quoted in addresses", async (t) => {
  const fetched = t.mock.method(globalThis, "fetch", async () => Response.json({ version: 8 }));
  await new Api().patch("a/b", { text: "x" }, 7);
  const [url, options] = fetched.mock.calls[0].arguments;
  assert.equal(url, "/api/clips/a%2Fb");
  assert.equal(options.headers.get("If-Match"), '"7"');
});

test("all words that are saved in one visit name one sitting, and nothing else does", async (t) => {
  const fetched = t.mock.method(globalThis, "fetch", async () => Response.json({ version: 8 }));
  await new Api().patch("a", { text: "x" }, 7);
  await new Api().patch("b", { text: "y" }, 7);
  await new Api().patch("a", { name: "z" }, 7);
  const sittings = fetched.mock.calls.map((call) => call.arguments[1].headers.get("Sitting"));
  assert.match(sittings[0], /^[0-9a-f-]{36}$/);
  assert.deepEqual(sittings, [sittings[0], sittings[0], null]);
});

test("a recording is finished with what its recorder knows, or with what has arrived", async (t) => {
  const fetched = t.mock.method(globalThis, "fetch", async () => Response.json({}));
  await new Api().finish("a", { segments: 1, duration_ms: 3_000, gaps: [] });
  await new Api().finish("a");
  const [told, untold] = fetched.mock.calls.map((call) => call.arguments[1]);
  assert.equal(told.body, '{"segments":1,"duration_ms":3000,"gaps":[]}');
  assert.deepEqual([untold.method, untold.body], ["POST", undefined]);
});
