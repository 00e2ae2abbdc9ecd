import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "../../static/scripts/clip-state.js";
import { clip, local } from "./clips.js";

const view = (more, kept = null) =>
  viewOf({ id: "a", at: "2026-11-22T10:00:00.000Z", clip: more && clip("a", more), local: kept }, "en");

test("each state of a clip has its words", () => {
  assert.deepEqual([view({}).kind, view({}).status], ["waiting", "Waiting to be transcribed"]);
  assert.equal(view({ status: "transcribing" }).kind, "transcribing");
  assert.equal(view({ status: "done", text: "Hello" }).status, "");
  assert.equal(view({ status: "done", text: "" }).status, "No words were heard.");
  assert.match(view({ status: "off" }).status, /no recognizer/);
});

test("a failure says its sentence and offers to retry", () => {
  const failed = view({ status: "failed", error: "Whisper answered nonsense." });
  assert.deepEqual([failed.status, failed.retry], ["Whisper answered nonsense.", true]);
});

test("the facts name duration, language and recognizer of what was heard, and of nothing else", () => {
  const heard = view({ status: "done", text: "Hi", language: "de", recognizer: "tiny" });
  assert.match(heard.facts, /^.+ · 0:04 · German · tiny$/);
  assert.doesNotMatch(view({ status: "done", text: "", language: "de", recognizer: "tiny" }).facts, /German|tiny/);
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
