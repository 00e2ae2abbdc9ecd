import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem } from "../../static/scripts/api.js";
import { Backoff } from "../../static/scripts/backoff.js";
import { Journal } from "../../static/scripts/journal.js";
import { Outbox } from "../../static/scripts/outbox.js";
import { clip, kept, until } from "./clips.js";

/** A server that answers with what `answers` holds, in order, and then always accepts. */
class Server {
  /** @type {string[]} */
  asked = [];
  /** @type {unknown[]} */
  answers = [];

  async put(id, blob, { name }) {
    this.asked.push(`put ${id} ${name} ${await blob.text()}`);
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    await answer;
    return clip(id, { name });
  }

  async patch(id, { name }) {
    this.asked.push(`patch ${id} ${name}`);
    return clip(id, { name, version: 2 });
  }

  async delete(id) {
    this.asked.push(`delete ${id}`);
  }

  async restore(id) {
    this.asked.push(`restore ${id}`);
    return clip(id, { version: 4 });
  }
}

/** Web Locks of one browser: who asks for a lock waits for its holder. */
function locks() {
  /** @type {Map<string, Promise<unknown>>} */
  const held = new Map();
  return (id, work) => {
    const mine = (held.get(id) ?? Promise.resolve()).then(work);
    held.set(
      id,
      mine.catch(() => {}),
    );
    return mine;
  };
}

/** @type {Journal} */
let journal;
/** @type {Server} */
let server;
/** @type {ReturnType<typeof locks>} */
let lock;

const tab = () => {
  const outbox = new Outbox(journal, server, { lock, backoff: new Backoff({ first_ms: 1, most_ms: 2 }) });
  const told = [];
  outbox.addEventListener("change", ({ detail }) => told.push(`${detail.state} ${detail.sending}`));
  outbox.addEventListener("sent", ({ detail }) => told.push(`sent ${detail.name}`));
  outbox.addEventListener("gone", () => told.push("gone"));
  return { outbox, told };
};

beforeEach(() => {
  [journal, server, lock] = [new Journal(null), new Server(), locks()];
});

const keep = async (id, text = "one two") => {
  await journal.create(kept(id));
  for (const [i, word] of text.split(" ").entries())
    await journal.append(id, i, new TextEncoder().encode(word).buffer, i);
  await journal.update(id, { state: "ready" });
};

const empty = async () => (await journal.all()).length === 0;

test("pieces are joined in order, sent, and only then forgotten", async () => {
  await keep("a", "one two three");
  const { outbox, told } = tab();
  await outbox.scan();
  await until(empty);
  assert.deepEqual(server.asked, ["put a a onetwothree"]);
  await until(() => told.includes("gone"));
  assert.deepEqual(told.slice(-2), ["sent a", "gone"]);
});

test("a server that is away or broken is asked until it has the recording", async () => {
  await keep("a");
  server.answers = [
    new Problem("away"),
    new Problem("broken", 500),
    new Problem("sign in", 401),
    new Problem("full", 507),
  ];
  await tab().outbox.scan();
  await until(empty);
  assert.equal(server.asked.length, 5);
});

test("a definite refusal is kept with its sentence, and sent again when a person says so", async () => {
  await keep("a");
  server.answers = [new Problem("This is no sound.", 415)];
  const { outbox } = tab();
  await outbox.scan();
  await until(async () => (await journal.get("a"))?.state === "refused");
  assert.equal((await journal.get("a")).problem, "This is no sound.");
  assert.equal(await (await outbox.audio("a")).text(), "onetwo");
  await until(async () => (await outbox.retry("a"), await empty()));
});

test("two tabs send a recording once", async () => {
  await keep("a");
  const tabs = [tab(), tab()];
  await Promise.all(tabs.map(({ outbox }) => outbox.scan()));
  await until(() => tabs.every(({ told }) => told.includes("gone")));
  assert.equal(server.asked.length, 1);
});

test("another tab takes no recording that still runs, and takes it when its tab dies", async () => {
  let die = (/** @type {Error} */ _) => {};
  const running = /** @type {Promise<void>} */ (new Promise((_, reject) => (die = reject)));
  // The promise of a tab that dies is never handled by anybody; its lock is let go all the same.
  running.catch(() => {});
  void lock("a", () => running).catch(() => {});
  await journal.create(kept("a"));
  await journal.append("a", 0, new TextEncoder().encode("spoken").buffer, 3_000);
  const { outbox, told } = tab();
  await outbox.scan();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([server.asked, told], [[], []]);
  die(new Error("the tab is gone"));
  await until(empty);
  assert.deepEqual(server.asked, ["put a a spoken"]);
});

test("a recording of which nothing was heard, and a file that was half copied, are dropped", async () => {
  await journal.create(kept("silent"));
  await journal.create(kept("half", { state: "copying", bytes: 5 }));
  await tab().outbox.scan();
  await until(empty);
  assert.deepEqual(server.asked, []);
});

test("a name given while the sound is on its way is sent after it", async () => {
  await keep("a");
  let arrive = () => {};
  server.answers = [new Promise((resolve) => (arrive = () => resolve(null)))];
  const { outbox, told } = tab();
  await outbox.scan();
  await until(() => server.asked.length === 1);
  assert.equal(await outbox.rename("a", "Better"), true);
  arrive();
  await until(() => told.includes("gone"));
  assert.deepEqual(server.asked, ["put a a onetwo", "patch a Better"]);
  assert.equal(await outbox.rename("a", "Too late"), false);
});

test("a deletion while the sound is on its way follows it to the bin", async () => {
  await keep("a");
  let arrive = () => {};
  server.answers = [new Promise((resolve) => (arrive = () => resolve(null)))];
  const { outbox } = tab();
  await outbox.scan();
  await until(() => server.asked.length === 1);
  await outbox.discard("a", "2026-11-22T10:00:00.000Z");
  arrive();
  await until(empty);
  assert.deepEqual(server.asked, ["put a a onetwo", "delete a"]);
});

test("few uploads at a time, and none is forgotten", async () => {
  for (const id of "abcdefgh") await keep(id);
  let [now, most] = [0, 0];
  const accept = server.put.bind(server);
  server.put = async (...about) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now -= 1;
    return accept(...about);
  };
  await tab().outbox.scan();
  await until(empty);
  assert.equal(server.asked.length, 8);
  assert.equal(most, 3);
});
