import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { container } from "../../static/recording/pieces.js";
import { Recorder } from "../../static/recording/recorder.js";
import { Stopwatch, unheard } from "../../static/recording/stopwatch.js";
import { FakeRecorder, equip, pass, settle, unequip } from "./microphone.js";
import { sentenceOf } from "../../static/shared/sentences.js";

/** @type {ReturnType<typeof equip>} */
let microphones;
/** @type {Recorder} */
let recorder;
/** What it emitted: pieces as `recorder:ms`, with `*` before the first of a segment. @type {string[]} */
let heard;
/** @type {any[]} */
let gaps;
/** @type {(string|null)[]} */
let sentences;

beforeEach(() => {
  microphones = equip();
  recorder = new Recorder({ timeslice_ms: 3_000 });
  [heard, gaps, sentences] = [[], [], []];
  const on = (type, work) => recorder.addEventListener(type, ({ detail }) => work(detail));
  on("piece", ({ data, opens, recorded_ms }) => {
    heard.push(`${opens ? "*" : ""}${new TextDecoder().decode(data).trim()} @${recorded_ms}`);
  });
  on("gap", (gap) => gaps.push(gap));
  on("interruption", (reason) => sentences.push(reason && sentenceOf(reason)));
  on("end", () => heard.push("end"));
  on("state", (state) => heard.push(state));
});

afterEach(unequip);

const pieces = () => heard.filter((one) => one.includes("@"));
const latest = () => FakeRecorder.all.at(-1);
const near = (given, wanted, most = 100) => assert.ok(Math.abs(given - wanted) <= most, `${given} is not ${wanted}`);

test("Safari records MP4 if it can, all others WebM, and the browser chooses where neither is known", () => {
  const all = () => true;
  assert.equal(container(all, true), "audio/mp4;codecs=mp4a.40.2");
  assert.equal(container(all, false), "audio/webm;codecs=opus");
  assert.equal(container((mime) => mime === "audio/mp4", false), "audio/mp4");
  assert.equal(container(() => false, false), "");
});

test("pieces come with every timeslice, the first opens the segment, the end comes behind the last", async () => {
  await recorder.start();
  await pass(7_000);
  recorder.stop();
  await pass(100);
  assert.deepEqual(heard, [
    "recording",
    "*1:3000 @3000",
    "1:3000 @6000",
    "stopping",
    "1:1000 @7000",
    "idle",
    "end",
  ]);
  assert.equal(microphones.stream.track.readyState, "ended", "the microphone is let go");
  assert.deepEqual(gaps, []);
});

test("a page that goes out of sight commits what there is", async () => {
  await recorder.start();
  await pass(1_000);
  recorder.flush();
  await settle();
  assert.deepEqual(pieces(), ["*1:1000 @1000"]);
});

test("a pause is no time and no gap, and is in one segment", async () => {
  await recorder.start({ from_ms: 60_000 });
  await pass(4_000);
  recorder.pause();
  await pass(60_000);
  assert.equal(recorder.elapsed_ms, 64_000);
  recorder.resume();
  await pass(2_000);
  recorder.stop();
  await pass(100);
  assert.equal(pieces().at(-1).split("@")[1], "66000");
  assert.equal(pieces().filter((piece) => piece.startsWith("*")).length, 1);
  assert.deepEqual(gaps, []);
});

test("a recorder that gives nothing for three timeslices is replaced, and the silence is marked", async () => {
  await recorder.start();
  await pass(3_000);
  FakeRecorder.all[0].stuck = true;
  await pass(12_000);
  assert.equal(FakeRecorder.all.length, 2);
  const [gap] = gaps;
  assert.deepEqual([gap.at_ms, gap.cause, gaps.length], [3_000, "frozen", 1]);
  near(gap.length_ms, 10_500, 1_500);
  await pass(3_000);
  near(recorder.elapsed_ms, 18_000 - gap.length_ms);
  assert.ok(pieces()[1].startsWith("*2:3000"));
  assert.equal(microphones.streams.length, 1, "the microphone is the same");
});

