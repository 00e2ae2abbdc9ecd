import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { Capture } from "../../static/recording/capture.js";
import { Journal } from "../../static/offline/journal.js";
import { Recorder } from "../../static/recording/recorder.js";
import { FakeServer, Locks, Tab } from "./browser.js";
import { FakeRecorder, equip, pass, settle, unequip } from "./microphone.js";

let microphones, journal, server, locks;

beforeEach(() => {
  microphones = equip();
  globalThis.document = { visibilityState: "visible" };
  [journal, server, locks] = [new Journal(null), new FakeServer(), new Locks()];
});

afterEach(unequip);

/** A tab that can record, and what it tells the views. */
function tab() {
  const here = new Tab(journal, server, locks);
  const capture = new Capture(new Recorder({ timeslice_ms: 3_000 }), here.journal, here.outbox);
  const told = [];
  for (const type of ["begin", "stream", "state", "progress", "interruption", "storage", "end"]) {
    capture.addEventListener(type, ({ detail }) => told.push([type, detail]));
  }
  const last = (type) => told.findLast(([one]) => one === type)?.[1];
  return Object.assign(here, { capture, views: told, last });
}

test("from the tap to the server: three figures that follow each other, and one clip", async () => {
  const here = tab();
  await here.capture.start();
  const { id, title } = here.last("begin");
  assert.deepEqual([here.capture.id, title], [id, ""]);
  await pass(100);
  const { name, name_origin } = server.clips.get(id);
  assert.equal(name_origin, "default", "the server may name it by its first words");
  server.delay = () => new Promise((resolve) => setTimeout(resolve, 500));
  await pass(3_000);
  assert.deepEqual(here.last("progress"), { recorded_ms: 3_000, device_ms: 3_000, server_ms: 0, problem: null });
  await pass(600);
  assert.equal(here.last("progress").server_ms, 3_000);
  server.delay = () => undefined;
  here.capture.stop();
  await pass(1_000);
  assert.deepEqual(here.last("end"), { id, name, title: "", duration_ms: 3_700, gaps: [], empty: false });
  assert.equal(here.capture.id, "");
  const clip = server.clips.get(id);
  assert.deepEqual([clip.status, clip.duration_ms], ["pending", 3_700]);
  assert.deepEqual(await journal.all(), []);
});

test("a server that is away delays nothing here, and is said", async () => {
  const here = tab();
  server.faults = Array.from({ length: 400 }, () => [/./, new Problem("Sign in again.", 401)]);
  await here.capture.start();
  await pass(7_000);
  assert.deepEqual(here.last("progress"), {
    ...{ recorded_ms: 6_000, device_ms: 6_000, server_ms: 0 },
    problem: "Sign in again.",
  });
  server.faults = [];
  await pass(200);
  assert.equal(here.last("progress").server_ms, 6_000);
  assert.equal(here.last("progress").problem, null);
  here.capture.stop();
  await pass(1_000);
  assert.equal((await journal.all()).length, 0);
});

test("a name given while it runs is the name, on the server too", async () => {
  const here = tab();
  await here.capture.start();
  await pass(100);
  here.capture.rename("A better one");
  await pass(100);
  assert.equal(server.clips.get(here.capture.id).name, "A better one");
  await pass(1_000);
  here.capture.rename("The best");
  here.capture.stop();
  await pass(1_000);
  assert.equal(here.last("end").name, "The best");
  assert.equal([...server.clips.values()][0].name, "The best");
});

test("a recording of which nothing came says so at its end, with its name, and leaves no clip", async () => {
  const here = tab();
  await here.capture.start();
  FakeRecorder.all[0].unreadable = () => true;
  const { id } = here.last("begin");
  here.capture.rename("Interview");
  await pass(1_000);
  here.capture.stop();
  await pass(10_000);
  const { title, empty } = here.last("end");
  assert.deepEqual([title, empty], ["Interview", true]);
  assert.deepEqual(await journal.all(), []);
  assert.ok(server.clips.get(id)?.deleted_at);
  await here.capture.start("", title);
  await pass(100);
  assert.equal(here.last("begin").title, "Interview");
  assert.equal(server.clips.get(here.capture.id).name_origin, "person");
});

test("a recording that is stopped before anything came of it leaves no clip, whatever is under way then", async () => {
  const here = tab();
  server.delay = () => new Promise((resolve) => setTimeout(resolve, 500));
  mock.method(FakeRecorder.prototype, "start", () => {});
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(200);
  here.capture.stop();
  await pass(10_000);
  assert.deepEqual([here.last("end").empty, server.clips.get(id)?.status], [true, "recording"]);
  assert.ok(server.clips.get(id)?.deleted_at);
});

