import assert from "node:assert/strict";
import { test } from "node:test";
import { Selection } from "../../static/list/selection.js";

const ALL = ["a", "b", "c", "d", "e"];
const between = (from, to) => {
  const [one, other] = [ALL.indexOf(from), ALL.indexOf(to)].sort();
  return ALL.slice(Math.max(one, 0), other + 1);
};
const chosen = (selection) => [...selection.ids].sort().join("");

test("one by one, and in a row from the last one, either way, out as well as in", () => {
  const selection = new Selection();
  selection.pick("b", true, between);
  assert.equal(chosen(selection), "b", "there is nothing to begin at");
  selection.pick("d", true, between);
  assert.equal(chosen(selection), "bcd");
  selection.pick("a", true, between);
  assert.equal(chosen(selection), "abcd");
  selection.pick("c", false, between);
  assert.equal(chosen(selection), "d");
  selection.pick("e", true);
  assert.equal(chosen(selection), "de");
});

test("a row that would begin at a clip that is gone is that one clip", () => {
  const selection = new Selection();
  selection.pick("gone", true);
  selection.pick("d", true, between);
  assert.equal(chosen(selection), "dgone");
  selection.set(ALL);
  assert.equal(selection.size, 5);
});