test("a call during a pause is no gap, and one that lasts longer is shown when it goes on", async () => {
  await recorder.start();
  await pass(6_000);
  recorder.pause();
  const { track } = microphones.stream;
  track.muted = true;
  track.onmute();
  await pass(60_000);
  assert.deepEqual([gaps, sentences.filter(Boolean)], [[], []]);
  recorder.resume();
  assert.match(sentences.at(-1), /silen|mute/i);
  await pass(10_000);
  track.muted = false;
  track.onunmute();
  assert.deepEqual([gaps.length, gaps[0]?.cause, gaps[0]?.length_ms], [1, "muted", 10_000]);
});

test("a microphone that is forbidden is not asked for twice", async () => {
  microphones.failures = ["NotAllowedError", "NotReadableError"];
  await assert.rejects(recorder.start({ device: "headset" }), { name: "NotAllowedError" });
  assert.deepEqual(microphones.failures, ["NotReadableError"]);
});

test("when a second recorder gives nothing either, the microphone is asked for anew", async () => {
  await recorder.start();
  const { start } = FakeRecorder.prototype;
  mock.method(FakeRecorder.prototype, "start", function (timeslice_ms) {
    start.call(this, timeslice_ms);
    this.stuck = this.stream === microphones.streams[0];
  });
  FakeRecorder.all[0].stuck = true;
  await pass(25_000);
  assert.ok(microphones.streams.length >= 2);
  await pass(4_000);
  assert.ok(pieces()[0]?.startsWith("*"), `${heard}`);
});

test("a microphone that is pulled out is waited for, and the recording goes on in a new segment", async () => {
  await recorder.start({ device: "headset" });
  await pass(4_000);
  microphones.devices.delete("headset");
  microphones.failures = ["OverconstrainedError", "NotFoundError", "NotFoundError", "NotFoundError"];
  microphones.unplug();
  await pass(200);
  assert.equal(recorder.state, "reconnecting");
  assert.match(sentences.at(-1), /disconnected/);
  near(recorder.elapsed_ms, 4_000);
  await pass(3_000);
  assert.equal(recorder.state, "recording");
  assert.equal(sentences.at(-1), null);
  assert.equal(microphones.stream.track.device, "default", "any microphone hears more than none");
  const [gap] = gaps;
  assert.deepEqual([gap.at_ms, gap.cause, gaps.length], [4_000, "interrupted", 1]);
  await pass(3_000);
  recorder.stop();
  await pass(100);
  const all = pieces();
  assert.deepEqual(all.slice(0, 2), ["*1:3000 @3000", "1:1000 @4000"]);
  assert.ok(all[2].startsWith("*2:3000"), `${all}`);
  near(Number(all.at(-1).split("@")[1]), 4_000 + 6_200 - gap.length_ms);
});

test("a device that appears is tried at once", async () => {
  await recorder.start();
  await pass(3_000);
  microphones.failures = Array.from({ length: 9 }, () => "NotFoundError");
  microphones.unplug();
  await pass(8_000);
  microphones.failures = [];
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  await pass(50);
  assert.equal(recorder.state, "recording");
});

test("who stops while the microphone is away keeps what was said", async () => {
  await recorder.start();
  await pass(4_000);
  microphones.failures = Array.from({ length: 99 }, () => "NotFoundError");
  microphones.unplug();
  await pass(1_000);
  recorder.stop();
  await pass(100);
  assert.deepEqual(heard.slice(-3), ["stopping", "idle", "end"]);
  await pass(10_000);
  assert.equal(recorder.state, "idle", "nothing starts again");
  assert.equal(pieces().at(-1), "1:1000 @4000");
});

