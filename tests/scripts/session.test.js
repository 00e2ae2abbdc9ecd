import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Problem, problemOf } from "../../static/shared/api.js";
import { Changes } from "../../static/offline/changes.js";
import { HOME, Session } from "../../static/shared/session.js";
import { Backoff } from "../../static/shared/backoff.js";
import { Library } from "../../static/shared/library.js";
import { rest, stage } from "./browser.js";
import { clip, until } from "./clips.js";

/** What a browser keeps, and the channel between its tabs: a tab does not hear itself. */
class Browser {
  kept = new Map();
  channels = [];
  storage = { getItem: (key) => this.kept.get(key) ?? null, setItem: (key, value) => this.kept.set(key, value) };

  channel() {
    const one = new EventTarget();
    one.postMessage = () => this.channels.forEach((other) => other !== one && other.dispatchEvent(new Event("message")));
    this.channels.push(one);
    return one;
  }

  remember(known) {
    this.kept.set("dictaphone.session", JSON.stringify(known));
  }
}

const known = (id, libraries = [{ id: HOME, role: "owner" }]) => ({
  ...{ person: { id, name: id }, how: "session", library: libraries[0].id, libraries },
});
const local = { person: null, how: "local", library: HOME, libraries: [{ id: HOME, role: "owner" }] };
const signedOut = () => new Problem({ code: "server.signedOut" }, 401, 0, "sign-in");
const own = [{ id: "own", role: "owner" }];

let browser, answers, said;

const open = (api = async () => known("ann")) => {
  const session = new Session({ session: api }, { channel: browser.channel(), storage: browser.storage, answers });
  for (const type of ["change", "other"]) session.addEventListener(type, () => said.push(type));
  return session;
};

beforeEach(() => {
  [browser, answers, said] = [new Browser(), new EventTarget(), []];
});

test("a server without people: everything on the device is ours, and is marked with nobody", async () => {
  const session = open(async () => local);
  assert.ok(session.isOurs({}));
  await session.check();
  assert.ok(session.isLocal);
  assert.deepEqual(session.mark, {});
  assert.ok(session.isOurs({}) && session.isOurs({ person: "ann" }), "sign-in was on once");
});

test("a server of an older release knows no people, and one that cannot be reached says nothing", async () => {
  const old = open(async () => Promise.reject(new Problem("There is nothing at this address.", 404, 0, "not-found")));
  await old.check();
  assert.ok(old.isLocal && !old.isOut);
  browser.remember(known("ann"));
  const away = open(async () => Promise.reject(new Problem("away")));
  await away.check();
  assert.deepEqual([away.person.id, away.isOut], ["ann", false]);
});

test("whoever was last signed in here is the one who records here, without a network too", () => {
  browser.remember(known("ann", own));
  assert.deepEqual(open().mark, { person: "ann", library: "own" });
});

test("an answer that asks who we are is heard once, until somebody has signed in in any tab", () => {
  browser.remember(known("ann"));
  const session = open();
  answers.dispatchEvent(new Event("sign-in"));
  answers.dispatchEvent(new Event("sign-in"));
  assert.deepEqual([session.isOut, session.person.id, said], [true, "ann", ["change"]]);
  browser.remember(known("ann"));
  browser.channel().postMessage("in");
  assert.deepEqual([session.isOut, said], [false, ["change", "change"]]);
});

test("another person in another tab leaves this one stranded: it changes nothing in their name", () => {
  browser.remember(known("ann"));
  const session = open();
  browser.remember(known("ben"));
  browser.channel().postMessage("in");
  assert.deepEqual([session.isStranded, session.mayChange, session.person.id, said], [true, false, "ann", ["other"]]);
});

test("where the server knows another person than this device does, the next page is theirs", async () => {
  browser.remember(known("ann"));
  const session = open(async () => known("ben"));
  await session.check();
  assert.deepEqual([session.isStranded, open().person.id], [true, "ben"]);
});

test("who signs out is forgotten in all tabs", () => {
  browser.remember(known("ann"));
  const [here, there] = [open(), open()];
  here.forget();
  assert.ok(there.isStranded);
  assert.equal(open().person, null);
});

test("what is kept of one person's clips is not shown to another", () => {
  browser.remember(known("ann"));
  assert.equal(open().takeCopies(), false, "it was there before people were");
  assert.equal(open().takeCopies(), false);
  browser.remember(known("ben"));
  assert.equal(open().takeCopies(), true);
  assert.equal(open().takeCopies(), false);
});

test("what was there before people were belongs to an owner of the first library alone", () => {
  browser.remember(known("ben", own));
  const session = open();
  assert.equal(session.takeCopies(), true);
  assert.equal(session.isOurs({}), false);
  browser.remember(known("ann"));
  assert.equal(open().isOurs({}), true);
});

