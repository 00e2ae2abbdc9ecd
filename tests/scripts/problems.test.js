/** Modules without a view give codes, and one module says them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { viewOf } from "../../static/shared/clip-state.js";
import { Problem, reasonOf } from "../../static/shared/problem.js";
import { sentenceOf, sentenceOfError } from "../../static/shared/sentences.js";
import de from "../../static/words/de.js";
import en from "../../static/words/en.js";
import { local } from "./clips.js";

const CORE = {
  offline: "annotations audio-cache audio-formats changes install intake journal memory offline-library outbox persistence storage tus upload",
  recording: "advice capture levels microphones pieces recorder refusals sources stopwatch",
  shared: "api backoff captions feed late library polling problem sync titles",
};

const modules = Object.entries(CORE).flatMap(([folder, names]) => names.split(" ").map((name) => `${folder}/${name}.js`));
const source = (/** @type {string} */ path) => readFileSync(new URL(`../../static/${path}`, import.meta.url), "utf8");

test("no module without a view imports words", () => {
  for (const path of modules) assert.doesNotMatch(source(path), /^import .*\/(words|sentences|en|de)\.js"/m, path);
});

test("each code has a sentence in every language", () => {
  const codes = new Set(modules.flatMap((path) => [...source(path).matchAll(/"((?:server|device|microphone|offline|sources)\.\w+)"/g)].map(([, code]) => code)));
  assert.ok(codes.size > 20, [...codes].join());
  for (const code of codes) {
    for (const language of [en, de]) assert.match(sentenceOf({ code, values: ["a", 1, 2] }, language), /\S/, code);
  }
});

test("values are put into the sentence: numbers, bytes in units, and other codes", () => {
  const why = { code: "microphone.missing", values: [{ code: "microphone.again" }] };
  assert.equal(sentenceOf(why), "No microphone was found. Plug one in or switch it on, then press Record again.");
  assert.match(sentenceOf(why, de), /^Kein Mikrofon/);
  assert.equal(
    sentenceOf({ code: "device.largeFile", values: ["a.wav", { bytes: 2e6 }, { bytes: 1e6 }] }),
    "“a.wav” has 2 MB; the server takes at most 1 MB.",
  );
  assert.equal(sentenceOf([{ code: "server.signIn" }, { said: "Who are you?" }]), "Sign in again. Who are you?");
});

test("what others wrote stays, and what nobody knows says nothing", () => {
  assert.equal(sentenceOf({ said: "The store is away." }), "The store is away.");
  assert.equal(sentenceOf(null), "");
  assert.equal(sentenceOf({ code: "device.ofTomorrow" }), "");
  assert.equal(sentenceOfError(new TypeError("x is null")), "x is null");
  assert.deepEqual(reasonOf(new Problem("Said by a view.")), { said: "Said by a view." });
});

test("what an older release kept as a sentence is still shown, and what is kept now in the reader's language", () => {
  const status = (/** @type {object} */ more) => viewOf({ id: "a", at: "", clip: null, local: local("a", more) }).status;
  assert.equal(status({ problem: "The store is away." }), "Kept on this device, will be sent. The store is away.");
  assert.equal(status({ reason: { code: "server.unreadable" } }), "Kept on this device, will be sent. The server's answer could not be read.");
  assert.match(status({ state: "refused", reason: { said: "No sound." } }), /No sound\./);
});