test("pause, resume, another microphone, and one that is pulled out: one clip, its segments and gaps", async () => {
  const here = tab();
  await here.capture.start();
  await pass(4_000);
  here.capture.pause();
  await pass(10_000);
  here.capture.resume();
  await pass(1_000);
  await here.capture.use("headset");
  await pass(4_000);
  microphones.failures = ["NotFoundError", "NotFoundError"];
  microphones.unplug();
  await pass(50);
  assert.match(here.last("interruption"), /disconnected/);
  await pass(4_000);
  assert.equal(here.last("interruption"), null);
  here.capture.stop();
  await pass(1_000);
  const states = here.views.filter(([type]) => type === "state").map(([, state]) => state);
  assert.deepEqual(states, ["recording", "paused", "recording", "reconnecting", "recording"]);
  assert.equal(here.views.filter(([type]) => type === "stream").length, 2);
  const [clip] = server.clips.values();
  const sounds = server.sound(clip.id);
  assert.deepEqual(
    sounds.map((sound) => new Set(sound.match(/\d+(?=:)/g)).size),
    [1, 1, 1],
    "each segment is of one recorder",
  );
  assert.deepEqual(
    clip.gaps.map(({ cause, at_ms }) => [cause, at_ms]),
    [["interrupted", 9_000]],
  );
  const heard_ms = sounds.join(" ").match(/(?<=:)\d+/g).reduce((sum, ms) => sum + Number(ms), 0);
  assert.ok(Math.abs(clip.duration_ms - heard_ms) < 300, `${clip.duration_ms} is not ${heard_ms}`);
});

test("the server is told that a recording goes on that is paused for long", async () => {
  const here = tab();
  await here.capture.start();
  await pass(4_000);
  here.capture.pause();
  await pass(1_000);
  const before = server.asked.length;
  await pass(60_000);
  const { length } = server.sound(here.capture.id)[0];
  assert.deepEqual(server.asked.slice(before), Array(2).fill(`send /api/uploads/1 ${length}  null null`));
  here.capture.stop();
  await pass(1_000);
});

test("what a dead tab left goes on in another: one clip, two segments, and where they meet", async () => {
  const here = tab();
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(7_000);
  here.die();
  await pass(60_000);
  const next = tab();
  await next.outbox.scan();
  await pass(100);
  await next.capture.continue(id);
  assert.equal(next.last("begin").id, id);
  assert.deepEqual(next.last("progress"), { recorded_ms: 6_000, device_ms: 6_000, server_ms: 6_000, problem: null });
  await pass(4_000);
  next.capture.stop();
  await pass(1_000);
  const clip = server.clips.get(id);
  const [gap] = clip.gaps;
  assert.deepEqual([gap.at_ms, gap.cause, clip.gaps.length, server.sound(id).length], [6_000, "closed", 1, 2]);
  assert.ok(Math.abs(gap.length_ms - 61_000) < 500, `${gap.length_ms}`);
  assert.equal(clip.duration_ms, 10_000);
});

test("what another tab has is not continued, and its microphone is let go", async () => {
  const [here, there] = [tab(), tab()];
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(4_000);
  await there.outbox.scan();
  await assert.rejects(there.capture.continue(id), { message: /Another tab has this recording/ });
  await pass(4_000);
  assert.equal(microphones.stream.track.readyState, "ended");
  assert.equal(there.last("begin"), undefined);
  here.capture.stop();
  await pass(1_000);
  assert.equal(server.sound(id).length, 1);
  await there.capture.start();
  await settle();
  assert.notEqual(there.last("begin").id, id, "and it can record another");
});

test("a microphone that is refused leaves what was left as it is", async () => {
  const here = tab();
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(4_000);
  here.die();
  const next = tab();
  await next.outbox.scan();
  await pass(100);
  microphones.failures = ["NotAllowedError"];
  await assert.rejects(next.capture.continue(id), { name: "NotAllowedError" });
  assert.equal((await journal.get(id)).state, "left");
});

test("a device that keeps nothing says so while it records", async () => {
  const here = tab();
  await here.capture.start();
  await pass(4_000);
  assert.match(here.last("storage"), /leave this page open/);
});

test("microphones have ids and names", async () => {
  assert.deepEqual(await tab().capture.microphones(), [
    { id: "default", label: "The default" },
    { id: "headset", label: "The headset" },
  ]);
});

