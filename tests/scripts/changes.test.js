import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { Backoff } from "../../static/shared/backoff.js";
import { Changes, remarked } from "../../static/offline/changes.js";
import { Library } from "../../static/shared/library.js";
import { Memory } from "../../static/offline/memory.js";
import { clip, until } from "./clips.js";
import { Locks } from "./browser.js";

/** A server with versions and If-Match, that can be cut off, before an order arrives or before its answer does. */
class Server {
  clips = new Map();
  /** @type {string[]} */
  done = [];
  /** What it answers, or a promise of that. @type {() => "down"|"lost"|number|Problem|null|Promise<any>} */
  fault = () => null;

  async #do(words, id, work, version) {
    const fault = await this.fault();
    await new Promise((resolve) => setTimeout(resolve));
    if (fault === "down") throw new Problem("The server cannot be reached.");
    if (fault instanceof Problem) throw fault;
    if (typeof fault === "number") throw new Problem("It does not want to.", fault);
    const known = this.clips.get(id);
    if (!known) throw new Problem("There is no clip with this id.", 404);
    if (version && version !== known.version) throw new Problem("It has changed.", 412);
    const markers = work?.markers ? { markers: remarked(known.markers ?? [], work.markers) } : {};
    const now = work ? { ...known, ...work, ...markers, version: known.version + 1 } : known;
    this.clips.set(id, now);
    if (work) this.done.push(words);
    if (fault === "lost") throw new Problem("The server cannot be reached.");
    return structuredClone(now);
  }

  get = (id) => this.#do("get", id, null);
  patch = (id, change, version) => this.#do(`${id} ${Object.values(change)}`, id, change, version);
  delete = (id) => this.#do(`${id} delete`, id, { deleted_at: "2026-11-23T10:00:00.000Z" });
  restore = (id) => this.#do(`${id} restore`, id, { deleted_at: null });
  transcribe = (id) => this.#do(`${id} retry`, id, { status: "pending" });
}

/** @type {Server} */
let server;
/** @type {Locks} */
let locks;
/** @type {(() => void)[]} */
const tabs = [];
const never = () => new Promise(() => {});

/** A tab of this browser; it dies with `die()`. */
function tab() {
  const library = new Library();
  for (const known of server.clips.values()) library.apply(structuredClone(known));
  let die = () => {};
  const death = new Promise((resolve) => (die = () => resolve((isDead = true))));
  let isDead = false;
  // What a dead tab still waits for never comes, and it asks nothing any more.
  const mortal = (of) =>
    new Proxy(of, {
      get:
        (_, name) =>
        (...given) =>
          isDead ? never() : of[name](...given).then(
            (answer) => (isDead ? never() : answer),
            (error) => (isDead ? never() : Promise.reject(error)),
          ),
    });
  const backoff = new Backoff({ first_ms: 1, max_ms: 4 });
  const memory = new Memory();
  const changes = new Changes(mortal(memory), mortal(server), library, {
    ...{ lock: /** @type {any} */ (locks.of(death)), backoff, patience_ms: 30, taken_ms: 60 },
  });
  tabs.push(die);
  return { library, changes, die, memory, text: (id) => library.get(id)?.clip?.text };
}

const waiting = async () => (await new Memory().all("changes")).map(({ kind, value, state }) => [kind, value, state]);
const empty = () => until(async () => (await waiting()).length === 0);

beforeEach(async () => {
  for (const die of tabs.splice(0)) die();
  const memory = new Memory();
  await memory.clear("changes");
  server = new Server();
  locks = new Locks();
  server.clips.set("a", clip("a", { text: "first", status: "done" }));
  server.clips.set("b", clip("b", { text: "other", status: "done" }));
});

test("with a server a change is made at once, and nothing is left behind", async () => {
  const { changes, library } = tab();
  await changes.make("a", "name", "new", "a");
  assert.equal(library.get("a").clip.name, "new");
  assert.equal(library.get("a").changes, undefined);
  await empty();
});

test("without one it is shown at once, survives the tab, and is sent in order by the next", async () => {
  const first = tab();
  server.fault = () => "down";
  await first.changes.make("a", "text", "mine", "first");
  await first.changes.make("a", "name", "new", "a");
  await first.changes.make("b", "delete");
  await first.changes.make("a", "text", "mine again", "mine");
  assert.equal(first.text("a"), "mine again");
  assert.ok(first.library.get("b").clip.deleted_at);
  assert.equal(first.library.get("a").changes.length, 3);
  first.die();

  const second = tab();
  await second.changes.scan();
  assert.equal(second.text("a"), "mine again");
  server.fault = () => null;
  second.changes.wake();
  await empty();
  assert.deepEqual(server.done, ["a mine", "a new", "b delete", "a mine again"]);
  await until(() => second.library.get("a").changes === undefined);
  assert.equal(second.text("a"), "mine again");
});

