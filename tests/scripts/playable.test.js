import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Actions } from "../../static/shared/actions.js";
import { Api } from "../../static/shared/api.js";
import { isUniversal, playsOriginal } from "../../static/player/playable.js";
import { formAddress, made } from "../../static/player/renditions.js";
import { clip } from "./clips.js";

/** What this device says of types. */
const says = { canPlayType: (_type) => "probably", decodingInfo: async (_asked) => ({ supported: true }) };
globalThis.document = /** @type {any} */ ({ createElement: () => ({ canPlayType: (type) => says.canPlayType(type) }) });
const browser = { onLine: true, mediaCapabilities: { decodingInfo: (asked) => says.decodingInfo(asked) } };
Object.defineProperty(globalThis, "navigator", { value: browser, configurable: true });

/** What the server answers, one after another; the last one again and again. @type {(() => Response)[]} */
let answers;
/** @type {string[]} */
let asked;
globalThis.fetch = async (url, options) => {
  asked.push(`${url} ${options?.headers?.Range ?? ""}`.trim());
  options?.signal?.throwIfAborted();
  return (answers.length > 1 ? answers.shift() : answers[0])?.() ?? Promise.reject(new TypeError("no network"));
};

const making = () => Response.json({ detail: "Soon." }, { status: 202, headers: { "Retry-After": "0" } });
const there = () => new Response("x", { status: 206 });
const lost = () => /** @type {any} */ (null);
const failed = () => Response.json({ type: "urn:dictaphone:problem:no-rendition", detail: "It is empty." }, { status: 404 });

beforeEach(() => {
  Object.assign(says, { canPlayType: () => "probably", decodingInfo: async () => ({ supported: true }) });
  [answers, asked, browser.onLine] = [[there], [], true];
});

const api = new Api();
const done = (more = {}) => clip("a", { status: "done", bytes: 10, mime: "audio/webm;codecs=opus", ...more });
const actions = (known) => {
  const library = /** @type {any} */ ({ get: () => ({ clip: known }) });
  return new Actions(library, api, /** @type {any} */ ({ audio: async () => null }), /** @type {any} */ (null));
};
const entry = (known) => /** @type {any} */ ({ id: "a", clip: known, local: null });

test("the clip's own sound is played where the device can, and where it has the clock of the words", async () => {
  assert.ok(await playsOriginal(done()));
  assert.ok(await playsOriginal(done({ has_true_clock: undefined })), "a server of an older release says nothing of it");
  assert.equal(await playsOriginal(done({ has_true_clock: false })), false);
  says.canPlayType = (type) => (type.includes("opus") ? "" : "maybe");
  assert.equal(await playsOriginal(done()), false);
  assert.ok(await playsOriginal(done({ mime: "audio/webm" })), "a type that names no codec is tried");
});

test("a decoder that is missing counts, a question that is not understood does not", async () => {
  says.decodingInfo = async ({ audio }) => ({ supported: audio.contentType !== "audio/webm;codecs=opus" });
  assert.equal(await playsOriginal(done()), false);
  assert.ok(await playsOriginal(done({ mime: "audio/mp4;codecs=mp4a.40.2" })));
  says.decodingInfo = async () => Promise.reject(new TypeError("codecs"));
  assert.ok(await playsOriginal(done({ mime: "video/mp4;codecs=avc1.64001f,mp4a.40.2" })));
});

test("only MP3 and AAC in MP4 go to every app as they are", () => {
  assert.ok(isUniversal(done({ mime: "audio/mpeg" })) && isUniversal(done({ mime: "audio/mp4;codecs=mp4a.40.2" })));
  for (const mime of ["audio/mp4;codecs=alac", "audio/mp4", "audio/webm;codecs=opus", "audio/mpeg;codecs=mp2"]) {
    assert.equal(isUniversal(done({ mime })), false, mime);
  }
  assert.equal(isUniversal(done({ mime: "audio/mpeg", has_true_clock: false })), false);
});

test("the address is that of the original, or of the form for any device once it is made", async () => {
  assert.equal(await actions(done()).audio(entry(done()), 0), "/api/clips/a/audio");
  assert.deepEqual(asked, []);
  answers = [making, making, there];
  let waits = 0;
  const odd = done({ has_true_clock: false });
  assert.equal(await actions(odd).audio(entry(odd), 0, { waits: () => (waits += 1) }), "/api/clips/a/audio?as=m4a");
  assert.deepEqual(asked, Array(3).fill("/api/clips/a/audio?as=m4a bytes=0-0"));
  assert.equal(waits, 2);
});

test("segments that are not joined are played as they are", async () => {
  says.canPlayType = () => "";
  const pending = done({ status: "pending", segments: 2 });
  assert.equal(await actions(pending).audio(entry(pending), 1), "/api/clips/a/audio?segment=1");
  const recording = done({ status: "recording" });
  assert.equal(await actions(recording).audio(entry(recording), 0), "/api/clips/a/audio");
  await assert.rejects(actions(recording).audio(entry(recording), 0, { universal: true }), /when the recording is finished/);
});

test("what failed once on this device is not tried again in this visit", async () => {
  const one = done({ mime: "audio/x-lies" });
  assert.ok(await playsOriginal(one));
  answers = [failed];
  await assert.rejects(actions(one).audio(entry(one), 0, { universal: true }), /could not be prepared .* It is empty\./);
  assert.ok(await playsOriginal(one), "it was no fault of the type, as far as anybody knows");
  answers = [there];
  await actions(one).audio(entry(one), 0, { universal: true });
  assert.equal(await playsOriginal(done({ mime: "audio/x-lies" })), false);
});

test("a network that is away for a moment is waited for, and one that stays away is told", async () => {
  const address = formAddress(api, "a", "mp3");
  answers = [lost, making, lost, lost, there];
  await made(address);
  assert.equal(asked.length, 5);
  answers = [lost];
  await assert.rejects(made(address), /server.unreachable/);
  assert.equal(asked.length, 8);
  browser.onLine = false;
  await assert.rejects(made(address), /server.unreachable/);
  assert.equal(asked.length, 9, "without a network nobody asks again");
});

test("who gives up waits no longer", async () => {
  answers = [making];
  const giving = new AbortController();
  const waiting = made(formAddress(api, "a", "m4a"), { signal: giving.signal, waits: () => setTimeout(() => giving.abort(), 5) });
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal(asked.length, 1);
});
