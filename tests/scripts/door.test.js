import assert from "node:assert/strict";
import { test } from "node:test";
import { onward, takeSecret } from "../../static/sign-in/door.js";
import { bytes, text } from "../../static/sign-in/passkeys.js";

test("after signing in one goes on in this page, and never at another site", () => {
  const at = (/** @type {string|null} */ next) => onward(next, "https://d.example");
  assert.equal(at("/clips/a?at=3"), "/clips/a?at=3");
  for (const next of [null, "", "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/sign-in", "/claim?x"]) {
    assert.equal(at(next), "/", String(next));
  }
});

test("a secret leaves the address at once, whichever it is", () => {
  for (const [hash, secret] of [
    ["#abc_-1", { code: "abc_-1", device: "" }],
    ["#device=abc", { code: "", device: "abc" }],
    ["#<script>", { code: "", device: "" }],
  ]) {
    /** @type {string[]} */
    const written = [];
    Object.assign(globalThis, {
      location: { hash, pathname: "/claim", search: "?next=%2F" },
      history: { replaceState: (...given) => written.push(given[2]) },
    });
    assert.deepEqual(takeSecret(), secret);
    assert.deepEqual(written, ["/claim?next=%2F"]);
  }
});

test("bytes go to text and back as the server writes them", () => {
  const all = Uint8Array.from({ length: 256 }, (_, n) => n);
  assert.match(text(all.buffer), /^[\w-]+$/);
  assert.deepEqual(bytes(text(all.buffer)), all);
});
