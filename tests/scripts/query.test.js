import assert from "node:assert/strict";
import { test } from "node:test";
import { isAsked, NOTHING, order, read, wish, write } from "../../static/search/query.js";

const asked = (more) => ({ ...NOTHING, ...more });

test("what is asked for stands in the address, and is read from it again", () => {
  const queries = [
    asked({ q: "café & crème #1 100%" }),
    asked({ days: "7", tag: ["a b", "ü&=#"], length: "short", state: "failed", sort: "name" }),
    asked({ from: "2026-02-28", to: "2026-03-01" }),
    asked({ q: "x", sort: "newest" }),
    asked({ sort: "oldest" }),
    asked({ starred: "true", tag: ["home"] }),
  ];
  for (const query of queries) assert.deepEqual(read(write(query)), query, write(query));
});

test("nothing has no address, and neither has the usual order", () => {
  assert.equal(write(NOTHING), "");
  assert.equal(write(asked({ q: "  ", sort: "newest" })), "");
  assert.equal(write(asked({ q: "a", sort: "best" })), "#q=a");
  assert.equal(isAsked(asked({ sort: "best" })), false, "without words nothing is better than anything else");
  assert.equal(isAsked(asked({ tag: ["a"] })), true);
});

test("an address that people or programs have mangled asks for what can be understood of it", () => {
  const mangled = "#days=-3&from=yesterday&to=2026-13&length=huge&state=&sort=random&tag=&tag=a&tag=a&constructor=1";
  assert.deepEqual(read(mangled), asked({ tag: ["a"] }));
  assert.deepEqual(read(""), NOTHING);
  assert.equal(read("#from=2026-02-31").from, "2026-02-31", "a day too many is one later, as Date has it");
});

test("the server is asked for instants: local days, the last one included", () => {
  const now = new Date(2026, 10, 23, 15, 30);
  const day = (n, month = 10) => new Date(2026, month, n).toISOString();
  assert.deepEqual(wish(asked({ days: "1" }), now), { from: day(23), sort: "newest" });
  assert.deepEqual(wish(asked({ days: "7" }), now), { from: day(17), sort: "newest" });
  assert.deepEqual(wish(asked({ from: "2026-11-01", to: "2026-11-30" }), now), {
    ...{ from: day(1), to: day(1, 11), sort: "newest" },
  });
});

test("lengths touch and do not overlap, states are the server's", () => {
  const { longest_ms } = wish(asked({ length: "short" }));
  assert.equal(longest_ms + 1, wish(asked({ length: "medium" })).shortest_ms);
  assert.equal(wish(asked({ length: "hours" })).longest_ms, undefined);
  assert.deepEqual(wish(asked({ state: "doing" })).status, ["recording", "pending", "transcribing"]);
});

test("words come by relevance unless another order is chosen", () => {
  assert.equal(order(asked({ q: "a" })), "best");
  assert.equal(order(asked({ q: "a", sort: "oldest" })), "oldest");
  assert.equal(order(asked({ sort: "best" })), "newest");
  assert.equal(order(NOTHING), "newest");
});
