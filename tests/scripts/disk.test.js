import "fake-indexeddb/auto";

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { Journal, newRow } from "../../static/offline/journal.js";
import { FakeServer, Locks, Spoken, Tab, bytes } from "./browser.js";
import { until } from "./clips.js";

const { put } = IDBObjectStore.prototype;

let journal, server, locks;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  [journal, server, locks] = [await Journal.open(), new FakeServer(), new Locks()];
});

afterEach(() => (IDBObjectStore.prototype.put = put));

/** From now on so many writes fail, as on a full disk. */
function fail(times = Infinity) {
  IDBObjectStore.prototype.put = function (...given) {
    if (times-- > 0) throw new DOMException("The disk is full.", "QuotaExceededError");
    return put.apply(this, given);
  };
}

const recording = () => newRow({ id: "a", name: "a", mime: "audio/webm", state: "recording" });

const read = async (from = journal) => {
  const found = await from.read("a", 0, 0, 1_000);
  return found && new TextDecoder().decode(found.data);
};

const isEmpty = async () => (await (await Journal.open()).all()).length === 0;

test("a piece is on the disk when it is said to be, and the next visit finds it", async () => {
  await journal.create(recording());
  assert.equal(await journal.append("a", bytes("one"), { recorded_ms: 3_000 }), true);
  assert.equal(await read(await Journal.open()), "one");
});

test("what a full disk does not take is kept in memory, and goes to the disk when there is room", async () => {
  await journal.create(recording());
  await journal.append("a", bytes("one."), { recorded_ms: 3_000 });
  fail();
  assert.equal(await journal.append("a", bytes("two."), { recorded_ms: 6_000 }), false);
  await journal.update("a", { name: "b" });
  assert.equal(journal.safe, false);
  assert.equal(await read(), "one.two.");
  assert.equal((await journal.get("a")).name, "b");
  fail(0);
  assert.equal(await journal.append("a", bytes("three."), { recorded_ms: 9_000 }), true);
  assert.equal(journal.safe, true);
  const again = await Journal.open();
  assert.equal(await read(again), "one.two.three.");
  const { name, bytes: all, duration_ms } = await again.get("a");
  assert.deepEqual([name, all, duration_ms], ["b", 14, 9_000]);
});

for (const times of [1, 2, 3, Infinity]) {
  test(`a disk that fails ${times} times after Continue costs no sound`, async () => {
    const first = new Tab(journal, server, locks);
    await (await new Spoken(first, "a").begin()).say("one.");
    await until(() => server.sound("a").join("") === "one.");
    first.die();
    const here = new Tab(await Journal.open(), server, locks);
    await here.outbox.scan();
    await until(async () => (await here.journal.get("a")).state === "left");
    const spoken = new Spoken(here, "a");
    assert.ok(await spoken.continue());
    fail(times);
    await spoken.say("two.", "audio/webm");
    await here.outbox.rename("a", "A name");
    await spoken.say("three.");
    await spoken.stop();
    await until(() => server.clips.get("a").status === "pending");
    assert.deepEqual(server.sound("a"), ["one.", "two.three."]);
    assert.equal(server.clips.get("a").name, "A name");
  });
}

test("a device that can write nothing any more still sends what is on it", async () => {
  const first = new Tab(journal, server, locks);
  server.delay = () => new Promise(() => {});
  const spoken = await new Spoken(first, "a").begin();
  await spoken.say("one.");
  await spoken.stop();
  first.die();
  server.delay = () => undefined;
  fail();
  await new Tab(await Journal.open(), server, locks).outbox.scan();
  await until(() => server.clips.get("a")?.status === "pending");
  assert.deepEqual(server.sound("a"), ["one."]);
  fail(0);
  await new Tab(await Journal.open(), server, locks).outbox.scan();
  await until(isEmpty);
});

test("storage that is cleared under a recording costs nothing of it", async () => {
  const here = new Tab(journal, server, locks);
  const spoken = await new Spoken(here, "a").begin();
  await spoken.say("one.");
  await until(() => server.sound("a").join("") === "one.");
  await (await Journal.open()).remove("a");
  await spoken.say("two.");
  await spoken.stop();
  await until(() => server.clips.get("a").status === "pending");
  assert.deepEqual(server.sound("a"), ["one.two."]);
});

test("storage that never answers keeps nobody waiting", async () => {
  globalThis.indexedDB = /** @type {any} */ ({ open: () => ({}) });
  const hung = Journal.open(10);
  await hung.create(recording());
  assert.equal(await hung.append("a", bytes("one")), true);
  assert.equal(hung.safe, false);
});

for (const [what, storage] of /** @type {[string, any]} */ ([
  ["opens late", null],
  ["never opens", { open: () => ({}) }],
])) {
  test(`what is kept while storage ${what} is kept in its order`, async () => {
    if (storage) globalThis.indexedDB = storage;
    const opening = Journal.open(storage ? 10 : undefined);
    assert.equal(opening.safe, true, "nothing is kept yet, so nothing can be lost");
    await opening.create(recording());
    const told = [opening.append("a", bytes("one."), { recorded_ms: 3_000 }), opening.append("a", bytes("two."))];
    assert.deepEqual(await Promise.all(told), [true, true]);
    assert.equal((await opening.update("a", ({ name }) => ({ name: `${name}b` }))).name, "ab");
    assert.equal(await read(opening), "one.two.");
    assert.deepEqual((await opening.all()).map(({ name }) => name), ["ab"]);
    assert.equal(opening.safe, storage === null);
  });
}
