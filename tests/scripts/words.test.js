import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { chosen, LANGUAGES, speak, words } from "../../static/shared/words.js";
import ar from "../../static/words/ar.js";
import de from "../../static/words/de.js";
import en from "../../static/words/en.js";

const HTML = readFileSync(new URL("../../static/index.html", import.meta.url), "utf8");

/** @typedef {string|((...said: unknown[]) => string)} Word */

/** All words of a language by their keys, with the parts that they stand in. @param {object} words @returns {Map<string, Word>} */
function flat(words, before = "") {
  return new Map(
    Object.entries(words).flatMap(([key, word]) =>
      typeof word === "object" ? [...flat(word, `${before}${key}.`)] : [[`${before}${key}`, word]],
    ),
  );
}

const ENGLISH = flat(en);

/** Every other language by its code. */
const OTHERS = new Map(Object.entries({ de, ar }).map(([code, words]) => [code, flat(words)]));

/** @param {Map<string, Word>} words */
const shape = (words) =>
  // The server's refusals are English already; `intake.test.js` holds their translations to the server's sentences.
  [...words].filter(([key]) => !key.startsWith("refusals.")).map(([key, word]) => `${key} ${typeof word}`).sort();

/** @param {string} key */
const english = (key) => ENGLISH.get(key.includes(".") ? key : `page.${key}`);

/** @param {string} key @param {Word} word @param {unknown[]} given */
function said(key, word, given) {
  const sentence = typeof word === "string" ? word : word(...given);
  assert.match(sentence, /\S/, key);
  assert.doesNotMatch(sentence, /undefined|NaN|\[object|\{\}/, key);
  return sentence;
}

test("every language has a word for everything", () => {
  assert.deepEqual([...OTHERS.keys(), "en"].sort(), Object.keys(LANGUAGES).sort());
  for (const words of [ENGLISH, ...OTHERS.values()]) {
    assert.deepEqual(shape(words), shape(ENGLISH));
    for (const [key, word] of words) {
      // Lists are said as texts; all others as numbers, of which Arabic has six kinds.
      const all = key === "firstVisit.taken" ? [[[]], [["5 GB", "10 h"]]] : [1, 2, 3, 11, 100].map((n) => [n, n, n]);
      for (const given of all) said(key, word, given);
    }
  }
});

test("the server's refusals are said in every language", () => {
  const known = (/** @type {Map<string, Word>} */ words) => [...words.keys()].filter((key) => key.startsWith("refusals.")).sort();
  for (const words of OTHERS.values()) assert.deepEqual(known(words), known(/** @type {any} */ (OTHERS.get("de"))));
});

test("Arabic counts as Arabic does, and its figures are those of the clock", async () => {
  await speak("ar");
  assert.deepEqual([1, 2, 3, 11, 100].map((n) => words.time.hours(n)), ["ساعة واحدة", "ساعتان", "3 ساعات", "11 ساعة", "100 ساعة"]);
  assert.equal(chosen(["ar-EG"]).locale, "ar-EG-u-nu-latn");
  assert.equal((1234).toLocaleString(chosen(["ar-EG"]).locale).replace(/\D/g, ""), "1234");
  await speak("en");
  assert.equal(words.time.hours(2), "2 hours");
});

test("no language is left in English", () => {
  // Some words are the same: those are named here.
  const same = /^(Name|Version|Offline|Pause|ok|Audio|Text|Filter|Tags?|Passkeys|min|h|s|Dictaphone|.*\d.*|[^a-z]*)$/;
  for (const [key, word] of [...OTHERS.values()].flatMap((words) => [...words])) {
    const isKey = /\.keys\.\d+\.0$/.test(key);
    if (typeof word === "string" && !isKey && !same.test(word)) assert.notEqual(word, ENGLISH.get(key), key);
  }
});

test("the markup holds the English words, and names each of them", () => {
  const texts = [...HTML.matchAll(/data-words="([\w.]+)"[^>]*>([^<]*)</g)];
  const labels = [...HTML.matchAll(/<[^>]*data-words-label="([\w.]+)"[^>]*>/g)];
  assert.ok(texts.length > 20 && labels.length > 10);
  for (const [, key, said] of texts) assert.equal(said, english(key), key);
  for (const [tag, key] of labels) {
    for (const [, said] of tag.matchAll(/(?:aria-label|title)="([^"]*)"/g)) assert.equal(said, english(key), key);
  }
});

test("whatever the markup says can be said in another language", () => {
  const body = HTML.slice(HTML.indexOf("<body"));
  for (const [, tag, said] of body.matchAll(/<([^<>]*)>([^<>]*[A-Za-z]{2}[^<>]*)</g)) {
    if (!tag.startsWith("!--") && !["h1", "title"].includes(tag)) assert.match(tag, /data-words=/, said);
  }
  for (const [tag] of body.matchAll(/<[^>]*(?:aria-label|title)="[^>]*>/g)) assert.match(tag, /data-words-label=/, tag);
});

test("a name turns no sentence around", () => {
  for (const name of ["a\u202egpj", "\u2066\u2069\u202ea", "\u202b"]) {
    assert.doesNotMatch(words.device.emptyFile(name), /[\u202a-\u202e\u2066-\u2069]/);
    assert.doesNotMatch(words.offline.refused.name(name, "No."), /[\u202a-\u202e\u2066-\u2069]/);
  }
  assert.equal(words.device.emptyFile("שלום\u200f"), "“שלום\u200f” is empty.");
});

test("the reader's first language that we speak is taken", () => {
  assert.deepEqual(chosen([]), { code: "en", locale: "en" });
  assert.deepEqual(chosen(["fr-FR", "de-AT", "en"]), { code: "de", locale: "de-AT" });
  assert.deepEqual(chosen(["EN-gb", "de"]), { code: "en", locale: "EN-gb" });
  assert.deepEqual(chosen(["den", "endonym"]), { code: "en", locale: "en" });
});

test("the page to sign in says everything in every language", async () => {
  const { WORDS } = await import("../../static/sign-in/words.js");
  const kinds = (/** @type {object} */ said) => Object.entries(said).map(([key, word]) => `${key} ${typeof word === "object" ? kinds(word) : typeof word}`).sort();
  for (const said of Object.values(WORDS)) assert.deepEqual(kinds(said), kinds(WORDS.en));
});
