import assert from "node:assert/strict";
import { test } from "node:test";
import { gapWords, viewOf } from "../../static/shared/clip-state.js";
import { clip, local } from "./clips.js";

const view = (more, kept = null) =>
  viewOf({ id: "a", at: "2026-11-22T10:00:00.000Z", clip: more && clip("a", more), local: kept }, "en");

test("each state of a clip has its words", () => {
  assert.deepEqual([view({}).kind, view({}).status], ["waiting", "Waiting to be transcribed"]);
  assert.equal(view({ error: "The server is busy." }).status, "Waiting to be transcribed. The server is busy.");
  assert.equal(view({ status: "transcribing" }).kind, "transcribing");
  assert.equal(view({ status: "done", text: "Hello" }).status, "");
  assert.equal(view({ status: "done", text: "" }).status, "No words were heard.");
  assert.match(view({ status: "off" }).status, /no recognizer/);
});

test("a page bears a status and a cause that only a newer release knows", () => {
  const newer = view({ status: "summarizing", text: "Hello" });
  assert.deepEqual([newer.kind, newer.text], ["waiting", "Hello"]);
  assert.match(newer.status, /does not know/);
  assert.equal(gapWords([gap(41_000, 3_000, "underwater")]), "1 gap: 0:41 (3 s).");
  assert.equal(gapWords([gap(41_000, 0, "underwater")]), "1 gap: 0:41.");
  for (const cause of ["told", "constructor"]) assert.equal(gapWords([gap(0, 3_000, cause)]), "1 gap: 0:00 (3 s).");
});

test("what nothing is heard of for minutes can be asked for again, and once", () => {
  const updated_at = "2026-11-22T10:00:00.000Z";
  const at_ms = (/** @type {number} */ seconds) => Date.parse(updated_at) + 1000 * seconds;
  const entry = { id: "a", at: "", clip: clip("a", { status: "transcribing", updated_at }), local: null, heard_ms: at_ms(0) };
  assert.equal(viewOf(entry, "en", at_ms(60)).retry, false);
  assert.equal(viewOf(entry, "en", at_ms(200)).retry, true);
  assert.equal(viewOf({ ...entry, clip: clip("a", { updated_at }) }, "en", at_ms(200)).retry, true);
  const hearing = { clip: { id: "a" }, percent: 40, text: "" };
  assert.equal(viewOf({ ...entry, hearing, heard_ms: at_ms(190) }, "en", at_ms(200)).retry, false);
  assert.equal(viewOf({ ...entry, changes: [{ kind: "retry", state: "waiting" }] }, "en", at_ms(200)).retry, false);
});

test("a transcription says how far it is and what it heard, unless there are words already", () => {
  const hearing = { clip: { id: "a" }, percent: 40, text: "so far" };
  const entry = (more) => ({ id: "a", at: "", clip: clip("a", { status: "transcribing", ...more }), local: null, hearing });
  const first = viewOf(entry({}));
  assert.deepEqual([first.status, first.progress, first.settled], ["Transcribing … 40 %", 0.4, "so far"]);
  assert.equal(viewOf(entry({ text: "A person's words." })).settled, "");
  assert.equal(viewOf(entry({ error: "Fetching the speech model …" })).status, "Fetching the speech model … 40 %");
});

test("what was heard while somebody spoke stays until the transcript is there", () => {
  const captions = { missing: 0, settled: "It was the", tentative: " best" };
  const words = (more, missing = 0) => {
    const { settled, tentative } = viewOf({ id: "a", at: "", clip: clip("a", more), local: null, captions: { ...captions, missing } });
    return settled + tentative;
  };
  for (const status of ["recording", "pending", "transcribing", "failed"]) assert.equal(words({ status }), "It was the best");
  assert.equal(words({ status: "recording" }, 40), "… It was the best");
  assert.equal(words({ status: "done", text: "It was." }), "");
});

test("a file that cannot be read has nothing to play, and one that was not understood has", () => {
  const failed = (/** @type {string} */ error, more = {}) => view({ status: "failed", error, ...more });
  const unreadable = failed("There is no sound in this file.");
  assert.deepEqual([unreadable.playable, unreadable.unplayed.slice(0, 24)], [false, "There is nothing to play"]);
  const empty = failed("Nothing was recorded: not a byte of sound arrived here. It was tried 8 times; the sound is kept, ask again later.");
  assert.deepEqual([empty.playable, empty.unplayed], [false, ""], "no file came, so there is none to download");
  for (const clip of [failed("Whisper answered nonsense."), view({ status: "done" }), view({ error: "There is no sound in this file." })]) {
    assert.deepEqual([clip.playable, clip.unplayed], [true, ""]);
  }
});

test("a failure says its sentence and offers to retry", () => {
  const failed = view({ status: "failed", error: "Whisper answered nonsense." });
  assert.deepEqual([failed.status, failed.retry], ["Whisper answered nonsense.", true]);
});

test("language and recognizer are those of what was heard, and of nothing else", () => {
  const heard = view({ status: "done", text: "Hi", language: "de", recognizer: "tiny" });
  assert.match(heard.facts, /^.+ · 4 seconds$/);
  assert.deepEqual([heard.spoken, heard.by], [{ found: "de", set: null }, "tiny"]);
  const silent = view({ status: "done", text: "", language: "de", recognizer: "tiny" });
  assert.deepEqual([silent.spoken, silent.by], [{ found: null, set: null }, ""]);
});

test("a clip says when it was and how long it is, in a row and on its page", () => {
  const entry = { id: "a", at: "2026-11-22T10:00:00.000Z", clip: clip("a", { duration_ms: 760_000 }), local: null };
  const { time, length, facts } = viewOf(entry, "en", 0);
  assert.match(time, /^\d+:\d\d\s[AP]M$/);
  assert.equal(length, "13 min");
  assert.match(facts, /^November 22.* · 13 minutes$/);
});

