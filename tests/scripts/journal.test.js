import assert from "node:assert/strict";
import { test } from "node:test";
import { Journal, newRow } from "../../static/scripts/journal.js";
import { kept } from "./clips.js";

const sound = (/** @type {string} */ words) => new TextEncoder().encode(words).buffer;

test("without a disk, memory keeps the pieces in their order, and it is said that it does", async () => {
  const journal = new Journal(null);
  let said = 0;
  journal.addEventListener("unsafe", () => (said += 1));
  await journal.create(kept("a"));
  await journal.append("a", 1, sound("two"), 6_000);
  await journal.append("a", 0, sound("one"), 3_000);
  const row = await journal.get("a");
  assert.equal(row.bytes, 6);
  assert.equal(await (await journal.blob(row)).text(), "onetwo");
  assert.equal((await journal.blob(row)).type, "audio/webm");
  assert.equal(said, 1);
  assert.equal(journal.safe, false);
});

test("a recording is forgotten with its pieces, unless it has changed since", async () => {
  const journal = new Journal(null);
  await journal.create(kept("a", { name: "Before" }));
  await journal.append("a", 0, sound("one"));
  await journal.update("a", { name: "After" });
  assert.equal(await journal.remove("a", ({ name }) => name === "Before"), false);
  assert.equal(await journal.remove("a", ({ name }) => name === "After"), true);
  assert.equal(await journal.get("a"), null);
  assert.equal(await (await journal.blob(kept("a"))).text(), "");
});

test("what is not there is neither changed nor invented", async () => {
  const journal = new Journal(null);
  assert.equal(await journal.update("nobody", { name: "x" }), null);
  assert.deepEqual(await journal.all(), []);
});

test("a new row knows its moment and nothing else", () => {
  const row = newRow({ name: "N", mime: "audio/mp4", state: "recording" }, new Date("2026-11-22T10:00:00Z"));
  assert.deepEqual(
    { ...row, id: "" },
    { ...kept(""), name: "N", mime: "audio/mp4", created_at: "2026-11-22T10:00:00.000Z" },
  );
});