test("our own 401 asks to sign in; one of a proxy, a 403 of ours and one of others are told apart", async () => {
  const of = (status, kind, headers = {}) =>
    problemOf(new Response(kind ? JSON.stringify({ type: `urn:dictaphone:problem:${kind}`, detail: "No." }) : "", { status, headers }));
  const ours = await of(401, "sign-in");
  assert.deepEqual([ours.isSignedOut, ours.definite, ours.reason], [true, false, { code: "server.signedOut" }]);
  assert.equal((await of(401, "", { "WWW-Authenticate": 'Session realm="dictaphone"' })).isSignedOut, true, "of a HEAD");
  const proxy = await of(401, "");
  assert.deepEqual([proxy.isSignedOut, proxy.definite], [false, false]);
  assert.equal((await of(403, "not-allowed")).definite, true, "a reader may not change anything");
  assert.equal((await of(403, "")).definite, false, "a proxy may let it pass later");
});

// -- what is recorded ------------------------------------------------------------------------------------------------

test("a session that ends while somebody speaks costs nothing: the recording is sent to its end by its key", async () => {
  const { server, tab, speak, empty, has, journal } = stage();
  browser.remember(known("ann"));
  const here = tab(open());
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  assert.deepEqual(await journal.get("a").then(({ person, library, key }) => [person, library, key]), ["ann", HOME, "key a"]);
  server.isSignedOut = true;
  await recording.say("two");
  await has("onetwo");
  await recording.say("three", "audio/webm");
  await has("onetwo|three");
  await recording.stop();
  await until(empty);
  assert.equal(server.clips.get("a").status, "pending");
});

test("what is said of it waits for its person, and holds no sound back", async () => {
  const { server, tab, speak, has, empty, journal } = stage();
  const here = tab(open());
  const recording = await speak(here);
  await recording.say("one");
  await has("one");
  server.isSignedOut = true;
  await here.outbox.rename("a", "Called so");
  await recording.say("two");
  await recording.stop();
  await until(() => server.clips.get("a").status === "pending");
  assert.equal(server.clips.get("a").name, "a");
  assert.equal((await journal.get("a")).state, "ready", "not refused");
  server.isSignedOut = false;
  await until(empty);
  assert.equal(server.clips.get("a").name, "Called so");
});

test("a recording that begins signed out waits, and is sent after signing in", async () => {
  const { server, tab, speak, empty, journal } = stage();
  browser.remember(known("ann"));
  server.isSignedOut = true;
  const here = tab(open());
  const recording = await speak(here);
  await recording.say("one");
  await recording.stop();
  await rest();
  assert.equal((await journal.get("a")).state, "ready");
  server.isSignedOut = false;
  here.outbox.wake();
  await until(empty);
  assert.deepEqual(server.sound("a"), ["one"]);
});

test("another person on this device neither sees nor sends it, and is told how many wait", async () => {
  const { server, tab, keep, empty } = stage();
  await keep("a", "one", { person: "ann", library: HOME });
  await keep("b", "two", { person: "ann", library: HOME });
  browser.remember(known("ben"));
  const ben = tab(open());
  const counts = [];
  ben.outbox.addEventListener("others", ({ detail }) => counts.push(detail));
  await ben.outbox.scan();
  await rest();
  assert.deepEqual([counts, ben.told, server.asked], [[2], [], []]);
  browser.remember(known("ann"));
  const ann = tab(open());
  await ann.outbox.scan();
  await until(empty);
  assert.deepEqual([server.sound("a"), server.sound("b")], [["one"], ["two"]]);
});

test("what waits from before belongs to who signs in first as owner, from then on", async () => {
  const { server, tab, keep, journal } = stage();
  server.isSignedOut = true;
  await keep("a", "one");
  browser.remember(known("ann"));
  const here = tab(open());
  await here.outbox.scan();
  here.die();
  assert.deepEqual(await journal.get("a").then(({ person, library }) => [person, library]), ["ann", HOME]);
});

// -- what is changed -------------------------------------------------------------------------------------------------

test("changes wait under their person, and are neither shown nor sent by another one", async () => {
  const rows = new Map();
  const memory = {
    put: async (_, row) => (row.seq ??= rows.size + 1) && rows.set(row.seq, row) && row.seq,
    ...{ get: async (_, seq) => rows.get(seq), delete: async (_, seq) => rows.delete(seq), all: async () => [...rows.values()] },
  };
  let isOut = true;
  const asked = [];
  const api = {
    patch: async (id, change) => {
      if (isOut) throw signedOut();
      asked.push([id, change]);
      return { ...clip(id), ...change };
    },
  };
  const changes = (session) => {
    const library = new Library();
    library.apply(clip("a"));
    const backoff = new Backoff({ first_ms: 1, max_ms: 2 });
    return [new Changes(memory, api, library, { session, backoff, lock: (_, work) => work(true), taken_ms: 0 }), library];
  };
  browser.remember(known("ann"));
  const [hers, shown] = changes(open());
  await hers.make("a", "starred", true);
  assert.equal([...rows.values()][0].person, "ann");
  assert.equal(shown.get("a").clip.starred, true);
  browser.remember(known("ben"));
  isOut = false;
  const stranded = open();
  stranded.isStranded = true;
  const [his, his_library] = changes(stranded);
  await his.scan();
  await rest();
  assert.notEqual(his_library.get("a").clip.starred, true);
  hers.wake();
  await until(() => rows.size === 0);
  assert.deepEqual(asked, [["a", { starred: true }]]);
});
