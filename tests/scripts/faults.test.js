import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { rest, stage } from "./browser.js";
import { until } from "./clips.js";

let journal, server, tab, speak, keep, empty, has;

beforeEach(() => {
  ({ journal, server, tab, speak, keep, empty, has } = stage());
});

for (const [name, fault] of /** @type {[string, Problem|"lose"|number][]} */ ([
  ["an answer that is lost", "lose"],
  ["a line that breaks in the middle of a piece", 2],
  ["a server that is away", new Problem("away")],
  ["bytes that changed on their way", new Problem("Send them again.", 460)],
  ["a session that expired", new Problem("Sign in again.", 401)],
  ["a full disk", new Problem("The disk is full.", 507)],
  ["a server that stumbles", new Problem("odd", 500)],
])) {
  for (const call of ["create", "send", "send .* 0 ", "head", "finish"]) {
    test(`${name}, at ${call}, costs nothing`, async () => {
      server.faults = [
        [new RegExp(`^${call}`), fault],
        [/^send/, "lose"],
      ];
      const recording = await speak(tab());
      for (const text of ["one", "two", "three"]) await recording.say(text);
      await rest(5);
      await recording.say("four", "audio/mp4");
      await recording.stop();
      await until(empty);
      assert.deepEqual(server.faults, [], "it came to that");
      assert.deepEqual(server.sound("a"), ["onetwothree", "four"]);
      assert.equal(server.clips.get("a").status, "pending");
    });
  }
}

test("an upload that the server has lost is begun anew if all of it is here", async () => {
  server.faults = [[/^send/, new Problem("away")]];
  await keep("a");
  const here = tab();
  server.delay = async (call) => {
    if (call.startsWith("head")) server.uploads.clear();
  };
  await here.outbox.scan();
  await until(empty);
  assert.deepEqual(server.sound("a"), ["onetwo"]);
  assert.equal(server.asked.filter((call) => call.startsWith("create")).length, 2);
});

test("an upload that the server has lost with a part of it is said, and the rest is kept", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  await until(async () => (await journal.get("a")).segments[0].sent === 3);
  server.uploads.clear();
  await recording.say("two");
  await recording.stop();
  await until(async () => (await journal.get("a")).state === "refused");
  const row = await journal.get("a");
  assert.deepEqual(row.reason, { code: "device.incomplete" });
  assert.equal(server.uploads.size, 0, "nothing is begun that cannot be ended");
  assert.equal(await (await here.outbox.audio("a")).text(), "two");
});

test("a server that contradicts itself about an upload is not asked in a circle", async () => {
  await keep("a");
  server.faults = Array.from({ length: 5 }, () => [/^send/, new Problem("It is gone.", 410)]);
  await tab().outbox.scan();
  await until(async () => (await journal.get("a"))?.state === "refused");
  assert.ok(server.asked.length < 10, `${server.asked}`);
});

test("a server that has not what it said it had is asked for each segment again", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  server.delay = async (call) => {
    if (call.startsWith("finish") && !server.early) [...server.uploads.values()][0].length = null;
  };
  await recording.stop();
  await until(empty);
  assert.equal(server.early, 1);
  assert.equal(server.clips.get("a").status, "pending");
});

test("a definite refusal is kept with its sentence, and sent again when a person says so", async () => {
  await keep("a");
  server.faults = [[/^create/, new Problem("This is no sound.", 415)]];
  const { outbox } = tab();
  await outbox.scan();
  await until(async () => (await journal.get("a"))?.state === "refused");
  assert.deepEqual((await journal.get("a")).reason, { said: "This is no sound." });
  assert.equal(await (await outbox.audio("a")).text(), "onetwo");
  await outbox.finish("a");
  await until(empty);
});

test("a recording that the server refuses goes on, and is refused when it is over", async () => {
  const here = tab();
  server.faults = Array.from({ length: 500 }, () => [/^create/, new Problem("Too large.", 413)]);
  const recording = await speak(here);
  await recording.say("one");
  await rest(10);
  await recording.say("two");
  assert.equal((await journal.get("a")).state, "recording");
  await recording.stop();
  await until(async () => (await journal.get("a")).state === "refused");
  assert.equal(await (await here.outbox.audio("a")).text(), "onetwo");
  assert.ok(here.told.includes("refused waiting"));
});

