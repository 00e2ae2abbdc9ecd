import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { Finder } from "../../static/search/finder.js";
import { among } from "../../static/search/local-search.js";
import { Library } from "../../static/shared/library.js";
import { NOTHING } from "../../static/search/query.js";
import { clip, local, until } from "./clips.js";

const asked = (more) => ({ ...NOTHING, ...more });

/** A server whose answers come when they are let go. */
class Server {
  /** @type {{wish: any, cursor: string|null, give: (page: object) => void, fail: (error: Error) => void}[]} */
  asked = [];

  list(cursor, wish) {
    return new Promise((give, fail) => this.asked.push({ wish, cursor, give, fail }));
  }
}

let server, library, finder, answers;

beforeEach(() => {
  [server, library, answers] = [new Server(), new Library(), []];
  finder = new Finder(library, server, 5);
  finder.addEventListener("answer", ({ detail }) => answers.push([finder.ids.join(" "), detail]));
});

const page = (ids, next = null, more = {}) => ({ clips: ids.map((id) => clip(id, more)), next, found: {} });

test("while somebody types nobody is asked; a question that is stale is taken back, and its answer dropped", async () => {
  finder.ask(asked({ q: "a" }), 20);
  finder.ask(asked({ q: "ab" }), 1);
  await until(() => server.asked.length === 1);
  assert.equal(server.asked[0].wish.q, "ab");
  finder.ask(asked({ q: "abc" }));
  assert.equal(server.asked[0].wish.signal.aborted, true);
  await until(() => server.asked.length === 2);
  server.asked[1].give(page(["late"]));
  await until(() => answers.length === 1);
  server.asked[0].give(page(["stale"]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(answers, [["late", true]]);
});

test("an answer to what nobody asks any more shows nothing", async () => {
  finder.ask(asked({ q: "a" }));
  await until(() => server.asked.length === 1);
  finder.ask(NOTHING);
  server.asked[0].give(page(["a"]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(answers, [["", true]]);
});

test("pages follow each other; what changes has as many read again, and is no new answer", async () => {
  finder.ask(asked({ q: "a" }));
  await until(() => server.asked.length === 1);
  server.asked[0].give(page(["a", "b"], "2"));
  await until(() => finder.more);
  const more = finder.readMore();
  assert.equal(server.asked[1].cursor, "2");
  server.asked[1].give(page(["c"], "3"));
  await more;
  library.apply(clip("b", { version: 9 }));
  library.apply(clip("new"));
  await until(() => server.asked.length === 3);
  server.asked[2].give(page(["new", "a"], "2"));
  await until(() => server.asked.length === 4);
  server.asked[3].give(page(["b", "c"], "4"));
  await until(() => answers.length === 3);
  assert.deepEqual(answers, [["a b", true], ["a b c", false], ["new a b c", false]]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(server.asked.length, 4, "what the answer itself brings is no change");
});

test("a page that follows an answer that is no longer shown is dropped", async () => {
  finder.ask(asked({ q: "a" }));
  await until(() => server.asked.length === 1);
  server.asked[0].give(page(["a"], "2"));
  await until(() => finder.more);
  const more = finder.readMore();
  finder.ask(asked({ q: "b" }));
  server.asked[1].give(page(["c"]));
  await more;
  await until(() => server.asked.length === 3);
  server.asked[2].give(page(["d"]));
  await until(() => answers.length === 2);
  assert.equal(finder.ids.join(), "d");
});

test("without a server, what is known is searched, and said to be a part; a refusal is said as it is", async () => {
  library.apply(clip("x", { name: "Über den Garten" }));
  library.apply(clip("y", { name: "Nothing" }));
  finder.ask(asked({ q: "uber gart" }));
  await until(() => server.asked.length === 1);
  server.asked[0].fail(new Problem("The server cannot be reached."));
  await until(() => answers.length === 1);
  assert.deepEqual([finder.ids, finder.isPartial, finder.problem], [["x"], true, ""]);
  assert.deepEqual(finder.found.x.name, [[0, 4], [9, 15]]);
  finder.ask(asked({ q: "x" }));
  await until(() => server.asked.length === 2);
  server.asked[1].fail(new Problem("q is too long.", 400));
  await until(() => answers.length === 2);
  assert.deepEqual([finder.ids, finder.isPartial, finder.problem], [[], false, "q is too long."]);
});

test("what is not sent yet is found here", async () => {
  library.keep(local("kept", { name: "A garden, not sent" }));
  library.keep(local("other", { name: "Else" }));
  finder.ask(asked({ q: "garden" }));
  await until(() => server.asked.length === 1);
  server.asked[0].give(page(["sent"]));
  await until(() => answers.length === 1);
  assert.deepEqual(answers, [["kept sent", true]]);
});

test("what is known is found by all words, by their beginnings, with excerpts around them", () => {
  const text = `${"Blah ".repeat(60)}the Garten, and ${"blah ".repeat(60)}a gartenhaus. undgarten`;
  const entries = [clip("t", { text }), clip("u", { text: "no such thing" })].map((one) => ({
    ...{ id: one.id, at: one.created_at, clip: one, local: null },
  }));
  const { ids, found } = among(entries, { q: "garte" });
  assert.deepEqual(ids, ["t"]);
  const { passages } = found.t;
  assert.deepEqual(passages.map(({ text, marks }) => marks.map(([from, to]) => text.slice(from, to))), [["Garten"], ["gartenhaus"]]);
  assert.deepEqual(among(entries, { q: "garten missing" }).ids, []);
  assert.deepEqual(among(entries, { q: "?!" }).ids, []);
  assert.deepEqual(among(entries, { q: "(x|z" }).ids, [], "no pattern, just letters");
});

test("what is known is filtered and ordered as the server does it", () => {
  const at = (n) => `2026-11-0${n}T10:00:00.000Z`;
  const clips = [
    clip("a", { created_at: at(1), duration_ms: 60_000, tags: ["Work", "x"], name: "b 10", status: "done" }),
    clip("b", { created_at: at(2), duration_ms: null, tags: ["work"], name: "b 9" }),
    clip("c", { created_at: at(3), duration_ms: 1_000, name: "a" }),
  ];
  const entries = clips.map((one) => ({ id: one.id, at: one.created_at, clip: one, local: null })).reverse();
  const ids = (wish) => among(entries, wish).ids.join("");
  assert.equal(ids({}), "cba");
  assert.equal(ids({ from: at(2), to: at(3) }), "b");
  assert.equal(ids({ shortest_ms: 1 }), "ca");
  assert.equal(ids({ longest_ms: 59_999 }), "c");
  assert.equal(ids({ tag: ["WORK"] }), "ba");
  assert.equal(ids({ tag: ["work", "x"] }), "a");
  assert.equal(ids({ status: ["done"] }), "a");
  assert.equal(ids({ sort: "oldest" }), "abc");
  assert.equal(ids({ sort: "longest" }), "acb");
  assert.equal(ids({ sort: "name" }), "cba");
});
