import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Problem } from "../../static/shared/api.js";
import { late } from "../../static/shared/late.js";

const { fetch } = globalThis;
afterEach(() => (globalThis.fetch = fetch));

/** What `import()` would do, each time: a part, or an error. */
function part(...turns) {
  const asked = { times: 0 };
  const load = async () => {
    const turn = turns[Math.min(asked.times++, turns.length - 1)];
    if (turn instanceof Error) throw turn;
    return turn;
  };
  return { asked, get: late(load, 1) };
}

const lost = new TypeError("Failed to fetch dynamically imported module");

test("everybody waits for the same part, and it is asked for once", async () => {
  const { asked, get } = part("a", "b");
  assert.equal(get(), get());
  assert.deepEqual(await Promise.all([get(), get()]), ["a", "a"]);
  assert.deepEqual([await get(), asked.times], ["a", 1]);
});

test("one attempt that fails is no failure", async () => {
  const { asked, get } = part(lost, "a");
  assert.deepEqual([await get(), asked.times], ["a", 2]);
});

test("a part that does not come is said, and the next call begins anew", async () => {
  globalThis.fetch = async () => Promise.reject(new TypeError());
  const { get } = part(lost, lost, "a");
  await assert.rejects(get(), (error) => error instanceof Problem && error.message === "server.unreachable");
  assert.equal(await get(), "a");
});

test("a server with another version is no server that is away", async () => {
  globalThis.fetch = async () => new Response(null, { status: 404 });
  await assert.rejects(part(lost).get(), { message: "offline.outdated" });
  globalThis.fetch = async () => new Response(null, { status: 200 });
  await assert.rejects(part(lost).get(), { message: "server.unreachable" });
  await assert.rejects(part(new SyntaxError()).get(), { message: "offline.outdated" });
});
