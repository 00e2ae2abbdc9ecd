import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { newRow } from "../../static/offline/journal.js";
import { Spoken, bytes, rest, stage } from "./browser.js";
import { clip, until } from "./clips.js";

let journal, server, tab, speak, keep, empty, has;

beforeEach(() => {
  ({ journal, server, tab, speak, keep, empty, has } = stage());
});

// -- while it is spoken --------------------------------------------------------------------------------------------

test("the server knows a recording before its first piece, and has each piece as it comes", async () => {
  const here = tab();
  const recording = await speak(here);
  await until(() => server.clips.get("a")?.status === "recording");
  await recording.say("one");
  await has("one");
  assert.ok(server.asked.includes("send /api/uploads/1 0 one null 3000"));
  await recording.say("two");
  await has("onetwo");
  assert.deepEqual(here.told, [], "the panel shows it, not the list");
  await recording.stop();
  await until(empty);
  assert.deepEqual(server.asked.slice(-2), [
    "send /api/uploads/1 6  6 null",
    'finish a {"segments":1,"duration_ms":6000,"gaps":[]}',
  ]);
  assert.equal(server.clips.get("a").status, "pending");
  assert.deepEqual(here.told.slice(-2), ["sent a", "gone"]);
});

test("a recording that is stopped in the moment when nothing is to be sent ends in order", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await until(async () => (await journal.get("a")).segments[0].sent === 3);
  await rest();
  const get = journal.get.bind(journal);
  let asked = 0;
  journal.get = async (id) => {
    // The fourth look of a round is the one after the segment was found to be sent.
    if (++asked === 4) await recording.stop();
    return get(id);
  };
  here.outbox.nudge("a");
  await until(empty);
  assert.equal(server.early, 0);
});

test("a piece leaves the device when the server has it, and not before", async () => {
  const figures = [];
  const here = tab();
  here.outbox.addEventListener("progress", ({ detail }) => figures.push(detail));
  server.faults = [[/^send/, new Problem("away")]];
  let goOn = () => {};
  server.delay = (call) => (call.startsWith("head") ? new Promise((resolve) => (goOn = resolve)) : undefined);
  const recording = await speak(here);
  await recording.say("one");
  await until(() => server.asked.at(-1)?.startsWith("head"));
  assert.equal(await (await journal.blob(await journal.get("a"))).text(), "one");
  server.delay = () => undefined;
  goOn();
  await has("one");
  await until(async () => (await journal.blob(await journal.get("a"))).size === 0);
  assert.deepEqual(figures.at(-1), { id: "a", server_ms: 3_000, problem: null });
  assert.equal(await here.outbox.audio("a"), null, "the server plays it now");
  server.faults = Array.from({ length: 500 }, () => [/./, new Problem("away")]);
  await recording.say("two");
  assert.equal(await here.outbox.audio("a"), null, "and what is left here has no beginning");
});

test("pieces that wait are joined, and cut where a request would be too large", async () => {
  const here = tab();
  server.faults = [[/^create/, new Problem("away")]];
  const large = "x".repeat(300_000);
  const recording = await speak(here);
  for (const text of ["one", "two", large, large]) await recording.say(text);
  await recording.stop();
  await until(empty);
  const sent = server.asked.filter((call) => call.startsWith("send")).map((call) => call.split(" ")[3].length);
  assert.equal(server.sound("a")[0], `onetwo${large}${large}`);
  assert.ok(sent.length < 5 && sent.every((size) => size <= 512 * 1024), `${sent}`);
});

test("a sentence says while it is spoken that it stays here for now", async () => {
  const here = tab();
  const problems = [];
  here.outbox.addEventListener("progress", ({ detail }) => problems.push(detail.problem && detail.problem.said));
  server.faults = [[/^create/, new Problem("Sign in again.", 401)]];
  await speak(here);
  await until(() => problems.includes("Sign in again."));
  await until(() => problems.at(-1) === null);
  await until(async () => (await journal.get("a")).reason === null);
});

test("a file says when it was changed last, and a recording when it began", async () => {
  await keep("a", "one", { is_file: true, modified_at: "2024-05-17T15:32:10.000Z" });
  await keep("b", "two");
  await tab().outbox.scan();
  await until(empty);
  const [file, recording] = [...server.uploads.values()].map(({ about }) => about);
  assert.deepEqual([file.last_modified, file.recorded_at], ["2024-05-17T15:32:10.000Z", undefined]);
  assert.deepEqual([recording.last_modified, typeof recording.recorded_at], [undefined, "string"]);
});

test("nothing said is nothing kept, here and there", async () => {
  const recording = await speak(tab());
  await until(() => server.clips.has("a"));
  await recording.stop();
  await until(empty);
  assert.notEqual(server.clips.get("a").deleted_at, null);
  assert.ok(!server.asked.some((call) => call.startsWith("finish")));
});

// -- files, and rows of earlier versions ---------------------------------------------------------------------------

