import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { chosen } from "../../static/scripts/words.js";
import de from "../../static/scripts/words/de.js";
import en from "../../static/scripts/words/en.js";

const HTML = readFileSync(new URL("../../static/index.html", import.meta.url), "utf8");

/** @typedef {Record<string, Record<string, string|((...said: unknown[]) => string)>>} Parts */

/** @param {object} words @returns {string[]} */
const shape = (words) =>
  Object.entries(/** @type {Parts} */ (words)).flatMap(([part, said]) =>
    Object.entries(said).map(([key, word]) => `${part}.${key} ${typeof word} ${word.length && typeof word}`),
  );

/** @param {string} key */
function english(key) {
  const [part, name] = key.includes(".") ? key.split(".") : ["page", key];
  return /** @type {Parts} */ (/** @type {unknown} */ (en))[part]?.[name];
}

test("both languages have a word for everything", () => {
  assert.deepEqual(shape(de).sort(), shape(en).sort());
  for (const words of [en, de]) {
    for (const [part, said] of Object.entries(/** @type {Parts} */ (/** @type {unknown} */ (words)))) {
      for (const [key, word] of Object.entries(said)) {
        for (const n of [1, 2]) {
          const sentence = typeof word === "string" ? word : word(n, n, n);
          assert.match(sentence, /\S/, `${part}.${key}`);
          assert.doesNotMatch(sentence, /undefined|NaN|\[object/, `${part}.${key}`);
        }
      }
    }
  }
});

test("no German is left in English", () => {
  // Some words are the same: those are named here.
  const same = /^(Name|Offline|Pause|ok|Audio|Text|Filter|Tags?|min|h|s|Dictaphone|.*\d.*|[^a-z]*)$/;
  for (const [part, said] of Object.entries(/** @type {Parts} */ (/** @type {unknown} */ (de)))) {
    for (const [key, word] of Object.entries(said)) {
      const other = /** @type {Parts} */ (/** @type {unknown} */ (en))[part][key];
      if (typeof word === "string" && !same.test(word)) assert.notEqual(word, other, `${part}.${key}`);
    }
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

test("the reader's first language that we speak is taken", () => {
  assert.deepEqual(chosen([]), { code: "en", locale: "en" });
  assert.deepEqual(chosen(["fr-FR", "de-AT", "en"]), { code: "de", locale: "de-AT" });
  assert.deepEqual(chosen(["EN-gb", "de"]), { code: "en", locale: "EN-gb" });
  assert.deepEqual(chosen(["den", "endonym"]), { code: "en", locale: "en" });
});