test("a silenced microphone is said at once, and where and how long it was silent", async () => {
  await recorder.start();
  await pass(4_000);
  microphones.mute(true);
  assert.match(sentences.at(-1), /silenced/);
  await pass(20_000);
  microphones.mute(false);
  assert.equal(sentences.at(-1), null);
  assert.deepEqual(gaps, [{ at_ms: 4_000, length_ms: 20_000, cause: "muted" }]);
  near(recorder.elapsed_ms, 24_000, 0);
});

test("a silenced microphone of which nothing comes is not a broken one, and its time is not in the sound", async () => {
  await recorder.start();
  await pass(6_000);
  microphones.mute(true);
  latest().stuck = true;
  await pass(30_000);
  assert.equal(FakeRecorder.all.length, 1);
  latest().stuck = false;
  latest().loud = 9;
  microphones.mute(false);
  await pass(3_000);
  assert.deepEqual(
    gaps.map(({ cause }) => cause),
    ["muted"],
  );
  near(recorder.elapsed_ms, 9_000, 3_500);
});

test("who stops in a call has the call marked", async () => {
  await recorder.start();
  await pass(4_000);
  microphones.mute(true);
  await pass(2_000);
  recorder.stop();
  await pass(100);
  assert.deepEqual(gaps, [{ at_ms: 4_000, length_ms: 2_000, cause: "muted" }]);
});

test("a page that slept, and its recorder too, says what is missing", async () => {
  await recorder.start();
  await pass(6_000);
  latest().stuck = true;
  await pass(8_000);
  [latest().stuck, latest().loud] = [false, 5];
  await pass(1_000);
  const [gap] = gaps;
  assert.deepEqual([gap.at_ms, gap.cause, gaps.length], [6_000, "frozen", 1]);
  near(gap.length_ms, 9_000, 700);
  near(recorder.elapsed_ms, 15_000 - gap.length_ms);
  assert.equal(FakeRecorder.all.length, 1);
});

test("a page that slept, while its recorder did not, misses nothing", async () => {
  await recorder.start();
  await pass(6_000);
  latest().stuck = true;
  await pass(8_000);
  latest().stuck = false;
  await pass(1_000);
  assert.deepEqual(gaps, []);
  near(recorder.elapsed_ms, 15_000, 0);
  assert.equal(pieces().at(-1), "1:9000 @15000");
});

test("another microphone is another segment, without a gap", async () => {
  const streams = [];
  recorder.addEventListener("stream", ({ detail }) => streams.push(detail));
  await recorder.start();
  await pass(4_000);
  await recorder.use("headset");
  await pass(4_000);
  recorder.stop();
  await pass(100);
  assert.deepEqual(pieces(), ["*1:3000 @3000", "1:1000 @4000", "*2:3000 @7000", "2:1000 @8000"]);
  assert.deepEqual(gaps, []);
  assert.deepEqual(streams, [microphones.stream]);
  await pass(3_000);
  assert.ok(microphones.streams.every(({ track }) => track.readyState === "ended"));
});

test("another microphone while paused is heard from when it goes on", async () => {
  await recorder.start();
  await pass(4_000);
  recorder.pause();
  await recorder.use("headset");
  await pass(1_000);
  assert.equal(FakeRecorder.all.length, 1);
  recorder.resume();
  await pass(3_000);
  assert.equal(pieces().at(-1), "*2:3000 @7000");
});

test("a microphone that cannot be had leaves the one that can", async () => {
  await recorder.start();
  await pass(4_000);
  await assert.rejects(recorder.use("gone"), { name: "OverconstrainedError" });
  await pass(2_000);
  assert.equal(pieces().at(-1), "1:3000 @6000");
});

test("a microphone that was chosen once and is not there any more keeps nobody from recording", async () => {
  await recorder.start({ device: "gone" });
  assert.equal(microphones.stream.track.device, "default");
});

test("a microphone that went away during a pause is asked for when it goes on", async () => {
  await recorder.start();
  await pass(4_000);
  recorder.pause();
  microphones.unplug();
  await pass(60_000);
  assert.equal(recorder.state, "paused");
  recorder.resume();
  await pass(3_100);
  assert.equal(recorder.state, "recording");
  assert.ok(pieces().at(-1).startsWith("*2:"));
  near(recorder.elapsed_ms, 7_100);
});