test("what cannot be written once keeps nothing else from being written", async () => {
  const here = tab();
  await here.capture.start();
  await pass(3_000);
  const { update } = journal;
  journal.update = () => Promise.reject(new Error("full"));
  here.capture.rename("A name that is lost");
  await pass(100);
  assert.match(here.last("progress").problem, /could not be kept/);
  journal.update = update;
  await pass(6_000);
  const { id } = here.capture;
  assert.equal(here.last("progress").device_ms, 9_000);
  here.capture.stop();
  await pass(1_000);
  assert.equal(here.capture.id, "");
  assert.equal(server.clips.get(id).status, "pending");
});

test("a recording that cannot be gone on with leaves no microphone on, and the next one starts", async () => {
  const here = tab();
  const { outbox } = here.capture;
  outbox.resume = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
  await assert.rejects(here.capture.continue("a"), /full/);
  await pass(100);
  assert.equal(here.capture.recorder.recording, false);
  assert.equal(here.capture.id, "");
  await here.capture.start();
  await pass(100);
  assert.ok(here.capture.id);
  here.capture.stop();
  await pass(1_000);
});

const MARKERS = [
  { id: "m1", at_ms: 1_000, text: "" },
  { id: "m2", at_ms: 2_000, text: "Budget" },
];

test("what is noted and marked while it runs is on the device at once, on the server soon, and told once", async () => {
  const here = tab();
  await here.capture.start();
  const { id } = here.last("begin");
  here.capture.annotate({ notes: "Ask the landlord", markers: [MARKERS[0]] });
  await pass(100);
  const { notes, markers } = await journal.get(id);
  assert.deepEqual([notes, markers], ["Ask the landlord", [MARKERS[0]]]);
  await pass(3_500);
  here.capture.annotate({ notes: "Ask the landlord", markers: MARKERS });
  here.capture.stop();
  await pass(1_000);
  const clip = server.clips.get(id);
  assert.deepEqual([clip.notes, clip.markers, clip.status], ["Ask the landlord", MARKERS, "pending"]);
  const patches = server.asked.filter((call) => call.startsWith("patch"));
  assert.deepEqual(patches, [
    `patch ${id} {"notes":"Ask the landlord"}`,
    `patch ${id} ${JSON.stringify({ markers: { set: [MARKERS[0]], remove: [] } })}`,
    `patch ${id} ${JSON.stringify({ markers: { set: [MARKERS[1]], remove: [] } })}`,
  ]);
  assert.deepEqual(await journal.all(), []);
});

test("what was noted before a tab crashed is there when the recording goes on", async () => {
  const here = tab();
  server.faults = Array.from({ length: 400 }, () => [/./, new Problem("The line broke.")]);
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(3_500);
  here.capture.annotate({ notes: "Ask the landlord", markers: MARKERS });
  await pass(100);
  here.die();
  server.faults = [];
  const again = tab();
  await again.outbox.scan();
  await pass(500);
  await again.capture.continue(id);
  assert.deepEqual(again.last("begin").notes, "Ask the landlord");
  assert.deepEqual(again.last("begin").markers, MARKERS);
  again.capture.stop();
  await pass(3_000);
  assert.deepEqual(server.clips.get(id).markers, MARKERS);
});

test("notes that a server of an older release refuses are kept for a person, and the sound is not held back", async () => {
  const here = tab();
  const kept = [];
  here.outbox.keep = async (change, problem) => void kept.push([change.kind, change.value, problem]);
  server.faults = [[/notes/, new Problem("notes: Extra inputs are not permitted.", 400)]];
  await here.capture.start();
  here.capture.annotate({ notes: "Ask the landlord", markers: [] });
  await pass(3_500);
  here.capture.stop();
  await pass(1_000);
  assert.deepEqual(kept, [["notes", "Ask the landlord", "notes: Extra inputs are not permitted."]]);
  assert.deepEqual(await journal.all(), []);
});

test("a suggested name stands until a person types one, whatever comes first", async () => {
  const here = tab();
  await here.capture.start();
  const { id } = here.last("begin");
  await pass(3_500);
  here.capture.suggest("We meet on Friday at nine");
  await pass(3_000);
  const { name, name_origin } = server.clips.get(id);
  assert.deepEqual([name, name_origin], ["We meet on Friday at nine", "default"]);
  here.capture.rename("We meet on Friday at nine");
  here.capture.suggest("Another one");
  here.capture.stop();
  await pass(1_000);
  assert.equal(server.clips.get(id).name, "We meet on Friday at nine");
  assert.equal(server.clips.get(id).name_origin, "person", "typed as it was suggested, it is a person's");
});
