/** The sound of a tab or of the computer, beside the microphone or alone: nothing of never-losing is weaker with it. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Recorder } from "../../static/recording/recorder.js";
import { unshared } from "../../static/recording/refusals.js";
import { Soundless, canShare, openShared } from "../../static/recording/sources.js";
import { sentenceOf } from "../../static/shared/sentences.js";
import { FakeMixer, FakeRecorder, SharedTab, equip, pass, unequip } from "./microphone.js";

/** @type {ReturnType<typeof equip>} */
let microphones;
/** @type {Recorder} */
let recorder;
/** What was recorded, how it went, what is missing, and what a person was told. @type {any[]} */
let [heard, states, gaps, sentences, shares] = [[], [], [], [], []];

beforeEach(() => {
  microphones = equip();
  recorder = new Recorder();
  [heard, states, gaps, sentences, shares] = [[], [], [], [], []];
  const on = (type, work) => recorder.addEventListener(type, (event) => work(event.detail));
  on("piece", ({ opens, data, recorded_ms }) => {
    const piece = new TextDecoder().decode(data).trim();
    // A flush hands out what little there is.
    if (!piece.endsWith(":0")) heard.push(`${opens ? "*" : ""}${piece} @${recorded_ms}`);
  });
  on("gap", (gap) => gaps.push(gap));
  on("interruption", (reason) => sentences.push(sentenceOf(reason)));
  on("state", (state) => states.push(state));
  on("shared", (shared) => shares.push(shared));
});
afterEach(unequip);

const tab = () => /** @type {any} */ (new SharedTab());
const [mixer, last] = [() => FakeMixer.all.at(-1), () => FakeRecorder.all.at(-1)];

test("only the browsers that give a tab's sound offer it, and its picture is stopped at once", async () => {
  const devices = (known, shared = tab()) => /** @type {any} */ ({
    getDisplayMedia: async () => shared,
    getSupportedConstraints: () => known,
  });
  assert.equal(canShare(devices({ suppressLocalAudioPlayback: true })), true);
  for (const other of [devices({ echoCancellation: true }), {}, undefined]) assert.equal(canShare(/** @type {any} */ (other ?? {})), false);
  const shared = tab();
  const { picture } = shared;
  assert.equal(await openShared(devices({}, shared)), shared);
  assert.deepEqual([picture.readyState, shared.getVideoTracks(), shared.track.readyState], ["ended", [], "live"]);
  const silent = new SharedTab({ silent: true });
  await assert.rejects(openShared(devices({}, silent)), Soundless);
  assert.equal(silent.picture?.readyState, "ended");
});

test("why there is no shared sound is said", () => {
  for (const [error, sentence] of /** @type {[Error, RegExp][]} */ ([
    [new Soundless(), /without sound/],
    [new DOMException("", "NotAllowedError"), /Nothing was shared/],
    [new DOMException("no device", "NotReadableError"), /no device/],
  ])) assert.match(sentenceOf(unshared(error)), sentence);
});

test("a microphone alone is recorded as it is; with a shared sound both are mixed, and the end of that ends nothing", async () => {
  const { stream } = await recorder.start();
  assert.deepEqual([last().stream, FakeMixer.all.length], [stream, 0]);
  await pass(2_000);
  const shared = tab();
  recorder.share(shared);
  assert.deepEqual([last().stream, [...mixer().heard]], [mixer().output, [stream, shared]]);
  await pass(2_000);
  shared.end();
  assert.deepEqual([[...mixer().heard], shares, recorder.state], [[stream], [shared, null], "recording"]);
  await pass(2_000);
  recorder.stop();
  await pass(50);
  assert.deepEqual(heard, ["*1:2000 @2000", "*2:2000 @4000", "2:2000 @6000"]);
  assert.deepEqual([gaps, mixer().state], [[], "closed"]);
});

test("pause, another microphone and another tab: all in one mix and one segment", async () => {
  const first = tab();
  await recorder.start({ shared: first });
  await pass(2_000);
  recorder.pause();
  await pass(60_000);
  await recorder.use("headset");
  const second = tab();
  recorder.share(second);
  recorder.resume();
  assert.equal(first.track.readyState, "ended");
  assert.deepEqual([...mixer().heard], [microphones.stream, second]);
  await pass(2_000);
  recorder.unshare();
  recorder.stop();
  await pass(50);
  assert.deepEqual([heard, gaps], [["*1:2000 @2000", "1:2000 @4000"], []]);
});