test("a recorder that fails is replaced", async () => {
  await recorder.start();
  await pass(4_000);
  latest().onerror();
  await pass(3_000);
  assert.ok(pieces().at(-1).startsWith("*2:"));
});

test("a recorder that never says that it stopped does not keep the recording open", async () => {
  await recorder.start();
  await pass(4_000);
  latest().stuck = true;
  recorder.stop();
  await pass(3_100);
  assert.deepEqual(heard.slice(-2), ["idle", "end"]);
});

test("a piece whose first read fails is read again, and nothing is lost", async () => {
  await recorder.start();
  const { arrayBuffer } = Blob.prototype;
  let failures = 1;
  mock.method(Blob.prototype, "arrayBuffer", function () {
    return (failures -= 1) >= 0 ? Promise.reject(new DOMException("", "NotReadableError")) : arrayBuffer.call(this);
  });
  await pass(7_000);
  recorder.stop();
  await pass(100);
  assert.deepEqual(pieces(), ["*1:3000 @3000", "1:3000 @6000", "1:1000 @7000"]);
  assert.deepEqual([gaps, sentences.filter(Boolean)], [[], []]);
});

test("a piece that cannot be read is a gap with a warning, and the recorder goes on in a new segment", async () => {
  await recorder.start();
  latest().unreadable = (piece) => piece === 2;
  await pass(12_600);
  recorder.stop();
  await pass(100);
  assert.deepEqual(gaps, [{ at_ms: 3_000, length_ms: 3_000, cause: "unheard" }]);
  assert.match(sentences.find(Boolean) ?? "", /could not be read/);
  const all = pieces();
  assert.equal(all[0], "*1:3000 @3000");
  assert.match(all[1], /^1:\d+ @6\d\d\d$/, "the rest of the first recorder keeps its place behind the hole");
  assert.match(all[2], /^\*2:3000 /);
  near(Number(all.at(-1).split("@")[1]), 12_600);
  assert.deepEqual(heard.slice(-2), ["idle", "end"]);
});

test("a piece that is lost at a pause has a new segment begin when it goes on", async () => {
  await recorder.start();
  await pass(4_000);
  latest().unreadable = (piece) => piece === 2;
  recorder.pause();
  await pass(2_000);
  recorder.resume();
  await pass(3_100);
  assert.ok(pieces().at(-1).startsWith("*2:"), `${pieces()}`);
  assert.deepEqual(gaps.map(({ at_ms, cause }) => [at_ms, cause]), [[3_000, "unheard"]]);
});

test("a gap behind a beginning that is lost stands where the sound has it", async () => {
  await recorder.start();
  latest().unreadable = (piece) => piece === 1;
  await pass(6_700);
  microphones.failures = ["NotFoundError", "NotFoundError"];
  microphones.unplug();
  await pass(6_000);
  const { at_ms } = gaps.find(({ cause }) => cause === "interrupted");
  const until = pieces().filter((piece) => piece.includes("2:")).at(-1).split("@")[1];
  near(at_ms, Number(until), 100);
});

test("a lost piece is not said over a microphone that is away", async () => {
  await recorder.start();
  await pass(4_000);
  microphones.failures = Array.from({ length: 99 }, () => "NotFoundError");
  latest().unreadable = () => true;
  microphones.unplug();
  await pass(30_000);
  assert.match(sentences.at(-1), /disconnected/);
});

test("when the first piece cannot be read, what follows it has no header and is part of the gap", async () => {
  await recorder.start();
  latest().unreadable = (piece) => piece === 1;
  await pass(9_600);
  recorder.stop();
  await pass(100);
  const all = pieces();
  assert.ok(all[0].startsWith("*2:"), `${all}`);
  const lost_ms = gaps.reduce((sum, gap) => sum + gap.length_ms, 0);
  near(Number(all.at(-1).split("@")[1]), 9_600 - lost_ms);
  near(lost_ms, 3_400);
});