test("a typed name stands over one that a machine gave meanwhile, and waits beside one that somebody typed", async () => {
  const { changes } = tab();
  server.fault = () => "down";
  await changes.make("a", "name", "mine", "a");
  await changes.make("b", "name", "mine", "b");
  server.clips.set("a", { ...server.clips.get("a"), name: "The first words", name_origin: "words", version: 9 });
  server.clips.set("b", { ...server.clips.get("b"), name: "theirs", name_origin: "person", version: 9 });
  server.fault = () => null;
  changes.wake();
  await until(() => server.clips.get("a").name === "mine");
  await until(async () => String(await waiting()) === "name,mine,conflict");
  assert.equal(server.clips.get("b").name, "theirs");
});

test("words that somebody else changed wait for a person, and other changes do not wait for them", async () => {
  const { changes, library, text } = tab();
  server.fault = () => "down";
  await changes.make("a", "text", "mine", "first");
  await changes.make("a", "text", "mine again", "mine");
  await changes.make("b", "name", "new", "b");
  server.clips.set("a", { ...server.clips.get("a"), text: "theirs", version: 9 });
  server.fault = () => null;
  changes.wake();
  await until(async () => (await waiting()).length === 2);
  assert.deepEqual(await waiting(), [
    ["text", "mine", "conflict"],
    ["text", "mine again", "waiting"],
  ]);
  assert.deepEqual([text("a"), library.truth("a").text], ["mine again", "theirs"]);
  const [seen] = library.get("a").changes;
  assert.equal(seen.theirs, "theirs");
  // What came after they looked is not what they chose against.
  server.clips.set("a", { ...server.clips.get("a"), text: "theirs, too", version: 12 });
  library.apply(structuredClone(server.clips.get("a")));
  await changes.settle(seen, "mine", "");
  await until(() => library.get("a").changes[0].theirs === "theirs, too");
  assert.equal(server.clips.get("a").text, "theirs, too");
  await changes.settle(library.get("a").changes[0], "mine", "");
  await empty();
  assert.equal(server.clips.get("a").text, "mine again");
});

test("who takes the other's words is told of all of their own until they have read it", async () => {
  const { changes, library, text } = tab();
  server.fault = () => "down";
  await changes.make("a", "text", "mine", "first");
  await changes.make("a", "text", "mine again", "mine");
  server.clips.set("a", { ...server.clips.get("a"), text: "theirs", version: 9 });
  server.fault = () => null;
  changes.wake();
  await until(async () => (await waiting())[0]?.[2] === "conflict");
  await until(() => library.get("a").changes?.[0].state === "conflict");
  await changes.settle(library.get("a").changes[0], "theirs", "You took the other ones.");
  assert.deepEqual(await waiting(), [["text", "mine again", "refused"]]);
  assert.equal(text("a"), "theirs");
});

test("what two devices did to the tags is all done, and what one did in a row, too", async () => {
  const { changes, library } = tab();
  server.clips.set("a", { ...server.clips.get("a"), tags: ["one", "two"], version: 3 });
  library.apply(structuredClone(server.clips.get("a")));
  server.fault = () => "down";
  await changes.make("a", "tags", { add: ["mine"], remove: [] });
  await changes.make("a", "tags", { add: ["mine, too"], remove: ["one"] });
  assert.deepEqual(library.get("a").clip.tags, ["two", "mine", "mine, too"]);
  server.clips.set("a", { ...server.clips.get("a"), tags: ["one", "two", "theirs"], version: 4 });
  server.fault = () => null;
  changes.wake();
  await empty();
  assert.deepEqual(server.clips.get("a").tags, ["two", "theirs", "mine", "mine, too"]);
});

test("an answer that comes after all is over changes nothing any more", async () => {
  const { changes, library } = tab();
  let fail = () => {};
  server.fault = () => new Promise((resolve) => (fail = () => resolve("down")));
  await changes.make("a", "delete");
  server.fault = () => null;
  changes.wake();
  await empty();
  await changes.make("a", "restore");
  fail();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(server.done, ["a delete", "a restore"]);
  assert.deepEqual(await waiting(), []);
  assert.equal(library.get("a").clip.deleted_at, null);
});

test("an answer that was lost does not make a conflict with oneself", async () => {
  const { changes, text } = tab();
  server.fault = () => "lost";
  const made = changes.make("a", "text", "mine", "first");
  await made;
  server.fault = () => null;
  changes.wake();
  await empty();
  assert.equal(text("a"), "mine");
  assert.equal(server.clips.get("a").text, "mine");
});

test("what is refused at once is thrown, later it is told until it is read, and the next one is sent", async () => {
  const { changes } = tab();
  let told = [];
  changes.addEventListener("refused", (event) => (told = event.detail));
  server.fault = () => 422;
  await assert.rejects(changes.make("a", "name", "no", "a"), Problem);
  await empty();
  server.fault = () => "down";
  await changes.make("gone", "text", "words", "before");
  await changes.make("b", "name", "new", "b");
  server.fault = () => null;
  changes.wake();
  await until(() => told.length === 1 && server.done.includes("b new"));
  assert.deepEqual([told[0].value, told[0].reason], ["words", { said: "There is no clip with this id." }]);
  await changes.dismiss(told[0].seq);
  await empty();
  assert.deepEqual(told, []);
});

