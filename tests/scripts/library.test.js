import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Library } from "../../static/shared/library.js";
import { clip, local } from "./clips.js";

/** @type {Library} */
let library;
/** @type {string[]} */
let changes;

beforeEach(() => {
  library = new Library();
  changes = [];
  library.addEventListener("change", (event) => changes.push(event.detail.id));
});

const shown = () => library.shown().map((entry) => entry.id);

test("the higher version wins, whichever comes first, and equal is no news", () => {
  assert.equal(library.apply(clip("a", { version: 3, name: "new" })), true);
  assert.equal(library.apply(clip("a", { version: 2, name: "old" })), false);
  assert.equal(library.apply(clip("a", { version: 3, name: "again" })), false);
  assert.equal(library.get("a").clip.name, "new");
  assert.deepEqual(changes, ["a"]);
});

test("what is forgotten is not asked for when the list is read anew", () => {
  library.apply(clip("found", { created_at: "2020-01-01T10:00:00.000Z" }));
  library.apply(clip("listed", { created_at: "2026-11-22T10:00:00.000Z" }));
  library.forget("found");
  assert.deepEqual(library.reconcile([library.get("listed").clip], library.snapshot(), false), []);
  assert.deepEqual(shown(), ["listed"]);
});

test("a late frame does not revive a deleted clip", () => {
  library.apply(clip("a", { version: 2, deleted_at: "2026-11-22T10:00:00.000Z" }));
  library.apply(clip("a", { version: 1 }));
  assert.deepEqual(shown(), []);
});

test("newest first, and an entry keeps its place when the server dates it anew", () => {
  library.keep(local("a", { created_at: "2026-11-22T10:00:00.000Z" }));
  library.apply(clip("b", { created_at: "2026-11-22T11:00:00.000Z" }));
  library.apply(clip("a", { created_at: "2026-11-22T12:00:00.000Z" }));
  assert.deepEqual(shown(), ["b", "a"]);
});

test("what the device lets go stays when the server has it, and goes when it has not", () => {
  library.keep(local("sent"));
  library.keep(local("thrown away"));
  library.apply(clip("sent"));
  library.release("sent");
  library.release("thrown away");
  assert.deepEqual(shown(), ["sent"]);
  assert.equal(library.get("sent").local, null);
});

test("a list read anew tells what was deleted meanwhile", () => {
  for (const id of ["a", "b", "c"])
    library.apply(clip(id, { created_at: `2026-11-22T10:00:00.00${id.charCodeAt(0) - 96}Z` }));
  library.reconcile([clip("c", { created_at: "2026-11-22T10:00:00.003Z" })], library.snapshot(), true);
  assert.deepEqual(shown(), ["c"]);
});

test("a page of the list says nothing about what is older than its end", () => {
  library.apply(clip("old", { created_at: "2026-11-20T10:00:00.000Z" }));
  library.apply(clip("gone", { created_at: "2026-11-22T10:00:00.000Z" }));
  library.reconcile([clip("end", { created_at: "2026-11-21T10:00:00.000Z" })], library.snapshot(), false);
  assert.deepEqual(shown(), ["end", "old"]);
});

test("a clip that arrived while the list was read is not taken for deleted", () => {
  const before = library.snapshot();
  library.apply(clip("new"));
  library.keep(local("unsent"));
  library.reconcile([], before, true);
  assert.deepEqual(shown().sort(), ["new", "unsent"]);
});

test("a clip that changed while the list was read is not taken for deleted", () => {
  library.apply(clip("a", { version: 1, deleted_at: "2026-11-22T10:00:00.000Z" }));
  const before = library.snapshot();
  library.apply(clip("a", { version: 2 }));
  library.reconcile([], before, true);
  assert.deepEqual(shown(), ["a"]);
});

test("a recording was heard when it grew, not when it was renamed", () => {
  const recording = { status: "recording", duration_ms: 3_000 };
  library.apply(clip("a", { ...recording, version: 1 }), 1_000);
  library.apply(clip("a", { ...recording, version: 2, name: "Renamed" }), 2_000);
  assert.equal(library.get("a").heard_ms, 1_000);
  library.apply(clip("a", { ...recording, version: 3, duration_ms: 6_000 }), 4_000);
  assert.equal(library.get("a").heard_ms, 4_000);
});

test("a list tells when its clips were heard, though never later than now", () => {
  const updated_at = "2026-11-22T10:00:00.000Z";
  library.add([clip("old", { updated_at }), clip("ahead", { updated_at: "2126-11-22T10:00:00.000Z" })]);
  assert.equal(library.get("old").heard_ms, Date.parse(updated_at));
  assert.ok(library.get("ahead").heard_ms <= Date.now());
});

