import assert from "node:assert/strict";
import { test } from "node:test";
import { part } from "../../static/shared/element.js";
import { Connection } from "../../static/shared/connection.js";

class FakeElement {
  hidden = true;
  textContent = "";
}

Object.assign(globalThis, { HTMLElement: FakeElement });

/** @returns {any} a page with every part that is asked for */
function page() {
  const parts = new Map();
  return {
    querySelector: (/** @type {string} */ selector) => {
      if (!parts.has(selector)) parts.set(selector, new FakeElement());
      return parts.get(selector);
    },
  };
}

test("clips that are here are not told to be unreadable beside the line that says offline", () => {
  const here = page();
  const connection = new Connection(here);
  const problem = part(here, "list-problem", /** @type {any} */ (FakeElement));
  connection.list({ code: "server.unreachable" });
  assert.equal(problem.hidden, false, "nothing was read yet: that is news");
  connection.list(null);
  connection.list({ code: "server.unreachable" });
  assert.equal(problem.hidden, true);
  connection.list({ said: "The database is away." });
  assert.equal(problem.hidden, false, "the server says something else");
  connection.up();
  connection.list({ code: "server.unreachable" });
  assert.equal(problem.hidden, false, "no other line says it");
});
