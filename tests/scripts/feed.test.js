import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Backoff } from "../../static/shared/backoff.js";
import { Feed, socketAddress } from "../../static/shared/feed.js";
import { clip, until } from "./clips.js";

// A feed never ends: what it waits for would hold this process.
const start = globalThis.setTimeout;
globalThis.setTimeout = /** @type {any} */ ((work, ms) => (ms > 5_000 ? start(work, ms).unref() : start(work, ms)));

class Socket extends EventTarget {
  readyState = 0;

  constructor(url) {
    super();
    this.url = url;
  }

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  frame(data) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(data) }));
  }

  close() {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }
}

/** @type {Socket[]} */
let sockets;
/** @type {string[]} */
let heard;
/** @type {Feed} */
let feed;

beforeEach(() => {
  [sockets, heard] = [[], []];
  const backoff = new Backoff({ first_ms: 1, max_ms: 2 });
  feed = new Feed({
    base: "https://voice.example/page",
    connect: (url) => sockets[sockets.push(new Socket(url)) - 1],
    backoff,
  });
  feed.addEventListener("clip", ({ detail }) => heard.push(detail.name));
  for (const type of ["resync", "open", "close"]) feed.addEventListener(type, () => heard.push(type));
});

test("how many pages are open is told, and is no place to go on from", async () => {
  let pages = 0;
  feed.addEventListener("looking", ({ detail }) => (pages = detail));
  feed.start({ url: "/websocket", cursor: "1-0" });
  sockets[0].open();
  sockets[0].frame({ type: "presence", looking: 3 });
  assert.equal(pages, 3);
  sockets[0].close();
  await until(() => sockets.length === 2);
  assert.match(sockets[1].url, /since=1-0$/);
});

test("addresses: a path becomes a socket of this page's origin, an absolute one stays", () => {
  assert.equal(socketAddress("/websocket", "7-0", "https://a.example/x"), "wss://a.example/websocket?since=7-0");
  assert.equal(socketAddress("/websocket", null, "http://127.0.0.1:8080/"), "ws://127.0.0.1:8080/websocket?since=");
  assert.equal(
    socketAddress("wss://rt.example/s?k=1", "7-0", "https://a.example/"),
    "wss://rt.example/s?k=1&since=7-0",
  );
});

test("clips are handed on, and the connection is resumed from the last id", async () => {
  feed.start({ url: "/websocket", cursor: "5-0" });
  sockets[0].open();
  sockets[0].frame({ id: "6-0", type: "clip", clip: clip("first") });
  sockets[0].close();
  await until(() => sockets.length === 2);
  assert.equal(sockets[1].url, "wss://voice.example/websocket?since=6-0");
  assert.deepEqual(heard, ["open", "first", "close"]);
});

test("resync is passed on, its id remembered if it has one", async () => {
  feed.start({ url: "/websocket", cursor: "5-0" });
  sockets[0].open();
  sockets[0].frame({ id: null, type: "resync" });
  sockets[0].frame({ id: "9-0", type: "resync" });
  sockets[0].close();
  await until(() => sockets.length === 2);
  assert.ok(sockets[1].url.endsWith("since=9-0"));
  assert.deepEqual(heard, ["open", "resync", "resync", "close"]);
});

test("a clip that is gone is told by its id", () => {
  const ids = [];
  feed.addEventListener("gone", ({ detail }) => ids.push(detail));
  feed.start({ url: "/websocket", cursor: "5-0" });
  sockets[0].open();
  sockets[0].frame({ id: "6-0", type: "gone", clip: { id: "a-clip" } });
  assert.deepEqual(ids, ["a-clip"]);
});

test("without a place to go on from, it says so, and is told to fetch", () => {
  feed.start({ url: "/websocket", cursor: null });
  assert.ok(sockets[0].url.endsWith("/websocket?since="));
});

test("a line that is silent for long is left, and one that never opens", async () => {
  const backoff = new Backoff({ first_ms: 1, max_ms: 2 });
  const connect = (url) => sockets[sockets.push(new Socket(url)) - 1];
  feed = new Feed({ base: "https://voice.example/page", connect, backoff, greeting_ms: 30, silence_ms: 60 });
  feed.start({ url: "/websocket", cursor: "5-0" });
  await until(() => sockets.length === 2);
  assert.equal(sockets[0].readyState, 3);
  sockets[1].open();
  for (let beat = 0; beat < 5; beat++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    sockets[1].frame({ type: "alive" });
  }
  assert.equal(sockets.length, 2, "something was said now and then");
  feed.greeting_ms = 60_000; // patient from here on, or it would try for ever
  await until(() => sockets.length === 3);
  assert.equal(sockets[1].readyState, 3);
});

test("a socket whose network is gone is left, and what it still says is not heard", async () => {
  feed.start({ url: "/websocket", cursor: "5-0" });
  sockets[0].open();
  feed.drop();
  sockets[0].frame({ id: "8-0", type: "clip", clip: clip("late") });
  await until(() => sockets.length === 2);
  assert.ok(sockets[1].url.endsWith("since=5-0"));
  assert.deepEqual(heard, ["open", "close"]);
});

test("a list that is read again does not move the cursor, nor connect twice", () => {
  feed.start({ url: "/websocket", cursor: "5-0" });
  feed.start({ url: "/websocket", cursor: "4-0" });
  assert.equal(sockets.length, 1);
});

test("a server that wants to know who asks has the list read, whose answer says where to connect", async () => {
  feed.start({ url: "wss://rt.example/websocket?ticket=old", cursor: "5-0" });
  sockets[0].open();
  feed.addEventListener("resync", () => feed.start({ url: "wss://rt.example/websocket?ticket=new", cursor: "5-0" }), {
    once: true,
  });
  sockets[0].dispatchEvent(Object.assign(new Event("close"), { code: 4401 }));
  await until(() => sockets.length === 2);
  assert.match(sockets[1].url, /ticket=new&since=5-0$/);
  assert.deepEqual(heard, ["open", "close", "resync"]);
});
