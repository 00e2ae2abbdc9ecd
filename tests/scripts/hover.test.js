/** Whatever is shown under a pointer is there for fingers and keyboards, too. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { generate, parse, walk } from "css-tree";

const STATIC = new URL("../../static/", import.meta.url);

/** By these a thing comes and goes; all others only change how it looks. */
const APPEARANCE = new Set(["display", "visibility", "opacity", "pointer-events", "clip-path", "content-visibility"]);

/** Rules by which only a pointer reaches something. @param {string} source */
function hoverOnly(source) {
  /** @type {string[]} */
  const found = [];
  walk(parse(source), {
    visit: "Rule",
    enter(rule) {
      const selector = generate(rule.prelude);
      const comes = rule.block.children.some((one) => one.type === "Declaration" && APPEARANCE.has(one.property));
      if (!selector.includes(":hover") || !comes) return;
      const isForPointers = generate(this.atrule?.prelude ?? { type: "Raw", value: "" }).includes("hover:hover");
      if (!selector.includes(":focus") || !isForPointers) found.push(selector);
    },
  });
  return found;
}

test("nothing comes by hover alone: keyboards reach it by focus, and fingers find it shown", () => {
  const sheets = readdirSync(STATIC, { recursive: true }).map(String).filter((path) => path.endsWith(".css"));
  assert.ok(sheets.length > 5);
  const found = sheets.flatMap((path) => hoverOnly(readFileSync(new URL(path, STATIC), "utf8")).map((one) => `${path}: ${one}`));
  assert.deepEqual(found, []);
});

test("what comes by hover alone is found", () => {
  assert.equal(hoverOnly(".a:hover .b { visibility: visible }").length, 1);
  assert.equal(hoverOnly(".a:not(:hover, :focus-within) .b { opacity: 0 }").length, 1);
  assert.equal(hoverOnly("@media (hover: hover) { .a:hover .b { opacity: 1 } }").length, 1);
  assert.equal(hoverOnly("@media (hover: hover) { .a:not(:hover, :focus-within) .b { opacity: 0 } }").length, 0);
  assert.equal(hoverOnly(".a:hover { background: red }").length, 0);
});
