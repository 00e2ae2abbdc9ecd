import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Polling } from "../../static/shared/polling.js";
import { settle } from "./microphone.js";

/** What the polling asked for, in order. @type {string[]} */
let asked;
let seen;
/** @type {() => Promise<void>} */
let read;
/** @type {Polling} */
let polling;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(Math, "random", () => 0.5);
  mock.method(performance, "now", () => 0);
  [asked, seen, read] = [[], true, async () => {}];
  polling = new Polling({
    read: async () => (asked.push("read"), read()),
    retry: () => asked.push("retry"),
    answered: () => asked.push("answered"),
    isVisible: () => seen,
  });
});

afterEach(() => {
  polling.stop();
  mock.timers.reset();
  mock.restoreAll();
});

/** @param {number} seconds */
async function pass(seconds) {
  for (let second = 0; second < seconds; second += 1) {
    mock.timers.tick(1_000);
    await settle();
  }
}

test("a connection that is back soon costs no request", async () => {
  polling.start();
  await pass(4);
  polling.stop();
  await pass(20);
  assert.deepEqual(asked, []);
});

test("events that stay away have the list read, the connection tried at once, and then the page told", async () => {
  polling.start();
  await pass(17);
  assert.deepEqual(asked, ["read", "retry", "read", "answered", "read"], "the page is told once");
});

test("each attempt to connect that fails starts nothing twice", async () => {
  for (let second = 0; second < 17; second += 1) {
    polling.start();
    await pass(1);
  }
  assert.equal(asked.filter((call) => call === "read").length, 3);
});

test("a server that is away is waited for, and nothing is said of events", async () => {
  let answer = () => {};
  read = () => new Promise((resolve) => (answer = resolve));
  polling.start();
  await pass(60);
  assert.deepEqual(asked, ["read"]);
  answer();
  await settle();
  assert.deepEqual(asked, ["read", "retry"]);
});

test("events that come while the list is read end it", async () => {
  let answer = () => {};
  read = () => new Promise((resolve) => (answer = resolve));
  polling.start();
  await pass(6);
  polling.stop();
  answer();
  await pass(30);
  assert.deepEqual(asked, ["read"]);
});

test("a page that nobody sees asks for nothing", async () => {
  seen = false;
  polling.start();
  await pass(30);
  assert.deepEqual(asked, []);
  seen = true;
  await pass(6);
  assert.deepEqual(asked, ["read", "retry"]);
});
