import assert from "node:assert/strict";
import { test } from "node:test";
import { container, obstacle, refusal } from "../../static/scripts/recorder.js";
import { loudness } from "../../static/scripts/views/visualizer.js";

test("Safari records MP4 if it can, all others WebM, and the browser chooses where neither is known", () => {
  assert.equal(
    container(() => true, true),
    "audio/mp4;codecs=mp4a.40.2",
  );
  assert.equal(
    container(() => true, false),
    "audio/webm;codecs=opus",
  );
  assert.equal(
    container((mime) => mime === "audio/mp4", false),
    "audio/mp4",
  );
  assert.equal(
    container(() => false, false),
    "",
  );
});

test("each obstacle has its own sentence", () => {
  const all = { secure: true, microphone: true, recorder: true };
  assert.equal(obstacle(all), null);
  assert.match(obstacle({ ...all, secure: false, microphone: false }), /HTTPS/);
  assert.match(obstacle({ ...all, microphone: false }), /no microphone/);
  assert.match(obstacle({ ...all, recorder: false }), /cannot record/);
});

test("each refusal has its own sentence", () => {
  const said = (/** @type {string} */ name, message = "") => refusal(new DOMException(message, name));
  assert.match(said("NotAllowedError"), /not allowed for this page/);
  assert.match(said("NotAllowedError", "Permission denied by system"), /privacy settings/);
  assert.match(said("NotFoundError"), /No microphone was found/);
  assert.match(said("NotReadableError"), /busy/);
  assert.match(said("InvalidStateError", "odd"), /did not start \(odd\)/);
  assert.match(refusal("nonsense"), /gives no reason/);
});

test("loudness is 0 for silence, 1 for shouting, between them for speech", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(new Float32Array(64).fill(0.9)), 1);
  const speech = loudness(new Float32Array(64).fill(0.05));
  assert.ok(speech > 0.5 && speech < 0.8, `${speech}`);
});
