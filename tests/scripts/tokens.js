/** Counts the pairs of programs that have the same tokens on the same lines. */

import { readFileSync } from "node:fs";
import { tokenizer } from "acorn";

/** @param {string} path */
function tokens(path) {
  const read = tokenizer(readFileSync(path, "utf8"), { ecmaVersion: "latest", sourceType: "module", locations: true });
  return JSON.stringify([...read].map(({ type, value, loc }) => [type.label, value, loc?.start.line]));
}

/** @type {{pairs: [string, string][]}} */
const { pairs } = JSON.parse(process.argv[2]);
const other = pairs.filter(([written, sent]) => tokens(written) !== tokens(sent));
console.log(JSON.stringify(other.length ? { other } : { same: pairs.length }));
