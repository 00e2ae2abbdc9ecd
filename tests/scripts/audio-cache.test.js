import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Memory } from "../../static/offline/memory.js";
import { AudioCache } from "../../static/offline/audio-cache.js";
import { clip } from "./clips.js";

/** What Node has not: Cache Storage, as far as it is used. */
const kept = new Map();
const cache = {
  put: async (path, response) => void kept.set(path, await response.blob()),
  delete: async (path) => kept.delete(path),
};
const memory = new Memory();
/** @type {string[]} */
let asked;
let room = 1_000_000;

Object.assign(globalThis, {
  caches: {
    open: async () => cache,
    match: async (path) => kept.has(path) && new Response(kept.get(path)),
    delete: async () => kept.clear(),
  },
  fetch: async (path) => {
    asked.push(path);
    const body = path.includes("/audio") ? "x".repeat(sizes.get(path.split("/")[3]) ?? 0) : "{}";
    return new Response(body, { headers: { "Content-Length": String(body.length) } });
  },
});
let plays = "probably";
globalThis.document = /** @type {any} */ ({ createElement: () => ({ canPlayType: () => plays }) });
const browser = { onLine: true, storage: { estimate: async () => ({ quota: room, usage: 0 }) } };
Object.defineProperty(globalThis, "navigator", { value: browser, configurable: true });

const sizes = new Map();
const api = /** @type {any} */ ({ audio: (id) => `/api/clips/${id}/audio` });
const done = (id, bytes) => {
  sizes.set(id, bytes);
  return clip(id, { status: "done", bytes });
};

beforeEach(async () => {
  asked = [];
  room = 1_000_000;
  plays = "probably";
  kept.clear();
  await memory.clear("sounds");
});

test("what is played is kept once, with its outline and words, and found again", async () => {
  const sounds = new AudioCache(memory, api);
  const one = done("a", 100);
  assert.equal(await sounds.find(one), null);
  await Promise.all([sounds.keep(one), sounds.keep(one)]);
  await sounds.keep(one);
  assert.deepEqual(asked, ["/api/clips/a/audio", "/api/clips/a/waveform", "/api/clips/a/transcript.json"]);
  assert.equal((await sounds.find(one))?.size, 100);
  assert.equal(await sounds.find({ ...one, bytes: 120 }), null, "the server has made another file of it");
});

test("the least recently used goes first, and what is too large is left out", async () => {
  const sounds = new AudioCache(memory, api);
  room = 5_000; // a fifth of it
  const [a, b, c] = [done("a", 400), done("b", 400), done("c", 400)];
  await sounds.keep(a);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await sounds.keep(b);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await sounds.find(a);
  room = 4_200;
  await new Promise((resolve) => setTimeout(resolve, 5));
  await sounds.keep(c);
  assert.equal(await sounds.find(b), null);
  assert.ok(await sounds.find(a));
  assert.ok(await sounds.find(c));
  await sounds.keep(done("large", 900));
  assert.equal(await sounds.find(done("large", 900)), null);
});

test("a browser that does not say how much room it has keeps sound all the same", async () => {
  const { storage } = browser;
  for (const silent of [undefined, {}]) {
    Object.assign(browser, { storage: silent });
    const sounds = new AudioCache(memory, api);
    const one = done("a", 100);
    await sounds.keep(one);
    assert.equal((await sounds.find(one))?.size, 100);
    await memory.clear("sounds");
    kept.clear();
  }
  Object.assign(browser, { storage });
});

test("a recording of ours is kept when it is whole, others are not unless they are played", async () => {
  const sounds = new AudioCache(memory, api);
  const mine = done("mine", 10);
  sounds.own("mine");
  await sounds.heard({ ...mine, status: "pending" });
  assert.deepEqual(asked, []);
  await sounds.heard(mine);
  await sounds.heard(done("other", 10));
  assert.deepEqual(asked[0], "/api/clips/mine/audio");
  assert.equal(asked.length, 3);
});

test("what is kept is what this device plays", async () => {
  const sounds = new AudioCache(memory, api);
  const one = done("a", 100);
  plays = "";
  await sounds.keep(one);
  assert.deepEqual(asked, [], "its own sound is of no use here");
  sizes.set("a", 40);
  await sounds.keep(one, "/api/clips/a/audio?as=m4a");
  assert.equal(asked[0], "/api/clips/a/audio?as=m4a");
  assert.equal((await sounds.find(one))?.size, 40);
  assert.equal(await sounds.find({ ...one, track_set: 2 }), null, "a person wants another track");
});

test("the clip's own sound, kept by an earlier visit, is passed over where it has another clock than its words", async () => {
  const sounds = new AudioCache(memory, api);
  const one = done("a", 100);
  await sounds.keep(one);
  assert.equal((await sounds.find(one))?.size, 100);
  assert.equal(await sounds.find({ ...one, has_true_clock: false }), null);
  browser.onLine = false;
  assert.equal((await sounds.find({ ...one, has_true_clock: false }))?.size, 100, "better than none");
  browser.onLine = true;
});
