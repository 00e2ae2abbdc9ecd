/** What holds for every module of the page. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { parse } from "acorn";

const STATIC = new URL("../../static/", import.meta.url);
const MODULES = readdirSync(STATIC, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".js") && name !== "service-worker.js");

/** Show each node of a program, with those that it stands in. */
function walk(node, visit, within = []) {
  visit(node, within);
  for (const value of Object.values(node)) {
    for (const child of [value].flat()) {
      if (typeof child?.type === "string") walk(child, visit, [...within, node]);
    }
  }
}

const program = (/** @type {string} */ name) =>
  parse(readFileSync(new URL(name, STATIC), "utf8"), { ecmaVersion: "latest", sourceType: "module", locations: true });

test("no module awaits at its top level: WebKit fails a second import() of what waits for it", () => {
  const found = [];
  for (const name of MODULES) {
    walk(program(name), (node, within) => {
      const awaits = node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await);
      if (awaits && !within.some(({ type }) => /Function/.test(type))) found.push(`${name}:${node.loc.start.line}`);
    });
  }
  assert.deepEqual(found, []);
});

test("each part that comes later comes through late(), which keeps its promise", () => {
  const found = [];
  for (const name of MODULES) {
    walk(program(name), (node, within) => {
      if (node.type !== "ImportExpression") return;
      const isKept = within.some(({ type, callee }) => type === "CallExpression" && callee.name === "late");
      if (!isKept) found.push(`${name}:${node.loc.start.line}`);
    });
  }
  // The words are fetched when a language is chosen, and the page goes on in the one that it has.
  assert.deepEqual(found.filter((place) => !place.startsWith("shared/words.js")), []);
});