test("a proxy that takes small requests only is given small ones, and asked for no more by the next recording", async () => {
  server.proxy_bytes = 100_000;
  const text = "a".repeat(1_200_000);
  await keep("a", text);
  const here = tab();
  await here.outbox.scan();
  await until(empty);
  const sent = () => server.asked.filter((call) => call.startsWith("send")).map((call) => call.split(" ")[3].length);
  assert.equal(sent().reduce((sum, length) => sum + length, 0), text.length);
  assert.ok(server.limit_bytes <= 100_000 && server.limit_bytes > 16_384, `${server.limit_bytes}`);
  // The limit is known: nothing larger is tried again.
  let refused = 0;
  const { send } = server;
  server.send = function (url, offset, data, about) {
    refused += data.byteLength > this.proxy_bytes ? 1 : 0;
    return send.call(this, url, offset, data, about);
  };
  await keep("b", text);
  await here.outbox.scan();
  await until(empty);
  assert.equal(refused, 0);
});

test("a refusal of our own server for its size teaches nothing about the requests of others", async () => {
  await keep("a", "a".repeat(600_000));
  server.faults = [[/^send/, new Problem("The upload is too large.", 413, 0, "too-large")]];
  const { outbox } = tab();
  await outbox.scan();
  await until(async () => (await journal.get("a"))?.state === "refused");
  assert.equal(server.limit_bytes, Infinity);
});

test("an upload under way when a limit is learned does not raise it again", async () => {
  server.proxy_bytes = 70_000;
  const here = tab();
  await Promise.all(["a", "b", "c"].map((id) => keep(id, id.repeat(600_000))));
  /** @type {number[]} */
  const limits = [];
  server.delay = async () => limits.push(server.limit_bytes);
  await here.outbox.scan();
  await until(empty);
  assert.deepEqual(limits, [...limits].sort((one, other) => other - one), "it only ever falls");
});

test("a server that takes not even a small request has refused the recording", async () => {
  server.proxy_bytes = 1_000;
  await keep("a", "a".repeat(40_000));
  const { outbox } = tab();
  await outbox.scan();
  await until(async () => (await journal.get("a"))?.state === "refused");
  assert.equal((await (await outbox.audio("a")).text()).length, 40_000);
});

test("a name that the server refuses does not hold the sound back", async () => {
  const recording = await speak(tab());
  await recording.say("one");
  await has("one");
  server.faults = [[/^patch/, new Problem("A name cannot hold that.", 400)]];
  await recording.here.outbox.rename("a", "\u0007");
  await recording.stop();
  await until(empty);
  assert.equal(server.clips.get("a").name, "a");
});

test("a server that has more than the device remembers keeps it", async () => {
  const here = tab();
  const recording = await speak(here);
  await recording.say("one");
  await recording.say("two");
  await has("onetwo");
  here.die();
  await journal.update("a", (row) => ({ bytes: 3, segments: [{ ...row.segments[0], bytes: 3, sent: 3 }] }));
  const next = tab();
  await next.outbox.scan();
  await until(async () => (await journal.get("a")).state === "left");
  await next.outbox.finish("a");
  await until(empty);
  assert.deepEqual([server.sound("a"), server.early], [["onetwo"], 0]);
});

test("more gaps, and longer ones, than the server takes are no reason to refuse a recording", async () => {
  await keep("a");
  const gaps = Array.from({ length: 1_001 }, () => ({ at_ms: 0, length_ms: 2 ** 40, cause: "muted" }));
  await journal.update("a", { gaps });
  await tab().outbox.scan();
  await until(empty);
  const told = server.clips.get("a").gaps;
  assert.deepEqual([told.length, told[0].length_ms], [1_000, 2 ** 31 - 1]);
});
