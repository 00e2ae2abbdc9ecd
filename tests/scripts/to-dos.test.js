import assert from "node:assert/strict";
import { test } from "node:test";

import { toDos, withDone } from "../../static/clip/to-dos.js";

const NOTES = "Budget\n- [ ] Ask the landlord\n* [x]  Send it \n- [ ]\n-[ ] no\n- [ ] مرحبا";

test("lines with a box are to-dos, each with its line", () => {
  assert.deepEqual(toDos(NOTES), [
    { line: 1, text: "Ask the landlord", isDone: false },
    { line: 2, text: "Send it", isDone: true },
    { line: 5, text: "مرحبا", isDone: false },
  ]);
  assert.deepEqual(toDos(""), []);
});

test("one that is done changes its box and nothing else", () => {
  assert.equal(withDone(NOTES, 1, true), NOTES.replace("- [ ] Ask", "- [x] Ask"));
  assert.equal(withDone(withDone(NOTES, 2, false), 2, true), NOTES);
  assert.equal(withDone(NOTES, 0, true), NOTES);
});