test("a file is sent with its length, and is a clip with its last byte", async () => {
  await keep("a", "one two three", { is_file: true });
  const here = tab();
  const parts = [];
  here.outbox.addEventListener("change", ({ detail }) => parts.push(detail.progress));
  server.faults = [[/^send/, 5]];
  await here.outbox.scan();
  await until(empty);
  assert.equal([...server.uploads.values()][0].length, 11);
  assert.deepEqual(server.sound("a"), ["onetwothree"]);
  assert.ok(!server.asked.some((call) => call.startsWith("finish")));
  assert.ok(parts.includes(5 / 11) && parts.at(-1) === 1, `${parts}`);
  assert.deepEqual(here.told.slice(-2), ["sent a", "gone"]);
});

test("a file of which only a part was copied is dropped", async () => {
  await journal.create(newRow({ id: "half", name: "half", mime: "audio/wav", state: "copying", is_file: true }));
  await journal.append("half", bytes("some"));
  await tab().outbox.scan();
  await until(empty);
  assert.deepEqual(server.asked, []);
});

test("a file whose copy is done just now is not taken for a half one", async () => {
  const here = tab();
  const get = journal.get.bind(journal);
  journal.get = async (id) => {
    const row = await get(id);
    if (row?.state === "copying") await rest(10); // A disk's answer is old when it comes.
    return row;
  };
  const row = newRow({ id: "a", name: "a", mime: "audio/wav", state: "copying", is_file: true });
  await here.outbox.begin(row, async () => {
    await journal.append("a", bytes("text"));
    await rest(5);
    await journal.update("a", { state: "ready" });
  });
  await has("text");
});

test("few files at a time, none forgotten, and a recording does not wait for them", async () => {
  for (const id of "bcdefghi") await keep(id, "text", { is_file: true });
  let goOn = () => {};
  const stuck = new Promise((resolve) => (goOn = resolve));
  server.delay = (call) => (/^create [^a]/.test(call) ? stuck : undefined);
  const here = tab();
  await here.outbox.scan();
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  await rest();
  assert.equal(server.asked.filter((call) => /^create [^a]/.test(call)).length, 3);
  assert.ok(here.told.includes("ready sending"), "nobody answers, and it is said that it is on its way");
  goOn();
  await recording.stop();
  await until(empty);
  assert.equal(server.clips.size, 9);
});

// -- tabs ----------------------------------------------------------------------------------------------------------

test("two tabs send a recording once", async () => {
  await keep("a");
  const tabs = [tab(), tab()];
  await Promise.all(tabs.map(({ outbox }) => outbox.scan()));
  await until(() => tabs.every(({ told }) => told.includes("gone")));
  assert.equal(server.asked.filter((call) => call.startsWith("send")).length, 1);
});

test("a tab that dies leaves its recording to the next, which sends it and asks a person", async () => {
  const [here, there] = [tab(), tab()];
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  await there.outbox.scan();
  await rest();
  assert.deepEqual(there.told, [], "another tab records it");
  server.faults = [[/^send/, "lose"]];
  await recording.say("two");
  here.die();
  await until(async () => (await journal.get("a")).state === "left");
  await has("onetwo");
  await rest();
  assert.ok(there.told.includes("left sending"));
  assert.equal(there.told.at(-1), "left waiting");
  assert.equal(server.clips.get("a").status, "recording");
  await there.outbox.finish("a");
  await until(empty);
  assert.equal(server.clips.get("a").status, "pending");
  assert.deepEqual(server.sound("a"), ["onetwo"]);
});

test("what was left goes on in a new segment, with the time that nobody heard", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  here.die();
  await journal.update("a", { heard_at: new Date(Date.now() - 60_000).toISOString() });
  const next = tab();
  await next.outbox.scan();
  await until(async () => (await journal.get("a")).state === "left");
  await has("one");
  recording.here = next;
  assert.equal((await recording.continue()).state, "recording");
  await recording.say("two", "audio/webm");
  await has("one|two");
  await recording.stop();
  await until(empty);
  const [gap] = server.clips.get("a").gaps;
  assert.deepEqual([gap.cause, gap.at_ms], ["closed", 3_000]);
  assert.ok(gap.length_ms >= 60_000 && gap.length_ms < 70_000);
});

test("what was left goes on though the server is away, and though this tab still sends the rest of it", async () => {
  const here = tab();
  const recording = await speak(here);
  server.faults = Array.from({ length: 100 }, () => [/^send/, new Problem("away")]);
  await recording.say("one");
  here.die();
  const next = tab();
  await next.outbox.scan();
  await until(async () => (await journal.get("a")).state === "left");
  recording.here = next;
  assert.ok(await recording.continue());
  await recording.say("two", "audio/webm");
  server.faults = [];
  await recording.stop();
  await until(empty);
  assert.deepEqual(server.sound("a"), ["one", "two"]);
});

test("what another tab sends, or goes on with, is not taken from it", async () => {
  await speak(tab());
  const other = tab();
  await other.outbox.scan();
  assert.equal(await new Spoken(other, "a").continue(), null);
  assert.equal(await new Spoken(tab(), "a").continue(), null);
  assert.equal(await new Spoken(tab(), "nobody").continue(), null);
  assert.equal((await journal.get("a")).state, "recording");
});