test("a server that fails at one change forever does not hold up the others", async () => {
  const { changes } = tab();
  server.fault = () => "down";
  await changes.make("a", "language", "xx");
  await changes.make("b", "name", "new", "b");
  let asked = 0;
  server.fault = () => (asked++ < 5 ? 500 : null);
  changes.wake();
  await until(async () => server.done.includes("b new") && (await waiting()).length === 1);
  assert.deepEqual((await waiting()).map(([, , state]) => state), ["refused"]);
});

test("what a server of an older release does not know yet is kept, and sent when it is updated", async () => {
  const { changes, library } = tab();
  let asked = 0;
  server.fault = () => (asked++ < 8 ? new Problem("starred: Extra inputs are not permitted.", 400) : null);
  await changes.make("a", "starred", true);
  assert.equal(library.get("a").clip.starred, true);
  await until(() => server.done.includes("a true"));
  await empty();
});

test("a server that stays old is told to who made the change, which is kept", async () => {
  const { changes } = tab();
  server.fault = () => new Problem("notes: Extra inputs are not permitted.", 400);
  await changes.make("a", "notes", "typed", "");
  await until(async () => (await waiting())[0]?.[2] === "refused");
  assert.deepEqual(await waiting(), [["notes", "typed", "refused"]]);
});

test("a deletion of what is gone is done", async () => {
  const { changes } = tab();
  server.fault = () => "down";
  await changes.make("a", "delete");
  server.clips.delete("a");
  server.fault = () => null;
  changes.wake();
  await empty();
});

test("without storage it is as good as the line: sent, or refused to who asked", async () => {
  const { changes, library, memory } = tab();
  memory.put = async () => Promise.reject(new Error("full"));
  await changes.make("a", "name", "new", "a");
  assert.equal(library.get("a").clip.name, "new");
  server.fault = () => "down";
  await assert.rejects(changes.make("a", "name", "newer", "new"), Problem);
});

/** A generator of numbers from 0 to 1 that a failure can be repeated with. @param {number} seed */
function chance(seed) {
  return () => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31);
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`whatever breaks, the last of each kind is what the server has in the end (${seed})`, async () => {
    const random = chance(seed);
    const pick = (/** @type {any[]} */ of) => of[Math.floor(random() * of.length)];
    let one = tab();
    const wanted = { a: { name: "a", text: "first", bin: false }, b: { name: "b", text: "other", bin: false } };
    let up = true;
    server.fault = () => (up ? (random() < 0.2 ? "lost" : null) : "down");
    for (let step = 0; step < 25; step++) {
      const id = pick(["a", "b"]);
      const want = wanted[id];
      await pick([
        () => one.changes.make(id, "name", (want.name = `name ${step}`), one.library.get(id).clip.name),
        () => one.changes.make(id, "text", (want.text = `text ${step}`), one.text(id)),
        () => one.changes.make(id, "delete").then(() => (want.bin = true)),
        () => one.changes.make(id, "restore").then(() => (want.bin = false)),
        () => (up = !up),
        async () => {
          one.die();
          one = tab();
          await one.changes.scan();
        },
      ])();
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    server.fault = () => null;
    one.changes.wake();
    await empty();
    for (const id of ["a", "b"]) {
      const { name, text, deleted_at } = server.clips.get(id);
      assert.deepEqual({ name, text, bin: deleted_at !== null }, wanted[id]);
    }
  });
}

test("markers that two people set without a network both stay, and notes are not written over", async () => {
  server.clips.set("a", clip("a", { text: "Words.", notes: "", markers: [] }));
  const here = tab();
  server.fault = () => "down";
  await here.changes.make("a", "markers", { set: [{ id: "m1", at_ms: 2_000, text: "Launch" }] });
  await here.changes.make("a", "markers", { set: [{ id: "m0", at_ms: 1_000, text: "" }], remove: ["m1"] });
  await here.changes.make("a", "notes", "Mine", "");
  const shown = () => here.library.get("a")?.clip;
  assert.deepEqual([shown()?.markers, shown()?.notes], [[{ id: "m0", at_ms: 1_000, text: "" }], "Mine"]);
  server.clips.set("a", { ...server.clips.get("a"), notes: "Theirs", version: 9 });
  server.fault = () => null;
  here.changes.wake();
  await until(() => here.library.get("a")?.changes?.some(({ state }) => state === "conflict"));
  assert.equal(server.clips.get("a").notes, "Theirs");
  assert.deepEqual(remarked([{ id: "m1", at_ms: 5, text: "" }], { set: [{ id: "m2", at_ms: 1, text: "x" }] }).map(({ id }) => id), ["m2", "m1"]);
});
