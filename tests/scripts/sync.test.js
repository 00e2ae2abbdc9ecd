import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/scripts/api.js";
import { Library } from "../../static/scripts/library.js";
import { Sync } from "../../static/scripts/sync.js";
import { clip, until } from "./clips.js";

const at = (/** @type {number} */ n) => `2026-11-22T10:00:00.0${String(n).padStart(2, "0")}Z`;

/** A server with clips of which two make a page. */
class Server {
  clips = [5, 4, 3, 2, 1].map((n) => clip(`c${n}`, { created_at: at(n) }));
  /** @type {unknown[]} */
  failures = [];
  lists = 0;

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
  assert.deepEqual(said, ["The database is away.", null]);
  assert.equal(shown(), "c5 c4");
});

test("events are applied as they come", () => {
  feed.dispatchEvent(new CustomEvent("clip", { detail: clip("live") }));
  assert.equal(shown(), "live");
});
