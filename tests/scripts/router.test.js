import assert from "node:assert/strict";
import { test } from "node:test";

import { address, clipAddress, place, placeOf, Router } from "../../static/shared/router.js";

const at = (/** @type {string} */ url) => placeOf(new URL(url, "https://example.org"));

test("each place has an address that leads back to it", () => {
  for (const name of /** @type {const} */ (["list", "recording", "settings", "bin"])) {
    assert.deepEqual(at(address(place(name))), place(name));
  }
  const clip = place("clip", { id: "a-1", ms: 61_000, tab: "notes" });
  assert.equal(address(clip), "/clips/a-1?t=61&tab=notes");
  assert.deepEqual(at(address(clip)), clip);
  assert.equal(clipAddress("a/b", 999), "/clips/a%2Fb");
});

test("links of older releases lead where they led", () => {
  assert.deepEqual(at("/#clip=A-1&t=61.5"), place("clip", { id: "a-1", ms: 61_500 }));
  assert.deepEqual(at("/#bin"), place("bin"));
  assert.deepEqual(at("/#clip=a-1&t=soon"), place("clip", { id: "a-1" }));
});

test("what no place has is the list, and what cannot be read is no fault", () => {
  assert.deepEqual(at("/elsewhere?x=1#q=word"), place("list"));
  assert.deepEqual(at("/clips/"), place("list"));
  assert.deepEqual(at("/clips/%E0%A4%A?t=-1&tab=other"), place("clip", { id: "%e0%a4%a" }));
});

/** A window with a history of its own, as far as the router touches one. @param {string} start */
function fakeWindow(start) {
  const page = /** @type {any} */ (new EventTarget());
  let at = 0;
  const entries = [{ url: new URL(start, "https://example.org"), state: /** @type {any} */ (null) }];
  page.document = new EventTarget();
  page.location = new Proxy({}, { get: (_, name) => /** @type {any} */ (entries[at].url)[name] });
  const entry = (/** @type {any} */ state, /** @type {string} */ url) => ({ url: new URL(url, entries[at].url), state });
  page.history = {
    get state() {
      return entries[at].state;
    },
    pushState: (/** @type {any} */ state, /** @type {any} */ _, /** @type {string} */ url) =>
      void entries.splice(++at, entries.length, { url: new URL(url, entries[at - 1].url), state }),
    replaceState: (/** @type {any} */ state, /** @type {any} */ _, /** @type {string} */ url) => void (entries[at] = entry(state, url)),
    back: () => {
      at -= 1;
      page.dispatchEvent(new Event("popstate"));
    },
    get length() {
      return entries.length;
    },
  };
  return page;
}

test("the question stays from place to place, and Back leaves first one, then the other", () => {
  const page = fakeWindow("/");
  const router = new Router(page);
  const told = /** @type {string[]} */ ([]);
  router.addEventListener("place", () => told.push(`place ${address(router.place)}`));
  router.addEventListener("ask", () => told.push(`ask ${page.location.hash}`));
  router.ask("#q=a");
  router.ask("#q=ab", { replace: true });
  router.go(place("clip", { id: "a", ms: 61_000 }));
  assert.equal(page.location.pathname + page.location.search + page.location.hash, "/clips/a?t=61#q=ab");
  router.ask("#q=b");
  page.history.back();
  page.history.back();
  page.history.back();
  assert.deepEqual(told, [
    ...["ask #q=a", "ask #q=ab", "place /clips/a?t=61", "ask #q=b"],
    // The clip stays where it is, and is not taken to its moment again.
    ...["ask #q=ab", "place /", "ask #q=ab", "ask "],
  ]);
});

test("one leaves to the list, by Back only where that leads there", () => {
  const page = fakeWindow("/");
  const router = new Router(page);
  router.go(place("clip", { id: "a" }));
  router.leave();
  assert.equal(router.place.name, "list");
  assert.equal(page.history.length, 2, "by Back");
  router.go(place("clip", { id: "a" }));
  router.go(place("clip", { id: "b" }));
  router.leave();
  assert.equal(router.place.name, "list");
  assert.equal(page.history.length, 4, "by a step forward");
  const deep = new Router(fakeWindow("/clips/a"));
  deep.leave();
  assert.equal(deep.place.name, "list", "there is nothing before it");
});