test("a language can be chosen for what the server has heard, or hears, or was told", () => {
  const spoken = (more) => view(more).spoken;
  for (const status of ["transcribing", "done", "failed"]) assert.ok(spoken({ status }), status);
  assert.deepEqual([spoken({}), spoken({ status: "recording" }), spoken({ status: "off" })], [null, null, null]);
  assert.deepEqual(spoken({ language_set: "fr" }), { found: null, set: "fr" });
  assert.equal(view({ status: "done", text: "Hi" }, local("a")).spoken, null);
});

test("what is on the device says so, with the name that it has here", () => {
  const waiting = view(null, local("a", { name: "Mine", problem: "The store is away." }));
  assert.equal(waiting.name, "Mine");
  assert.equal(waiting.status, "Kept on this device, will be sent. The store is away.");
  const sending = view({}, local("a", { sending: "sending", progress: 0.43 }));
  assert.deepEqual([sending.kind, sending.status, sending.progress], ["sending", "Sending … 43 %", 0.43]);
  const refused = view(null, local("a", { state: "refused", problem: "No sound." }));
  assert.deepEqual([refused.retry, refused.save], [true, true]);
  assert.match(refused.status, /No sound\. The audio stays on this device\./);
});

test("a recording on another device grows by itself, until nothing is heard of its recorder for long", () => {
  const heard_ms = 1_000_000;
  const recording = clip("a", { status: "recording", duration_ms: 61_000 });
  const entry = { id: "a", at: recording.created_at, clip: recording, local: null, heard_ms };
  const soon = viewOf(entry, "en", heard_ms + 4_000);
  assert.deepEqual([soon.kind, soon.status, soon.duration_ms, soon.finish], ["recording", "Recording now", 65_000, ""]);
  const late = viewOf(entry, "en", heard_ms + 20_000);
  assert.deepEqual([late.kind, late.duration_ms, late.finish, late.running], ["stalled", 61_000, "Finish now", false]);
  assert.match(late.status, /^Waiting for its recorder/);
  const behind = viewOf(entry, "en", heard_ms - 60_000);
  assert.equal(behind.duration_ms, 61_000, "a clock that goes backwards makes nothing shorter");
});

test("a recording whose tab is gone can go on or end; one that runs in another tab can neither", () => {
  const left = view(null, local("a", { state: "left", duration_ms: 9_000 }));
  assert.deepEqual([left.kind, left.resume, left.finish, left.duration_ms], ["left", true, "Finish", 9_000]);
  const elsewhere = view({ status: "recording" }, local("a", { state: "recording", duration_ms: 9_000 }));
  assert.deepEqual([elsewhere.kind, elsewhere.resume, elsewhere.finish], ["recording", false, ""]);
});

test("every cause of a gap has its words", () => {
  for (const cause of ["muted", "frozen", "interrupted", "closed", "lost", "unheard"]) {
    assert.match(gapWords([gap(0, 0, cause)]), /^1 gap: 0:00 \([a-z ]{10,}\)\.$/, cause);
  }
});

const gap = (at_ms, length_ms, cause) => ({ at_ms, length_ms, cause });

test("gaps are told with their place, length and cause", () => {
  const gaps = [gap(41_000, 3_000, "muted"), gap(302_000, 62_000, "closed")];
  const words = "2 gaps: 0:41 (3 s, the microphone was silenced), 5:02 (1 min, the tab was closed).";
  assert.equal(gapWords(gaps), words);
  assert.equal(gapWords([gap(5_000, 0, "lost")]), "1 gap: 0:05 (the recorder stopped sending).");
  const missing = gap(60_000, 12_000, "missing");
  assert.equal(gapWords([missing]), "The audio is 12 s shorter than the time that passed.");
  assert.equal(gapWords([]), "");
  assert.match(gapWords(Array(8).fill(gaps[0])), /^8 gaps: (0:41 \(.+?\), ){6}and 2 more\.$/);
  const heard = view({ status: "done", duration_ms: 604_000, gaps: [...gaps, missing] });
  assert.deepEqual(heard.marks, [
    { place: 41 / 604, words: "0:41 (3 s, the microphone was silenced)" },
    { place: 0.5, words: "5:02 (1 min, the tab was closed)" },
  ]);
});

test("of a recording that is not sent, the gaps are those that this device knows", () => {
  const kept = local("a", { duration_ms: 10_000, gaps: [gap(5_000, 1_000, "frozen")] });
  assert.deepEqual(view({ gaps: [] }, kept).marks.map(({ place }) => place), [0.5]);
});

test("a recording elsewhere is told as it was when the connection went, however long ago", () => {
  const entry = { id: "a", at: "2026-11-22T10:00:00.000Z", clip: clip("a", { status: "recording" }), local: null };
  const view = viewOf({ ...entry, heard_ms: 0, cut_ms: 2_000 }, "en", 3_600_000);
  assert.deepEqual([view.kind, view.status, view.duration_ms], [
    "recording",
    "Was recording when the connection went",
    6_000,
  ]);
});

test("what the server does not know yet is said", () => {
  const entry = { id: "a", at: "2026-11-22T10:00:00.000Z", clip: clip("a"), local: null };
  const change = /** @type {any} */ ({ kind: "name", value: "b", state: "waiting" });
  assert.match(viewOf({ ...entry, changes: [change] }, "en").facts, / · not sent yet$/);
  assert.doesNotMatch(viewOf({ ...entry, changes: [{ ...change, state: "conflict" }] }, "en").facts, /not sent/);
});