test("a microphone that is pulled out is waited for while the shared sound goes on", async () => {
  const shared = tab();
  await recorder.start({ shared });
  await pass(2_000);
  microphones.failures = Array(5).fill("NotFoundError");
  microphones.unplug();
  await pass(4_000);
  assert.match(sentences.at(-1), /shared sound is still recorded/);
  assert.deepEqual([recorder.state, [...mixer().heard]], ["recording", [shared]]);
  await pass(10_000);
  assert.deepEqual([...mixer().heard], [shared, microphones.stream]);
  assert.equal(sentences.at(-1), "");
  assert.deepEqual([gaps.length, gaps[0].cause, gaps[0].at_ms, FakeRecorder.all.length], [1, "muted", 2_000, 1]);
  assert.ok(gaps[0].length_ms > 2_000);
});

test("a shared sound that ends while the microphone is waited for: the recording waits, and says so", async () => {
  const shared = tab();
  await recorder.start({ shared });
  await pass(2_000);
  microphones.failures = Array(6).fill("NotFoundError");
  microphones.unplug();
  await pass(500);
  shared.end();
  await pass(100);
  assert.equal(recorder.state, "reconnecting");
  await pass(30_000);
  assert.equal(recorder.state, "recording");
  assert.deepEqual([gaps.length, gaps[0].cause, gaps[0].at_ms], [1, "interrupted", 2_000]);
});

test("a tab alone asks for no microphone; when it ends, nothing is recorded that nobody asked for", async () => {
  const shared = tab();
  const { stream } = await recorder.start({ shared, alone: true });
  assert.deepEqual([stream, microphones.streams, last().stream, FakeMixer.all], [null, [], shared, []]);
  await pass(4_000);
  shared.end();
  await pass(1_000);
  assert.deepEqual([recorder.state, microphones.streams], ["paused", []]);
  recorder.resume();
  await pass(2_500);
  assert.equal(last().stream, microphones.stream);
  recorder.stop();
  await pass(50);
  assert.match(heard.join(), /^\*1:2000 @2000,1:2000 @4000,\*2:2000/);
});

test("a microphone beside a tab that was recorded alone is heard, too", async () => {
  const shared = tab();
  await recorder.start({ shared, alone: true });
  await recorder.use("headset");
  assert.deepEqual([last().stream, [...mixer().heard]], [mixer().output, [shared, microphones.stream]]);
});

test("a mixer that stands still is told as silence, and no longer than that: then the microphone goes on without it", async () => {
  const { stream } = await recorder.start({ shared: tab() });
  await pass(2_000);
  mixer().become("suspended");
  last().stuck = true;
  await pass(500);
  assert.match(sentences.at(-1), /silenced/);
  mixer().become("running");
  last().stuck = false;
  await pass(1_500);
  assert.deepEqual([gaps.length, gaps[0].cause, gaps[0].length_ms], [1, "muted", 500]);
  mixer().become("suspended");
  last().stuck = true;
  await pass(9_000);
  assert.deepEqual([last().stream, shares, recorder.state], [stream, [null], "recording"]);
  assert.deepEqual([gaps.length, gaps[1].cause], [2, "muted"]);
  assert.ok(gaps[1].length_ms >= 5_000);
  const before = heard.length;
  await pass(4_000);
  assert.ok(heard.length > before);
});

test("a mixer that says that it runs and gives nothing is left, too", async () => {
  const { stream } = await recorder.start();
  recorder.share(tab());
  last().stuck = true;
  await pass(9_000);
  assert.deepEqual([last().stream, gaps.map(({ cause }) => cause), microphones.streams.length], [stream, ["frozen"], 1]);
});

test("what cannot be mixed is let go, and the recording goes on", async () => {
  const { stream } = await recorder.start();
  globalThis.AudioContext = /** @type {any} */ (function () {
    throw new DOMException("", "NotSupportedError");
  });
  const shared = tab();
  assert.throws(() => recorder.share(shared), { name: "NotSupportedError" });
  assert.deepEqual([shared.track.readyState, last().stream, recorder.state], ["ended", stream, "recording"]);
  await pass(2_000);
  assert.deepEqual(heard, ["*1:2000 @2000"]);
});
