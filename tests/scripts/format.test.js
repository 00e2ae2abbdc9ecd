import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../static/shared/format.js";
import { speak } from "../../static/shared/words.js";

test("clock writes minutes, and hours only when there are any", () => {
  assert.equal(format.clock(0), "0:00");
  assert.equal(format.clock(7_999), "0:07");
  assert.equal(format.clock(760_000), "12:40");
  assert.equal(format.clock(3_723_000), "1:02:03");
});

test("a length is said as people say it, and rounded as in the list", () => {
  const said = [400, 23_000, 35_700, 64_000, 760_000, 3_599_000, 3_600_000, 3_900_000].map(format.inWords);
  const all = ["1 second", "23 seconds", "36 seconds", "1 minute", "13 minutes", "1 hour", "1 hour", "1 hour 5 minutes"];
  assert.deepEqual(said, all);
});

test("spoken says what a clock shows, one in the singular", () => {
  assert.equal(format.spoken(64_000), "1 minute 4 seconds");
  assert.equal(format.spoken(3_600_000), "1 hour");
  assert.equal(format.spoken(400), "0 seconds");
});

test("brief says the unit that matters, and never nothing", () => {
  const brief = ["1 s", "3 s", "1 min", "1 h", "1 h", "1 h 32 min"];
  assert.deepEqual([200, 3_400, 62_000, 3_599_000, 3_600_000, 5_500_000].map(format.brief), brief);
});

test("the bin keeps a clip for thirty days", () => {
  assert.equal(format.keptUntil("2026-11-22T12:00:00.000Z", 30, "en-US"), "December 22");
});

test("size has three digits at most", () => {
  assert.equal(format.size(999), "999 bytes");
  assert.equal(format.size(2_540_000), `${(2.5).toLocaleString()} MB`);
  assert.equal(format.size(5e12), `${(5000).toLocaleString()} GB`);
});

test("days have their names, also across the change to winter time", () => {
  const now = new Date(2026, 9, 26, 0, 30);
  assert.equal(format.dayTitle("2026-10-26", now, "en"), "today");
  assert.equal(format.dayTitle("2026-10-25", now, "en"), "yesterday");
  assert.equal(format.dayTitle("2026-10-24", now, "en-GB"), "Saturday 24 October");
  assert.match(format.dayTitle("2025-10-24", now, "en-GB"), /^Friday,? 24 October 2025$/);
});

test("a default name holds date and time, and no space that cannot be typed", () => {
  assert.equal(format.defaultName(new Date(2026, 10, 22, 21, 30), "en-US"), "Nov 22, 2026, 9:30 PM");
});

test("file names keep the words, lose what file systems refuse, and gain an ending once", () => {
  assert.equal(format.fileName("a/b: why?", "audio/webm;codecs=opus"), "a-b- why-.webm");
  assert.equal(format.fileName("song.mp3", "audio/mpeg"), "song.mp3");
  assert.equal(format.fileName("\u{1F436}", "application/x-unknown"), "\u{1F436}");
  assert.equal(format.fileName(" ", "audio/wav"), "recording.wav");
});

test("a file that says no type has that of its ending", () => {
  assert.equal(format.mimeOf("Memo.OPUS"), "audio/ogg");
  assert.equal(format.mimeOf("README"), "application/octet-stream");
});

test("ids are UUIDs, also where the browser makes none", (t) => {
  const own = crypto.randomUUID;
  t.after(() => Object.defineProperty(crypto, "randomUUID", { value: own, configurable: true }));
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  assert.match(format.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("of another wording, what differs is shown, with a little before it", () => {
  assert.equal(format.differing("one two", "one three"), "one three");
  const long = "It was a bright cold day in April, and the clocks were striking";
  assert.equal(format.differing(`${long} twelve.`, `${long} thirteen.`), "… clocks were striking thirteen.");
  assert.equal(format.differing("", "word ".repeat(100)).length, 122);
  assert.equal(format.differing("mine", ""), "");
});

test("a number stays before its unit between Arabic letters", async () => {
  await speak("ar");
  try {
    // U+200E: what follows is written from left to right, as after a Latin letter.
    assert.match(format.size(2_147_483_648), /^\u200e2[.,]1 GB$/);
  } finally {
    await speak("en");
  }
  assert.match(format.size(2_147_483_648), /^2[.,]1 GB$/);
});
