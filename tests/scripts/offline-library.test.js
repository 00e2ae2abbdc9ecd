import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { OfflineLibrary } from "../../static/offline/offline-library.js";
import { Library } from "../../static/shared/library.js";
import { Memory } from "../../static/offline/memory.js";
import { clip, until } from "./clips.js";

const memory = new Memory();
const at = (/** @type {number} */ n) => new Date(Date.UTC(2026, 10, 22, 10) + 1000 * n).toISOString();

function visit() {
  const library = new Library();
  const known = new OfflineLibrary(memory, library);
  return { library, known, ids: () => library.shown().map(({ id }) => id) };
}

beforeEach(() => memory.clear("clips"));

test("the next visit knows what this one saw, newest first, and nothing of the bin", async () => {
  const first = visit();
  for (let n = 0; n < 60; n++) first.library.apply(clip(`c${n}`, { created_at: at(n), text: `words ${n}` }));
  first.library.apply(clip("c58", { version: 2, created_at: at(58), deleted_at: at(99) }));
  first.library.bin("c57");
  await until(async () => (await memory.clipIds()).length === 58);
  const second = visit();
  await second.known.show();
  assert.equal(second.ids().length, 50);
  assert.deepEqual(second.ids().slice(0, 2), ["c59", "c56"]);
  assert.equal(second.library.get("c56").clip.text, "words 56");
  await second.known.unread();
  assert.equal(second.ids().length, 58, "without a server, all that is known");
});

test("what comes late changes nothing: the server has answered", async () => {
  await memory.put("clips", clip("a"));
  const { known, ids } = visit();
  await known.read();
  await known.show();
  assert.deepEqual(ids(), []);
});

test("no more than a thousand are kept, the newest", async () => {
  await memory.edit("clips", (rows) => {
    for (let n = 0; n < 1_010; n++) rows.put(clip(`c${n}`, { created_at: at(n) }));
  });
  const { library } = visit();
  library.apply(clip("new", { created_at: at(5_000) }));
  await until(async () => (await memory.clipIds()).length === 1_000);
  assert.equal((await memory.clipIds()).at(-1), "new");
});

test("another library at the same address is noticed, and the first one is forgotten", async () => {
  await memory.put("clips", clip("theirs"));
  const { library, known } = visit();
  let told = 0;
  known.addEventListener("other", () => (told += 1));
  await known.show();
  library.reconcile([clip("ours")], library.snapshot(), true);
  await known.read();
  assert.equal(told, 1);
  await until(async () => (await memory.clipIds()).join() === "ours");
});

test("one clip is recalled before the list and in place of a server, and its words where the list leaves them out", async () => {
  await memory.edit("clips", (rows) => {
    rows.put(clip("a", { text: "All of the words." }));
    rows.put(clip("b", { version: 2, text: "Old words." }));
  });
  const { library, known } = visit();
  await known.recall("a");
  assert.equal(library.get("a").clip.text, "All of the words.");
  await known.recall("unknown");
  const later = visit();
  await later.known.read();
  await later.known.recall("a");
  assert.equal(later.library.get("a"), undefined, "the server has answered");
  const { text, ...short } = clip("b", { version: 3, excerpt: "New" });
  later.library.apply(short);
  await later.known.recall("b");
  assert.equal(later.library.get("b").clip.text, undefined, "it has other words now");
  later.library.apply({ ...clip("a"), text: undefined, excerpt: "All of" });
  await later.known.recall("a");
  assert.equal(later.library.get("a").clip.text, "All of the words.");
  const cut = visit();
  await cut.known.read();
  await cut.known.recall("a", { isCut: true });
  assert.equal(cut.library.get("a").clip.text, "All of the words.");
});

test("another library is noticed, too, when its list comes before this device has read what it knows", async () => {
  await memory.put("clips", clip("theirs"));
  const { library, known, ids } = visit();
  let told = 0;
  known.addEventListener("other", () => (told += 1));
  const showing = known.show();
  library.reconcile([clip("ours")], library.snapshot(), true);
  await Promise.all([known.read(), showing]);
  assert.deepEqual([told, ids()], [1, ["ours"]]);
});

test("the words that lists leave out are kept: asked for once, and never lost to a list", async () => {
  const texts = ["a", "b", "c", "d", "e", "f", "g"];
  const whole = texts.map((id, n) => clip(id, { created_at: at(n), text: `words of ${id}`, text_chars: 10 }));
  const short = whole.map(({ text, ...rest }) => ({ ...rest, excerpt: text }));
  const asked = [];
  const api = /** @type {any} */ ({
    list: async (cursor, wish) => (asked.push(wish), { clips: whole }),
    get: async (id) => (asked.push(id), whole.find((clip) => clip.id === id)),
  });
  const first = visit();
  first.library.add(short);
  await first.known.complete(api);
  assert.equal(first.library.get("a").clip.text, "words of a");
  await until(async () => (await memory.get("clips", "g"))?.text === "words of g");

  const second = visit();
  second.library.add(short);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal((await memory.get("clips", "a")).text, "words of a", "a list's short form takes nothing away");
  second.library.apply({ ...short[0], version: 9 });
  whole[0] = { ...whole[0], version: 9, text: "other words" };
  await second.known.complete(api);
  assert.deepEqual(asked, [{ whole: true }, "a"]);
  assert.deepEqual([second.library.get("a").clip.text, second.library.get("g").clip.text], ["other words", "words of g"]);
});

test("fifty clips are kept, and shown at the next visit, in a few transactions", async () => {
  const { transaction } = IDBDatabase.prototype;
  let count = 0;
  IDBDatabase.prototype.transaction = function (...given) {
    count += 1;
    return transaction.apply(this, given);
  };
  const first = visit();
  for (let n = 0; n < 50; n++) first.library.apply(clip(`c${n}`, { created_at: at(n) }));
  await new Promise((resolve) => setTimeout(resolve, 600));
  const second = visit();
  await second.known.show();
  IDBDatabase.prototype.transaction = transaction;
  assert.equal(second.ids().length, 50);
  // What is there, what is new, how many that makes; the newest ids, their clips. Tests before this one write, too.
  assert.ok(count < 12, `${count} transactions`);
});