test("Stop ends a recording of which nothing could be read", async () => {
  await recorder.start();
  const { start } = FakeRecorder.prototype;
  mock.method(FakeRecorder.prototype, "start", function (timeslice_ms) {
    this.unreadable = () => true;
    start.call(this, timeslice_ms);
  });
  latest().unreadable = () => true;
  await pass(10_000);
  recorder.stop();
  await pass(8_000);
  assert.deepEqual(pieces(), []);
  assert.deepEqual(heard.slice(-2), ["idle", "end"]);
});

test("a read that never answers is given up", async () => {
  await recorder.start();
  mock.method(Blob.prototype, "arrayBuffer", () => new Promise(() => {}));
  await pass(3_000);
  recorder.stop();
  await pass(10_000);
  assert.deepEqual(pieces(), ["*1:3000 @3000"], "the second way has it");
  assert.deepEqual(heard.slice(-2), ["idle", "end"]);
});

test("the clock begins when the recorder does", async () => {
  const { start } = FakeRecorder.prototype;
  mock.method(FakeRecorder.prototype, "start", function (timeslice_ms) {
    this.late_ms = 2_000;
    start.call(this, timeslice_ms);
  });
  await recorder.start();
  await pass(1_900);
  assert.equal(recorder.elapsed_ms, 0);
  await pass(5_100);
  recorder.stop();
  await pass(100);
  assert.equal(pieces().at(-1).split("@")[1], "5000");
  assert.deepEqual(gaps, []);
});

test("what a stuck recorder lets out after its successor is not mixed into its segment", async () => {
  await recorder.start();
  await pass(3_000);
  const [first] = FakeRecorder.all;
  first.stuck = true;
  await pass(15_000);
  assert.ok(pieces().at(-1).startsWith("*2:"));
  const before = heard.length;
  first.ondataavailable({ data: new Blob(["1:late"]) });
  await settle();
  assert.equal(heard.length, before);
  recorder.stop();
  await pass(100);
  FakeRecorder.all[1].ondataavailable({ data: new Blob(["2:late"]) });
  await settle();
  assert.equal(heard.at(-1), "end");
});

test("a microphone that is refused leaves nothing behind", async () => {
  microphones.failures = ["NotAllowedError"];
  await assert.rejects(recorder.start(), { name: "NotAllowedError" });
  assert.equal(recorder.recording, false);
  await recorder.start();
  assert.equal(recorder.state, "recording");
});

test("a stopwatch leaves out pauses and what was not heard", async () => {
  const watch = new Stopwatch(1_000);
  await pass(500);
  assert.equal(watch.ms, 1_000);
  watch.run();
  await pass(3_000);
  watch.back(2_000);
  assert.equal(watch.ms, 2_000);
  watch.halt();
  await pass(500);
  assert.equal(watch.ms, 2_000);
});

test("a late piece is judged by what it holds", () => {
  const before = { bytes: 60_000, ms: 10_000 };
  assert.equal(unheard({ wall_ms: 20_000, clock_ms: 20_000 }, 120_000, before), null);
  assert.equal(unheard({ wall_ms: 20_000, clock_ms: 20_000 }, 24_000, before), null, "silence is small");
  assert.deepEqual(unheard({ wall_ms: 3_600_000, clock_ms: 3_600_000 }, 18_000, before), {
    wall_ms: 3_597_000,
    clock_ms: 3_597_000,
  });
  const asleep = unheard({ wall_ms: 3_600_000, clock_ms: 3_000 }, 18_000, before);
  assert.deepEqual(asleep, { wall_ms: 3_597_000, clock_ms: 0 }, "the stopwatch slept too");
  assert.equal(unheard({ wall_ms: 20_000, clock_ms: 20_000 }, 1, { bytes: 0, ms: 0 }), null, "nothing to compare with");
});
