import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Tus, metadata } from "../../static/offline/tus.js";

const bytes = (text) => new TextEncoder().encode(text).buffer;

/** A server that gives these answers in order; what it was asked is returned. */
function answering(t, ...answers) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, options) => {
    asked.push({ url, ...options });
    const [status, headers, body] = answers.shift();
    return new Response(body ?? null, { status, headers });
  });
  return asked;
}

const wanted = { clip_id: "c", segment: 0, name: "Füße", mime: "audio/webm", recorded_at: "2026-11-22T10:00:00Z" };

test("metadata are pairs in base64 of UTF-8", () => {
  assert.equal(metadata({ name: "Füße", segment: 0 }), "name RsO8w59l,segment MA==");
});

test("a recording is begun without a length, a file with one and without a segment", async (t) => {
  const made = { Location: "/api/uploads/1", "Upload-Offset": "7" };
  const asked = answering(t, [201, made], [201, { Location: "/api/uploads/2" }]);
  assert.deepEqual(await new Tus().create({ ...wanted, length: null }), { url: "/api/uploads/1", offset: 7 });
  const begun = await new Tus().create({ ...wanted, segment: null, length: 9 });
  assert.deepEqual(begun, { url: "/api/uploads/2", offset: 0 });
  const [recording, file] = asked.map(({ headers }) => headers);
  assert.deepEqual([recording["Upload-Defer-Length"], recording["Upload-Length"]], ["1", undefined]);
  assert.deepEqual([file["Upload-Defer-Length"], file["Upload-Length"]], [undefined, "9"]);
  assert.match(recording["Upload-Metadata"], /segment MA==/);
  assert.doesNotMatch(file["Upload-Metadata"], /segment/);
  assert.equal(file["Tus-Resumable"], "1.0.0");
});

test("bytes go with their place, their digest, and how long the recording is", async (t) => {
  const asked = answering(t, [204, { "Upload-Offset": "8" }], [204, { "Upload-Offset": "8" }]);
  const answer = await new Tus().send("/u", 5, bytes("one"), { recorded_ms: 3_000 });
  assert.deepEqual(answer, { offset: 8, taken: true });
  assert.deepEqual(asked[0].headers, {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "5",
    "Content-Type": "application/offset+octet-stream",
    "Recorded-Ms": "3000",
    "Upload-Checksum": `sha256 ${createHash("sha256").update("one").digest("base64")}`,
  });
  await new Tus().send("/u", 8, bytes(""), { length: 8 });
  assert.equal(asked[1].headers["Upload-Length"], "8");
  assert.equal(asked[1].headers["Upload-Checksum"], undefined);
});

test("a wrong place is answered with the right one, and no circle is entered", async (t) => {
  answering(t, [409, { "Upload-Offset": "3" }], [409, { "Upload-Offset": "5" }], [409, {}, '{"detail": "Taken."}']);
  assert.deepEqual(await new Tus().send("/u", 5, bytes("one")), { offset: 3, taken: false });
  await assert.rejects(new Tus().send("/u", 5, bytes("one")), { status: 502 });
  await assert.rejects(new Tus().send("/u", 5, bytes("one")), { status: 409, message: "Taken." });
});

test("a page of somebody else's is no answer", async (t) => {
  answering(t, [200, {}, "<html>Sign in"], [200, {}, "<html>Sign in"], [200, {}, "<html>Sign in"]);
  await assert.rejects(new Tus().create({ ...wanted, length: null }), { status: 502 });
  await assert.rejects(new Tus().head("/u"), { status: 502 });
  await assert.rejects(new Tus().send("/u", 0, bytes("one")), { status: 502 });
});

test("a request of which nothing is heard is given up", async (t) => {
  t.mock.method(globalThis, "fetch", (_, { signal }) => {
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const alive = setTimeout(() => {}, 1_000);
  await assert.rejects(new Tus({ stalled_ms: 5 }).head("/u"), { status: 0, message: "server.silent" });
  clearTimeout(alive);
});
