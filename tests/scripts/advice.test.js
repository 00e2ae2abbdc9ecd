import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceFor, device } from "../../static/recording/advice.js";
import de from "../../static/words/de.js";
import en from "../../static/words/en.js";

const WAKE_LOCK = { request: async () => {} };

for (const [what, browser, expected] of /** @type {[string, any, string[]][]} */ ([
  ["a tab of Safari on an iPhone", { navigator: { standalone: false, wakeLock: WAKE_LOCK } }, []],
  ["a home-screen app before iOS 18.4", { navigator: { standalone: true, wakeLock: WAKE_LOCK } }, ["staysOpen", "screenOn"]],
  ["a home-screen app", { navigator: { standalone: true, wakeLock: WAKE_LOCK }, cookieStore: {} }, ["staysOpen"]],
  ["a computer", { navigator: { wakeLock: WAKE_LOCK }, cookieStore: {} }, []],
  ["a browser without a wake lock, or a page over plain HTTP", { navigator: {} }, ["screenOn"]],
])) {
  test(`what is to be known before a recording in ${what}`, () => assert.deepEqual(adviceFor(device(browser)), expected));
}

test("each advice has a sentence in every language", () => {
  for (const code of adviceFor({ isHomeScreenApp: true, keepsScreenOn: false })) {
    for (const { advice } of [en, de]) assert.match(advice[code], /\.$/);
  }
});
