import assert from "node:assert/strict";
import { test } from "node:test";
import { applies, command } from "../../static/clip/keys.js";
import { Listening, Places, ReadMarks } from "../../static/shared/preferences.js";
import { behind, lastAtMost, pauses, Timing } from "../../static/clip/word-timings.js";

/** Words of a text, each `[start, end]` in seconds. */
const timing = (text, ...times) => {
  const said = text.split(/\s+/);
  return new Timing(
    text,
    times.map(([start, end], i) => ({ text: said[i], start_ms: start * 1000, end_ms: end * 1000 })),
  );
};

/** What a browser keeps. */
const storage = (kept = {}) => ({
  getItem: (key) => kept[key] ?? null,
  setItem: (key, value) => void (kept[key] = value),
});

const full = { getItem: () => null, setItem: () => assert.fail("QuotaExceededError") };

test("the last of sorted numbers that is not larger is found among none, one and many", () => {
  assert.deepEqual([lastAtMost([], 1), lastAtMost([5], 4), lastAtMost([5], 5), lastAtMost([1, 2, 2, 9], 2)], [-1, -1, 0, 2]);
});

test("the word that is said is the one that began last, and for a moment after it", () => {
  const said = timing("one two one", [1, 1.5], [1.5, 2], [10, 11]);
  assert.deepEqual([0, 1_000, 1_499, 1_500, 2_900, 3_000, 9_999, 10_000].map((ms) => said.at(ms)), [-1, 0, 0, 1, 1, -1, -1, 2]);
  assert.deepEqual(said.word(2), { from: 8, to: 11, start_ms: 10_000, end_ms: 11_000 });
  assert.deepEqual([0, 3, 4, 9].map((place) => said.under(place)), [0, 0, 1, 2]);
});

test("words that the text does not have are passed over", () => {
  const said = new Timing("Hello, world", [
    { text: "Hello,", start_ms: 0, end_ms: 1 },
    { text: "there", start_ms: 1, end_ms: 2 },
    { text: "world", start_ms: 2, end_ms: 3 },
  ]);
  assert.equal(said.length, 2);
  assert.deepEqual(said.word(1), { from: 7, to: 12, start_ms: 2, end_ms: 3 });
});

test("ten thousand words are found at once", () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `word${i}`).join(" ");
  const said = timing(text, ...Array.from({ length: 10_000 }, (_, i) => /** @type {[number, number]} */ ([i, i + 1])));
  const before = performance.now();
  for (let ms = 0; ms < 10_000_000; ms += 1_000) assert.equal(said.at(ms), ms / 1_000);
  assert.ok(performance.now() - before < 500);
});

test("one goes from word to word, and back to where one began", () => {
  const said = timing("one two three", [1, 1.5], [2, 2.5], [4, 5]);
  assert.deepEqual([0, 1_000, 1_900, 4_500].map((ms) => said.step(ms, 1)), [1_000, 2_000, 2_000, 4_500]);
  assert.deepEqual([4_800, 4_200, 2_000, 1_000, 0].map((ms) => said.step(ms, -1)), [4_000, 2_000, 1_000, 1_000, 1_000]);
  assert.equal(new Timing("", []).step(700, 1), 700);
});

test("a link means the word that begins in its second", () => {
  const said = timing("one two three", [1, 1.5], [2.7, 3], [4, 5]);
  assert.deepEqual([0, 2_000, 3_000, 90_000].map((ms) => said.near(ms)), [0, 1, 1, 2]);
});

test("paragraphs are a person’s lines, or begin where somebody paused behind a sentence", () => {
  const text = "Hello there. Good day. So it is";
  const spoken = timing(text, [0, 1], [1, 2], [4.5, 5], [5, 6], [6.1, 7], [10, 11], [11, 12]);
  const cut = (said) => said.paragraphs().map(({ from, to, at_ms }) => [said.text.slice(from, to), at_ms]);
  assert.deepEqual(cut(spoken), [["Hello there. ", 0], ["Good day. So it is", 4_500]]);
  const own = timing("One\n\ntwo three", [0, 1], [5, 6], [6, 7]);
  assert.deepEqual(cut(own), [["One\n\n", 0], ["two three", 5_000]]);
  assert.deepEqual(cut(new Timing("No times.", [])), [["No times.", null]]);
  assert.deepEqual(cut(new Timing("", [])), [["", null]]);
});

test("who never pauses has paragraphs, too, and none of the text is lost", () => {
  const text = "A sentence of five words. ".repeat(100).trim();
  const said = timing(text, ...Array.from({ length: 500 }, (_, i) => /** @type {[number, number]} */ ([i, i + 1])));
  const all = said.paragraphs();
  assert.ok(all.length > 3 && all.every(({ from, to }) => to - from < 600), String(all.length));
  assert.equal(all.map(({ from, to }) => text.slice(from, to)).join(""), text);
});

test("pauses between words can be jumped over, but for their first and last moment", () => {
  const said = timing("one two three", [2, 3], [3.9, 5], [9, 9.5]);
  const all = pauses(said, [], 12_000);
  assert.deepEqual(all, [
    { start_ms: 0, end_ms: 1_750 },
    { start_ms: 5_250, end_ms: 8_750 },
    { start_ms: 9_750, end_ms: 11_750 },
  ]);
  const there = [0, 1_600, 3_500, 5_100, 5_300, 8_600, 9_200, 9_800].map((ms) => behind(all, ms));
  assert.deepEqual(there, [1_750, null, null, null, 8_750, null, null, 11_750]);
});

