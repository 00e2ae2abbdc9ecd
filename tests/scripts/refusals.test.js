import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { obstacle, refusal } from "../../static/recording/refusals.js";
import { shortage } from "../../static/offline/storage.js";
import { loudness } from "../../static/recording/visualizer.js";
import { sentenceOf } from "../../static/shared/sentences.js";

test("each obstacle has its own sentence", () => {
  const all = { secure: true, microphone: true, recorder: true };
  assert.equal(obstacle(all), null);
  assert.match(sentenceOf(obstacle({ ...all, secure: false, microphone: false })), /HTTPS/);
  assert.match(sentenceOf(obstacle({ ...all, microphone: false })), /no microphone/);
  assert.match(sentenceOf(obstacle({ ...all, recorder: false })), /cannot record/);
});

test("each refusal has its own sentence", () => {
  const said = (/** @type {string} */ name, message = "") => sentenceOf(refusal(new DOMException(message, name)));
  assert.match(said("NotAllowedError"), /not allowed for this page/);
  assert.match(said("NotAllowedError", "Permission denied by system"), /privacy settings/);
  assert.match(said("NotFoundError"), /No microphone was found/);
  assert.match(said("NotReadableError"), /busy/);
  assert.match(said("InvalidStateError", "odd"), /did not start \(odd\)/);
  assert.match(sentenceOf(refusal("nonsense")), /gives no reason/);
  assert.equal(sentenceOf(refusal(new Problem("Another tab has it."))), "Another tab has it.");
});

test("loudness is 0 for silence, 1 for shouting, between them for speech", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(new Float32Array(64).fill(0.9)), 1);
  const speech = loudness(new Float32Array(64).fill(0.05));
  assert.ok(speech > 0.5 && speech < 0.8, `${speech}`);
});

test("room that runs out is said before it is gone, as time where that can be known", () => {
  const room = (/** @type {number} */ free) => ({ quota: 10e9, usage: 10e9 - free });
  assert.equal(shortage(true, room(5e9), 1e6, 60_000), null);
  assert.match(sentenceOf(shortage(true, room(150e6), 0, 0)), /for little more/);
  assert.match(sentenceOf(shortage(true, room(300e6), 100e6, 600_000)), /about 30 more minutes/);
  assert.equal(shortage(true, null, 1e6, 60_000), null, "a browser that does not say is not doubted");
  assert.match(sentenceOf(shortage(false, room(5e9), 0, 0)), /leave this page open/);
});
