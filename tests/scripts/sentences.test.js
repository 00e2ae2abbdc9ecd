import assert from "node:assert/strict";
import { test } from "node:test";
import { told } from "../../static/shared/sentences.js";
import german from "../../static/words/de.js";

const TOO_LONG =
  "The sound is longer than 24 hours, the most that this server makes words of (MAX_AUDIO_HOURS). All of its bytes are kept.";
const STUCK = "The transcriber got stuck at this clip and was started again. Trying again (2 of 8).";

test("the server's sentences stay as they are in English, and so does what nobody knows", () => {
  for (const sentence of [TOO_LONG, STUCK, "The Whisper server is busy.", "", null]) assert.equal(told(sentence), sentence);
});

test("the server's sentences are said in the reader's language", () => {
  assert.match(told(TOO_LONG, german) ?? "", /^Der Ton ist länger als 24 Stunden; .* aufbewahrt\.$/);
  assert.match(told(STUCK, german) ?? "", /^Das Transkribieren blieb .* gestartet\. Nächster Versuch \(2 von 8\)\.$/);
});