test("without times of words, what is quiet is a pause", () => {
  const peaks = [200, 180, 3, 2, 4, 190, 10, 220];
  assert.deepEqual(pauses(null, peaks, 4_000), [{ start_ms: 1_250, end_ms: 2_250 }]);
  // Between the words of a text somebody may have spoken: the sentence was deleted, or never heard.
  const cut = new Timing("so", [{ start_ms: 0, end_ms: 200, text: "so" }]);
  assert.deepEqual(pauses(cut, peaks, 4_000), [{ start_ms: 1_250, end_ms: 2_250 }]);
  assert.deepEqual(pauses(new Timing("", []), [], 4_000), []);
  assert.deepEqual(pauses(null, [0, 0, 0, 0], 4_000), []);
});

test("places are remembered for the clips that were heard last, and forgotten at their end", () => {
  const kept = {};
  const places = new Places(storage(kept));
  places.set("a", 61_234.5, 100_000);
  assert.equal(new Places(storage(kept)).get("a"), 61_235);
  assert.equal(places.get("b"), 0);
  for (const [ms, whole_ms] of [[99_000, 100_000], [500, 0]]) {
    places.set("a", 50_000, 100_000);
    places.set("a", ms, whole_ms);
    assert.equal(places.get("a"), 0);
  }
  for (let i = 0; i <= 300; i += 1) places.set(`clip ${i}`, 9_000, 0);
  assert.deepEqual([places.get("clip 0"), places.get("clip 1"), places.get("clip 300")], [0, 9_000, 9_000]);
});

test("a browser that keeps nothing, or nonsense, is no fault", () => {
  new Places(full).set("a", 50_000, 0);
  assert.equal(new Places(storage({ "dictaphone.places": "{nonsense" })).get("a"), 0);
  assert.equal(new Places(storage({ "dictaphone.places": "{}" })).get("a"), 0);
  assert.equal(new Listening(storage({ "dictaphone.speed": "17" })).speed, 1);
});

test("speed goes in steps between half and three times, and is remembered", () => {
  const kept = {};
  const listening = new Listening(storage(kept));
  for (let i = 0; i < 20; i += 1) listening.step(1);
  assert.equal(listening.speed, 3);
  assert.equal(new Listening(storage(kept)).speed, 3);
  for (let i = 0; i < 20; i += 1) listening.step(-1);
  assert.equal(listening.speed, 0.5);
  listening.skips = true;
  assert.equal(new Listening(storage(kept)).skips, true);
});

const press = (key, more = {}) => command({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });
const nowhere = { tag: "BODY", type: "", editable: false, selects: false };

test("each key has its command, and those of the browser are left alone", () => {
  assert.deepEqual([press(" "), press("j"), press("K", { shiftKey: true })], [["toggle"], ["by", -10_000], ["toggle"]]);
  assert.deepEqual([press("ArrowRight"), press("ArrowRight", { shiftKey: true })], [["by", 5_000], ["word", 1]]);
  assert.deepEqual([press(","), press(">", { shiftKey: true })], [["speed", -1], ["speed", 1]]);
  for (const held of ["ctrlKey", "metaKey", "altKey"]) assert.equal(press("s", { [held]: true }), null, held);
  assert.equal(press("x"), null);
});

test("a key is no command where it has a meaning of its own", () => {
  const at = (key, focus) => applies(press(key), { ...nowhere, ...focus });
  assert.ok(at("k", {}));
  for (const field of [{ tag: "INPUT", type: "text" }, { tag: "TEXTAREA" }, { tag: "SELECT" }, { editable: true }]) {
    for (const key of [" ", "k", "e", "Escape", "?"]) assert.equal(at(key, field), false, key);
  }
  assert.ok(at("ArrowLeft", { tag: "INPUT", type: "range" }));
  assert.equal(at(" ", { tag: "BUTTON" }), false);
  assert.ok(at("j", { tag: "BUTTON" }));
  assert.equal(at("Enter", { tag: "A" }), false);
  assert.equal(applies(["word", 1], { ...nowhere, selects: true }), false);
});

test("words that came and were never opened on this device are unread, within bounds", () => {
  const kept = storage();
  const at = (/** @type {number} */ n) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
  const clip = (/** @type {number} */ n, more = {}) =>
    /** @type {any} */ ({ id: `c${n}`, status: "done", excerpt: "Words.", created_at: at(n), ...more });
  const marks = new ReadMarks(/** @type {any} */ (kept), new Date(at(0)));
  assert.equal(marks.isUnread(clip(-1)), false, "it was there before the first visit");
  assert.equal(marks.isUnread(clip(1, { status: "transcribing" })), false);
  assert.equal(marks.isUnread(clip(1, { excerpt: "" })), false, "no words were heard");
  assert.equal(marks.isUnread(clip(1)), true);
  for (let n = 1; n <= 502; n++) marks.add(clip(n));
  const later = new ReadMarks(/** @type {any} */ (kept), new Date(at(9_999)));
  for (const n of [1, 2, 3, 502]) assert.equal(later.isUnread(clip(n)), false, `${n}`);
  assert.equal(later.isUnread(clip(503)), true);
  assert.equal(JSON.parse(/** @type {any} */ (kept.getItem("dictaphone.read"))).opened.length, 500);
});
