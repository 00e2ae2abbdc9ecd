import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { Library } from "../../static/shared/library.js";
import { Sync } from "../../static/shared/sync.js";
import { clip, until } from "./clips.js";

const at = (/** @type {number} */ n) => `2026-11-22T10:00:00.0${String(n).padStart(2, "0")}Z`;

/** A server with clips of which two make a page. */
class Server {
  clips = [5, 4, 3, 2, 1].map((n) => clip(`c${n}`, { created_at: at(n) }));
  /** @type {unknown[]} */
  failures = [];
  lists = 0;
  fetched = 0;

  async get(id) {
    this.fetched += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    return this.clips.find((clip) => clip.id === id);
  }

  async list(cursor) {
    this.lists += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    const from = Number(cursor ?? 0);
    const next = from + 2 < this.clips.length ? String(from + 2) : null;
    return {
      clips: this.clips.slice(from, from + 2),
      next,
      realtime: { url: "/websocket", cursor: "1-0" },
      limits: {},
    };
  }
}

class FakeFeed extends EventTarget {
  started = [];
  start(realtime) {
    this.started.push(realtime);
  }
}

let server, feed, library, sync;

beforeEach(() => {
  [server, feed, library] = [new Server(), new FakeFeed(), new Library()];
  sync = new Sync(library, server, feed);
});

const shown = () =>
  library
    .shown()
    .map(({ id }) => id)
    .join(" ");

test("one page at first, then as many as are asked for", async () => {
  await sync.read();
  assert.equal(shown(), "c5 c4");
  assert.equal(feed.started.length, 1);
  await sync.readMore();
  await sync.readMore();
  assert.equal(shown(), "c5 c4 c3 c2 c1");
  assert.equal(sync.more, false);
});

test("the page that came with the first list asks for none, and goes on from there", async () => {
  const first = await server.list(null);
  server.lists = 0;
  sync = new Sync(library, server, feed, first);
  const reading = sync.read();
  assert.equal(shown(), "c5 c4", "in the same turn");
  await reading;
  assert.deepEqual([server.lists, feed.started], [0, [first.realtime]]);
  await sync.readMore();
  assert.equal(shown(), "c5 c4 c3 c2");
  await sync.read();
  assert.equal(server.lists, 3, "what came with the page was the truth of one moment");
});

test("resync reads as far down as the person has scrolled, and misses what was deleted", async () => {
  await sync.read();
  await sync.readMore();
  server.clips = [6, 5, 4, 3, 2, 1, 0].map((n) => clip(`c${n}`, { created_at: at(n) })).filter(({ id }) => id !== "c4");
  feed.dispatchEvent(new Event("resync"));
  await until(() => shown() === "c6 c5 c3 c2");
  assert.equal(server.lists, 4);
});

test("a resync while the list is on its way reads it once more", async () => {
  const first = sync.read();
  void sync.read();
  void sync.read();
  await first;
  await until(() => server.lists === 2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(server.lists, 2);
});

test("a list that cannot be read is said, and read as soon as it can be", async () => {
  const said = [];
  sync.addEventListener("list", ({ detail }) => said.push(detail));
  server.failures = [new Problem("The database is away.", 503)];
  await sync.read();
  assert.deepEqual(said, [{ said: "The database is away." }, null]);
  assert.equal(shown(), "c5 c4");
});

test("events are applied as they come", () => {
  feed.dispatchEvent(new CustomEvent("clip", { detail: clip("live") }));
  assert.equal(shown(), "live");
});

/** What an event says of a clip with a long text. */
const long = (/** @type {string} */ id, /** @type {number} */ version) => {
  const { text: _, ...told } = clip(id, { version });
  return new CustomEvent("clip", { detail: told });
};

test("a long text is fetched with its clip, once for all that is told meanwhile", async () => {
  await sync.read();
  server.clips[0] = clip("c5", { version: 7, text: "an hour", created_at: at(5) });
  for (const version of [5, 6, 7]) feed.dispatchEvent(long("c5", version));
  assert.equal(library.get("c5").clip.version, 1, "nothing is shown of what is known in part");
  await until(() => library.get("c5").clip.text === "an hour");
  feed.dispatchEvent(long("c5", 7));
  feed.dispatchEvent(long("c5", 3));
  assert.equal(server.fetched, 1);
});

test("what is told while it is on its way is fetched again, if that was too early", async () => {
  await sync.read();
  const old = clip("c5", { version: 2, created_at: at(5) });
  const answers = [old, { ...old, version: 3 }, { ...old, version: 3, text: "never asked for" }];
  server.get = async () => {
    feed.dispatchEvent(long("c5", 3));
    return answers.shift();
  };
  feed.dispatchEvent(long("c5", 2));
  await until(() => library.get("c5").clip.version === 3);
  assert.deepEqual([answers.length, library.get("c5").clip.text], [1, null]);
});

test("a long text that cannot be fetched comes with the list", async () => {
  await sync.read();
  server.clips[0] = clip("c5", { version: 2, text: "an hour", created_at: at(5) });
  server.failures = [new Problem("The server cannot be reached."), new Problem("The database is away.", 503)];
  feed.dispatchEvent(long("c5", 2));
  await until(() => library.get("c5").clip.text === "an hour");
  assert.equal(server.lists, 3);
});

test("a clip below the end of the list, of which an event told, is asked for after a gap", async () => {
  await sync.read();
  feed.dispatchEvent(new CustomEvent("clip", { detail: clip("c1", { version: 2, created_at: at(1) }) }));
  feed.dispatchEvent(new CustomEvent("clip", { detail: clip("c2", { version: 2, created_at: at(2) }) }));
  assert.equal(shown(), "c5 c4 c2 c1");
  // Nobody heard that one was deleted for good, and one renamed.
  server.clips = server.clips.filter(({ id }) => id !== "c2");
  server.clips[3] = clip("c1", { version: 3, name: "Renamed", created_at: at(1) });
  server.get = async (id) => {
    const found = server.clips.find((clip) => clip.id === id);
    if (!found) throw new Problem("There is no such clip.", 404);
    return found;
  };
  feed.dispatchEvent(new Event("resync"));
  await until(() => shown() === "c5 c4 c1");
  assert.equal(library.get("c1").clip.name, "Renamed");
});

test("many pages that are told to read do not do so at one moment", async () => {
  await sync.read();
  feed.dispatchEvent(new CustomEvent("looking", { detail: 1_001 }));
  const random = Math.random;
  Math.random = () => 1;
  const began = Date.now();
  feed.dispatchEvent(new Event("resync"));
  Math.random = random;
  await until(() => server.lists === 2);
  assert.ok(Date.now() - began >= 190);
});

test("a clip that was deleted for good is let go of", async () => {
  await sync.read();
  assert.ok(library.get("c5"));
  feed.dispatchEvent(new CustomEvent("gone", { detail: "c5" }));
  assert.equal(library.get("c5"), undefined);
});