test("what the server finished by itself is not asked about, once it has all of it", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  await until(async () => (await journal.get("a")).segments[0].sent === 3);
  here.die();
  const next = tab();
  await next.outbox.scan();
  await until(() => next.told.includes("left waiting"));
  await next.outbox.told(clip("a", { status: "recording" }));
  assert.equal(await empty(), false);
  await journal.append("a", bytes("two"));
  await next.outbox.told(clip("a", { status: "pending" }));
  assert.equal(await empty(), false, "something is not sent yet");
  await next.outbox.scan();
  await has("onetwo");
  await until(async () => (await journal.get("a")).segments[0].sent === 6);
  const gap = { at_ms: 0, length_ms: 60_000, cause: "muted" };
  await journal.update("a", { gaps: [gap] });
  await next.outbox.told(clip("a", { status: "pending" }));
  await until(empty);
  assert.deepEqual(server.clips.get("a").gaps, [gap], "what is known of its gaps is not lost");
});

test("what another tab shows of a recording that goes on is old, and ends nothing", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  here.die();
  const [next, other] = [tab(), tab()];
  await next.outbox.scan();
  await until(async () => (await journal.get("a")).state === "left");
  await other.outbox.scan();
  await until(() => other.told.includes("left waiting"));
  await rest();
  recording.here = next;
  assert.ok(await recording.continue());
  assert.equal(await other.outbox.finish("a"), true);
  assert.equal(await other.outbox.discard("a", new Date().toISOString()), true);
  assert.equal((await journal.get("a")).state, "recording");
  assert.equal(other.told.at(-1), "gone", "it is not shown there any more");
  await recording.say("two", "audio/webm");
  await recording.stop();
  await until(empty);
  assert.deepEqual(server.sound("a"), ["one", "two"]);
  assert.equal(server.clips.get("a").deleted_at, null);
});

test("what is said while a recording is let go is not missed", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  here.die();
  const next = tab();
  const { lock } = next.outbox;
  let isSaid = false;
  next.outbox.lock = async (id, work, now) => {
    await lock(id, work, now);
    if (!isSaid) isSaid = await next.outbox.finish(id);
  };
  await next.outbox.scan();
  await until(empty);
  assert.equal(server.clips.get("a").status, "pending");
});

// -- what a person does meanwhile ----------------------------------------------------------------------------------

for (const call of ["create", "send", "patch", "finish"]) {
  for (const lost of [false, true]) {
    test(`a name given during ${call}${lost ? ", whose answer is lost," : ""} is the name`, async () => {
      const here = tab();
      let given = false;
      server.delay = async (asked) => {
        if (given || !asked.startsWith(call)) return;
        given = true;
        assert.equal(await here.outbox.rename("a", "Better"), true);
      };
      if (lost) server.faults = [[new RegExp(`^${call}`), "lose"]];
      const recording = await speak(here);
      if (call === "patch") {
        await until(() => server.clips.has("a"));
        await here.outbox.rename("a", "Good");
      }
      await recording.say("one");
      await has("one");
      await recording.stop();
      await until(empty);
      assert.equal(server.clips.get("a").name, "Better");
      assert.equal(await here.outbox.rename("a", "Too late"), false);
    });
  }
}

test("a deletion while it is on its way follows it to the bin, and can be taken back", async () => {
  await keep("a");
  await keep("b");
  const here = tab();
  server.delay = async (call) => {
    if (call.startsWith("finish a")) await here.outbox.discard("a", "2026-11-22T10:00:00.000Z");
    if (call.startsWith("send") && call.includes("/2")) await here.outbox.discard("b", new Date().toISOString());
    if (call.startsWith("finish b")) await here.outbox.discard("b", null);
  };
  await here.outbox.scan();
  await until(empty);
  assert.notEqual(server.clips.get("a").deleted_at, null);
  assert.equal(server.clips.get("b").deleted_at, null);
});

test("what was refused and thrown away is gone from the server too, and stays here for a month", async () => {
  const here = tab();
  const recording = await speak(here);
  await until(() => server.clips.has("a"));
  server.faults = Array.from({ length: 500 }, () => [/^send/, new Problem("Too large.", 413)]);
  await recording.say("one");
  await recording.stop();
  await until(async () => (await journal.get("a")).state === "refused");
  await here.outbox.discard("a", new Date().toISOString());
  await until(() => server.clips.get("a").deleted_at !== null);
  assert.deepEqual((await journal.get("a")).reason, { said: "Too large." });
  const days = (number) => new Date(Date.now() - number * 24 * 3_600_000).toISOString();
  await journal.update("a", { deleted_at: days(29) });
  await here.outbox.scan();
  assert.equal(await (await here.outbox.audio("a")).text(), "one", "it is the only copy that there is");
  await journal.update("a", { deleted_at: days(31) });
  await here.outbox.scan();
  assert.equal(await empty(), true);
});
