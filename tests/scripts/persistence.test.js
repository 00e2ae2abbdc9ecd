import assert from "node:assert/strict";
import { test } from "node:test";
import { askToKeep } from "../../static/offline/persistence.js";
import de from "../../static/words/de.js";
import en from "../../static/words/en.js";

const answers = (isPersistent) => ({ persist: async () => isPersistent, persisted: async () => isPersistent });
const fails = { persist: () => Promise.reject(new TypeError("no")), persisted: () => Promise.reject(new TypeError("no")) };

for (const [what, browser, expected] of /** @type {[string, any, string][]} */ ([
  ["a browser that promises", { storage: answers(true), vendor: "Google Inc." }, "kept"],
  ["a browser that does not", { storage: answers(false), vendor: "Google Inc." }, "untilFull"],
  ["Firefox, whose person said no", { storage: answers(false), vendor: "" }, "untilFull"],
  ["Safari", { storage: answers(false), vendor: "Apple Computer, Inc.", standalone: false }, "sevenDays"],
  ["Safari that promises", { storage: answers(true), vendor: "Apple Computer, Inc." }, "kept"],
  ["an app of an iPhone's home screen", { storage: answers(false), vendor: "Apple Computer, Inc.", standalone: true }, "untilFull"],
  ["a browser that fails", { storage: fails, vendor: "Apple Computer, Inc." }, "sevenDays"],
  ["a page over plain HTTP", { vendor: "Google Inc." }, "untilFull"],
])) {
  test(`how long it is kept by ${what}`, async () => {
    for (const isAsking of [true, false]) assert.equal(await askToKeep(isAsking, browser), expected);
    for (const { persistence } of [en, de]) assert.match(persistence[expected], /\.$/);
  });
}
