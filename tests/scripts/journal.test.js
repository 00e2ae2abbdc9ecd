import assert from "node:assert/strict";
import { test } from "node:test";
import { Journal, newRow } from "../../static/offline/journal.js";

const sound = (/** @type {string} */ words) => new TextEncoder().encode(words).buffer;
const text = (/** @type {{data: ArrayBuffer}|null} */ read) => read && new TextDecoder().decode(read.data);
const recording = (more = {}) => newRow({ id: "a", name: "a", mime: "audio/webm", state: "recording", ...more });

/** A journal in memory, and what was said in it. */
async function said(...words) {
  const journal = new Journal(null);
  await journal.create(recording());
  for (const [i, word] of words.entries()) await journal.append("a", sound(word), { recorded_ms: 3_000 * (i + 1) });
  return journal;
}

test("without a disk, memory keeps the pieces in their order, and it is said that it does", async () => {
  const journal = new Journal(null);
  let warned = 0;
  journal.addEventListener("unsafe", () => (warned += 1));
  await journal.create(recording());
  await journal.append("a", sound("one"), { recorded_ms: 3_000 });
  await journal.append("a", sound("two"), { recorded_ms: 6_000 });
  const row = await journal.get("a");
  assert.deepEqual([row.bytes, row.duration_ms, row.segments[0].bytes], [6, 6_000, 6]);
  assert.equal(await (await journal.blob(row)).text(), "onetwo");
  assert.equal((await journal.blob(row)).type, "audio/webm");
  assert.equal(warned, 1);
  assert.equal(journal.safe, false);
});

test("reading goes on from any byte, joins pieces, and cuts them", async () => {
  const journal = await said("one", "two", "three");
  assert.equal(text(await journal.read("a", 0, 0, 100)), "onetwothree");
  assert.equal(text(await journal.read("a", 0, 4, 4)), "woth");
  assert.equal(await journal.read("a", 0, 11, 100), null);
  assert.equal((await journal.read("a", 0, 0, 7)).recorded_ms, 6_000, "of the last piece that is whole");
  assert.equal((await journal.read("a", 0, 0, 2)).recorded_ms, null);
});

test("what the server has is forgotten, piece by piece, and the rest is found", async () => {
  const journal = await said("one", "two", "three");
  const row = await journal.acknowledge("a", 0, 4);
  assert.deepEqual([row.segments[0].sent, row.sent_ms], [4, 3_000]);
  assert.equal(await journal.read("a", 0, 0, 100), null, "what is gone is not skipped");
  assert.equal(text(await journal.read("a", 0, 4, 100)), "wothree");
  const sealed = await journal.acknowledge("a", 0, 11, { sealed: true });
  assert.deepEqual([sealed.segments[0].sealed, sealed.sent_ms], [true, 9_000]);
  assert.equal((await journal.blob(sealed)).size, 0);
});

test("a new segment begins with its first piece, each has its own bytes", async () => {
  const journal = await said("one");
  await journal.append("a", sound("four"), { recorded_ms: 6_000, opens: "audio/mp4" });
  await journal.append("a", sound("five"), { recorded_ms: 9_000 });
  const { segments, bytes } = await journal.get("a");
  assert.deepEqual(
    segments.map(({ mime, bytes }) => [mime, bytes]),
    [
      ["audio/webm", 3],
      ["audio/mp4", 8],
    ],
  );
  assert.equal(bytes, 11);
  assert.equal(text(await journal.read("a", 0, 0, 100)), "one");
  assert.equal(text(await journal.read("a", 1, 4, 100)), "five");
});

test("a first segment of which nothing came takes the name of what comes", async () => {
  const journal = new Journal(null);
  await journal.create(recording({ mime: "" }));
  await journal.append("a", sound("one"), { opens: "audio/mp4" });
  assert.deepEqual(
    (await journal.get("a")).segments.map(({ mime, bytes }) => [mime, bytes]),
    [["audio/mp4", 3]],
  );
});

test("a change sees the row as it is at that moment", async () => {
  const journal = await said("one");
  await Promise.all(
    [1, 2, 3].map((at_ms) => {
      const gap = { at_ms, length_ms: 1, cause: "lost" };
      return journal.update("a", ({ gaps }) => ({ gaps: [...gaps, gap] }));
    }),
  );
  assert.equal((await journal.get("a")).gaps.length, 3);
});

test("a recording is forgotten with its pieces, unless it has changed since", async () => {
  const journal = await said("one");
  await journal.update("a", { name: "After" });
  assert.equal(await journal.remove("a", ({ name }) => name === "Before"), false);
  assert.equal(await journal.remove("a", ({ name }) => name === "After"), true);
  assert.equal(await journal.get("a"), null);
  assert.equal(await (await journal.blob(recording())).text(), "");
});

test("what is not there is neither changed nor invented", async () => {
  const journal = new Journal(null);
  assert.equal(await journal.update("nobody", { name: "x" }), null);
  await assert.rejects(journal.append("nobody", sound("one")), /lost/, "sound is never thrown away in silence");
  assert.deepEqual(await journal.all(), []);
});

test("a new row knows its moment and nothing else", () => {
  const row = newRow({ name: "N", mime: "audio/mp4", state: "recording" }, new Date("2026-11-22T10:00:00Z"));
  assert.deepEqual([row.created_at, row.bytes, row.is_file, row.told], ["2026-11-22T10:00:00.000Z", 0, false, null]);
  assert.deepEqual(row.segments, [{ mime: "audio/mp4", bytes: 0, sent: 0, url: null, sealed: false }]);
});
