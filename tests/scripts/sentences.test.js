import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { told } from "../../static/shared/sentences.js";
import arabic from "../../static/words/ar.js";
import german from "../../static/words/de.js";

const TOO_LONG =
  "The sound is longer than 24 hours, the most that this server makes words of (MAX_AUDIO_HOURS). All of its bytes are kept.";
const STUCK = "The transcriber got stuck at this clip and was started again. Trying again (2 of 8).";

test("the server's sentences stay as they are in English, and so does what nobody knows", () => {
  for (const sentence of [TOO_LONG, STUCK, "The Whisper server is busy.", "", null]) assert.equal(told(sentence), sentence);
});

/** Where the server writes sentences about a clip; each of them is known in every language. */
const SERVER = ["audio/demux.py", "audio/fetch.py", "audio/limits.py", "jobs/prepare.py", "jobs/render.py", "jobs/verdict.py"];

/** Of an operator, or of a request that a person has just made. */
const OTHERS = /PROGRAMMING_ERROR_ADVICE|NO_SUCH_TRACK|METADATA_OPTIONS|DEMUXERS/;

test("every sentence that the server writes beside a clip is known here", () => {
  let known = 0;
  for (const path of SERVER) {
    const source = readFileSync(new URL(`../../services/transcriber/${path}`, import.meta.url), "utf8");
    for (const [, name, one, many] of source.matchAll(/^([A-Z_]+) = (?:"([^"]+\.)"|\(\n((?: +f?"[^"]*"\n)+)\))$/gm)) {
      if (OTHERS.test(name)) continue;
      const parts = many ? [...many.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join("") : one;
      const sentence = parts.replace(/\{[^}]*\}/g, "3");
      for (const words of [german, arabic]) assert.notEqual(told(sentence, words), sentence, `${path}: ${name}`);
      known += 1;
    }
  }
  assert.ok(known >= 8, `${known} sentences were found`);
});

test("the server's sentences are said in the reader's language", () => {
  assert.match(told(TOO_LONG, german) ?? "", /^Der Ton ist länger als 24 Stunden; .* aufbewahrt\.$/);
  assert.match(told(STUCK, german) ?? "", /^Das Transkribieren blieb .* gestartet\. Nächster Versuch \(2 von 8\)\.$/);
});
