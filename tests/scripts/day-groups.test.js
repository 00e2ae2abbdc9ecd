import assert from "node:assert/strict";
import { test } from "node:test";
import { newestFirst } from "../../static/shared/library.js";
import { VirtualList } from "../../static/list/virtual-list.js";
import { DayGroups } from "../../static/list/day-groups.js";

/** Chance that is the same in every run. */
function* chance(seed = 7) {
  for (;;) yield (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const item = (/** @type {number} */ n, height = 10) => ({
  ...{ id: `c${n}`, at: new Date(1e12 + n * 60_000).toISOString(), rank: n, day: "", height },
});

test("whatever comes and goes, the order and all heights are those of a plain list", () => {
  const random = chance();
  const next = (/** @type {number} */ below) => Math.floor(random.next().value * below);
  const roll = new VirtualList(newestFirst);
  let plain = [];
  for (let step = 0; step < 6_000; step++) {
    const act = next(10);
    if (act < 6 || !plain.length) {
      const added = item(step * 1_000 + next(1_000), 1 + next(200));
      roll.add(added);
      plain.push(added);
      plain.sort(newestFirst);
    } else if (act < 8) {
      const [removed] = plain.splice(next(plain.length), 1);
      roll.remove(removed);
    } else roll.resize(plain[next(plain.length)], 1 + next(200));
  }
  const tops = [];
  let top = 0;
  for (const { height } of plain) {
    tops.push(top);
    top += height;
  }
  assert.equal(roll.length, plain.length);
  assert.ok(plain.length > 2_000, "many blocks");
  assert.equal(roll.height, top);
  assert.deepEqual(roll.slice(), plain);
  assert.deepEqual(roll.slice(-3, 4), plain.slice(0, 4));
  assert.deepEqual(roll.slice(900, 1_500), plain.slice(900, 1_500));
  assert.equal(roll.last, plain.at(-1));
  for (const index of [0, 1, 255, 256, 1_000, plain.length - 1]) {
    assert.deepEqual(roll.place(plain[index]), { index, top: tops[index] });
  }
  for (const [from, to] of [[-500, 300], [0, 0], [5_000.5, 6_700], [top - 100, top + 900]]) {
    const expected = plain.flatMap((one, at) =>
      tops[at] <= to && tops[at] + one.height >= from ? [{ item: one, top: tops[at] }] : [],
    );
    assert.deepEqual(roll.between(from, to), expected, `${from} to ${to}`);
  }
});

test("a hundred thousand come and go in less than a frame each, far less", () => {
  const roll = new VirtualList(newestFirst);
  for (let n = 0; n < 100_000; n++) roll.add(item(n * 2));
  const began = performance.now();
  for (let n = 0; n < 1_000; n++) {
    const added = item(n * 200 + 1);
    roll.add(added);
    roll.resize(added, 50);
    roll.between(roll.place(added).top, roll.place(added).top + 3_000);
    roll.remove(added);
  }
  const each_ms = (performance.now() - began) / 1_000;
  assert.ok(each_ms < 1, `${each_ms} ms`);
});

const at = (/** @type {number} */ date, /** @type {number} */ hour) => new Date(2026, 10, date, hour).toISOString();
const shown = (/** @type {DayGroups} */ shelf) => shelf.roll.slice().map(({ id, day }) => id || day);

test("each day has its heading as long as it has clips, midnight's clips are the new day's", () => {
  const shelf = new DayGroups();
  shelf.add("b", at(22, 9));
  shelf.add("a", at(21, 23));
  shelf.add("c", at(22, 0));
  shelf.add("d", at(23, 0));
  shelf.add("d", at(23, 0));
  assert.deepEqual(shown(shelf), ["2026-11-23", "d", "2026-11-22", "b", "c", "2026-11-21", "a"]);
  assert.deepEqual([shelf.size, shelf.numbered(shelf.get("c"))], [4, { number: 2, of: 2 }]);
  shelf.remove("a");
  shelf.remove("b");
  shelf.remove("never there");
  assert.deepEqual(shown(shelf), ["2026-11-23", "d", "2026-11-22", "c"]);
});

test("what a server has ordered stays in its order, with days or without", () => {
  const found = new DayGroups({ ranked: true });
  for (const [id, date] of [["x", 3], ["y", 9], ["z", 3]]) found.add(id, at(date, 12));
  assert.deepEqual(shown(found), ["x", "y", "z"]);
  assert.deepEqual(found.numbered(found.get("z")), { number: 3, of: 3 });
  const oldest = new DayGroups({ ranked: true, dated: true });
  for (const [id, date] of [["x", 3], ["z", 3], ["y", 9]]) oldest.add(id, at(date, 12));
  assert.deepEqual(shown(oldest), ["2026-11-03", "x", "z", "2026-11-09", "y"]);
});

test("a range is the clips from one to the other, whichever was first, without headings", () => {
  const shelf = new DayGroups();
  for (let n = 1; n <= 9; n++) shelf.add(`c${n}`, at(20 + (n % 3), n));
  const all = shelf.ids();
  assert.equal(all.length, 9);
  assert.deepEqual(shelf.ids(all[2], all[6]), all.slice(2, 7));
  assert.deepEqual(shelf.ids(all[6], all[2]), all.slice(2, 7));
  assert.deepEqual(shelf.ids(all[4], all[4]), [all[4]]);
});

test("what was never measured is taken to be as high as others are", () => {
  const shelf = new DayGroups();
  shelf.add("a", at(1, 1));
  shelf.measure(shelf.get("a"), 240);
  shelf.add("b", at(1, 2));
  assert.equal(shelf.get("b").height, 240);
  assert.equal(shelf.roll.height, 480 + shelf.roll.slice(0, 1)[0].height);
});