test("what is deleted is in the bin, wherever it is kept", () => {
  const deleted_at = "2026-11-22T10:00:00.000Z";
  library.apply(clip("a", { deleted_at }));
  library.apply(clip("b"));
  library.keep(local("c", { deleted_at }));
  assert.deepEqual(library.deleted().map(({ id }) => id), ["a", "c"]);
});

test("how far a transcription is goes with its state, and late news of it are none", () => {
  const library = new Library();
  const hearing = { clip: { id: "a" }, percent: 40, text: "so far" };
  library.follow(hearing);
  assert.equal(library.get("a"), undefined);
  library.apply(clip("a", { version: 2, status: "transcribing" }));
  library.follow(hearing);
  assert.equal(library.get("a").hearing, hearing);
  library.apply(clip("a", { version: 3, status: "transcribing", name: "Renamed" }));
  assert.equal(library.get("a").hearing, hearing);
  library.apply(clip("a", { version: 4, status: "transcribing", error: "It waits for something." }));
  assert.equal(library.get("a").hearing, undefined);
  library.follow(hearing);
  library.apply(clip("a", { version: 5, status: "done", text: "all" }));
  library.follow(hearing);
  assert.equal(library.get("a").hearing, undefined);
});

test("captions stay with their clip until its transcript is there, whatever else is told of it", () => {
  const library = new Library();
  const told = { clip: { id: "a" }, from: 0, committed: "It was", tentative: " the" };
  library.caption(told);
  assert.equal(library.get("a"), undefined);
  library.apply(clip("a", { version: 1, status: "recording" }));
  library.caption(told);
  library.keep(local("a"));
  library.apply(clip("a", { version: 2, status: "pending" }));
  assert.deepEqual(library.get("a").captions, { missing: 0, settled: "It was", tentative: " the" });
  library.apply(clip("a", { version: 3, status: "done", text: "It was the best." }));
  library.caption(told);
  assert.equal(library.get("a").captions, undefined);
});

test("what is recalled is shown until the server says more, and goes when it is not in its list", () => {
  const at = (/** @type {number} */ n) => ({ created_at: `2026-11-22T10:00:0${n}.000Z` });
  library.recall([clip("new", at(4)), clip("gone", at(3)), clip("old", { ...at(1), version: 7 })]);
  assert.deepEqual(shown(), ["new", "gone", "old"]);
  assert.equal(library.recalled_since, "2026-11-22T10:00:01.000Z");
  const before = library.snapshot();
  library.recall([clip("new", { ...at(4), name: "again" })]);
  library.reconcile([clip("new", at(4)), clip("middle", at(2)), clip("old", { ...at(1), version: 3 })], before, false);
  assert.deepEqual(shown(), ["new", "middle", "old"]);
  assert.deepEqual(library.deleted(), [], "perhaps it never was on this server");
  assert.equal(library.truth("old").version, 3, "a server that was set back is right");
  assert.equal(library.recalled_since, null);
  assert.equal(library.apply(clip("old", { ...at(1), version: 2 })), false, "from now on versions count");
});

test("what waits is shown upon what the server says, which is known beside it", () => {
  const change = (more) => ({ seq: 1, id: "a", at: "2026-11-22T10:00:00.000Z", state: "waiting", ...more });
  library.change("a", [change({ kind: "name", value: "mine" })]);
  library.apply(clip("a", { name: "theirs" }));
  assert.deepEqual([library.get("a").clip.name, library.truth("a").name], ["mine", "theirs"]);
  library.apply(clip("a", { name: "theirs", text: "words", version: 2 }));
  assert.deepEqual([library.get("a").clip.name, library.get("a").clip.text], ["mine", "words"]);
  library.change("a", [change({ kind: "delete" })]);
  assert.deepEqual(shown(), []);
  library.change("a", []);
  assert.deepEqual([shown(), library.get("a").clip.name], [["a"], "theirs"]);
  changes.length = 0;
  library.change("a", []);
  assert.deepEqual(changes, [], "nothing new is not told");
});

test("while this device is cut off, nobody elsewhere is said to be silent", () => {
  library.apply(clip("a", { status: "recording" }), 1_000);
  library.cut(true, 5_000);
  library.cut(true, 9_000);
  assert.deepEqual([library.get("a").heard_ms, library.get("a").cut_ms], [1_000, 5_000]);
  library.cut(false, 60_000);
  assert.deepEqual([library.get("a").heard_ms, library.get("a").cut_ms], [60_000, undefined]);
});
