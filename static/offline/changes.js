/** What a person did to clips and the server does not know yet: kept on this device, shown at once, sent in order. */

import { Problem, reasonOf } from "../shared/problem.js";
import { Backoff } from "../shared/backoff.js";
import { isShort } from "../shared/short-form.js";
import { NOBODY } from "../shared/session.js";
import { webLock } from "./outbox.js";

/** @typedef {import("../shared/types.js").Clip} Clip */
/** @typedef {import("../shared/types.js").Change} Change */
/** @typedef {{clip?: Clip|null, error?: unknown}} Outcome */
/** @typedef {import("../shared/problem.js").Reason} Reason */

const FIRST_MS = 500;
const MOST_MS = 60_000;

/** What takes longer is shown as not sent yet: whoever did it need not wait for a network that hangs. */
const PATIENCE_MS = 2_000;

/** A change that its tab sends at once is not touched by others for so long. */
const TAKEN_MS = 5_000;

/** A server that fails at the same change so often will never take it, and others wait behind it. */
const MAX_FAILURES = 5;

/** As often for a server that does not know the change yet: with the pauses, six minutes, longer than an update takes. */
const MAX_UNKNOWN = 12;

/** Somebody else changed the words that a person was editing, to `theirs`. */
export class Conflict extends Error {
  /** @param {string|null} theirs */
  constructor(theirs) {
    super();
    this.theirs = theirs;
  }
}

/**
 * Emits `refused` with the changes that the server did not take, when there are others than before. Tells the library
 * what to show.
 */
export class Changes extends EventTarget {
  /** As they are on the disk. @type {Change[]} */
  #rows = [];
  /** Clips of which the library was told that they are changed. @type {Set<string>} */
  #changed = new Set();
  /** What this tab sends at once and has an answer to soon: not worth a word. @type {Set<number>} */
  #ours = new Set();
  /** What this tab sends at once: clip → when it is over. @type {Map<string, Promise<unknown>>} */
  #flights = new Map();
  /** @type {Promise<void>|null} */
  #sending = null;
  #again = false;
  #refused = "";

  /**
   * @param {import("./memory.js").Memory} memory
   * @param {Pick<import("../shared/api.js").Api, "get"|"patch"|"delete"|"restore"|"transcribe">} api
   * @param {import("../shared/library.js").Library} library
   * @param {{lock?: import("./outbox.js").Lock, backoff?: Backoff, channel?: BroadcastChannel|null,
   *   session?: Pick<import("../shared/session.js").Session, "mark"|"isOurs"|"mayChange">, patience_ms?: number, taken_ms?: number}} [options] channel: to the other tabs
   */
  constructor(memory, api, library, options = {}) {
    super();
    const { lock = webLock, backoff, channel = null, session = NOBODY, patience_ms = PATIENCE_MS, taken_ms = TAKEN_MS } = options;
    this.memory = memory;
    this.session = session;
    this.api = api;
    this.library = library;
    this.lock = lock;
    this.channel = channel;
    this.patience_ms = patience_ms;
    this.taken_ms = taken_ms;
    this.backoff = backoff ?? new Backoff({ first_ms: FIRST_MS, max_ms: MOST_MS });
    channel?.addEventListener("message", ({ data }) => {
      if (data.clip) library.apply(data.clip);
      this.wake();
      void this.#read();
    });
  }

  /** Find what was not sent, by this visit or an earlier one, and send it. */
  async scan() {
    await this.#read();
    if (this.#rows.length) this.#send();
  }

  /** Try now: the network is back, or somebody looks. */
  wake() {
    this.backoff.wake();
  }

  /**
   * Do something to a clip: now, if the server answers, and otherwise as soon as it does. Throws a `Problem` when the
   * server refuses it now. @param {string} id @param {Change["kind"]} kind
   * @param {Change["value"]} [value] @param {string|null} [base] what a name or text was when it was begun
   */
  async make(id, kind, value = null, base = null) {
    const title = this.library.get(id)?.clip?.name ?? "";
    const taken = this.#waits({ id, kind }) ? 0 : Date.now();
    /** @type {Change} */
    const change = { id, kind, value, base, title, taken, at: new Date().toISOString(), state: "waiting", failures: 0, ...this.#mark };
    const stored = this.memory.put("changes", change).then(
      (seq) => Boolean(this.#ours.add((change.seq = seq))),
      () => false,
    );
    // What is done to one clip in a row arrives in that order.
    while (this.#flights.has(id)) await this.#flights.get(id);
    // What another person's cookie would carry is not sent.
    if (!this.#waits(change) && this.session.mayChange) {
      const flight = this.#now(change, stored);
      const over = flight.catch(() => {}).finally(() => this.#flights.delete(id));
      this.#flights.set(id, over);
      if (await flight) return;
    }
    if (!(await stored) && !this.session.mayChange) throw new Problem({ code: "server.signedOut" }, 401, 0, "sign-in");
    if (!(await stored)) return void this.#take(change, await this.#tell(change));
    // Not one that is on its way still.
    if (this.#ours.delete(change.seq ?? 0) && taken) await this.memory.put("changes", { ...change, taken: 0 });
    this.wake();
    await this.#told();
    this.#send();
  }

  /** Whether something has to be sent before it. @param {Pick<Change, "id"|"kind">} change */
  #waits({ id, kind }) {
    return this.#rows.some(({ state, ...row }) =>
      state === "conflict" ? row.id === id && row.kind === kind : state === "waiting",
    );
  }

  /**
   * A person chose between two wordings that they have seen. What is given up is told, so that it can be copied still.
   * @param {Change} conflict @param {"mine"|"theirs"} whose @param {Reason} given what is said of words given up
   */
  async settle({ seq = 0 }, whose, given) {
    await this.#read();
    const row = this.#rows.find((row) => row.seq === seq && row.state === "conflict");
    if (!row) return;
    if (whose === "mine") await this.memory.put("changes", { ...row, base: row.theirs ?? null, state: "waiting" });
    else {
      // What was written later stands on it, and holds all of it.
      const mine = this.#after(row);
      const last = { ...mine[mine.length - 1], state: "refused", problem: undefined, reason: given };
      for (const { seq = 0 } of mine.slice(0, -1)) await this.memory.delete("changes", seq);
      await this.memory.put("changes", last);
    }
    await this.#told();
    this.#send();
  }

  /**
   * Keep what the server did not take from somebody else here, until a person has read it.
   * @param {Pick<Change, "id"|"kind"|"value"|"title">} change @param {Reason} reason
   */
  async refuse(change, reason) {
    /** @type {Change} */
    const refused = {
      ...{ ...change, base: null, at: new Date().toISOString(), taken: 0, failures: 0 },
      ...{ state: "refused", reason, ...this.#mark },
    };
    await this.memory.put("changes", refused);
    await this.#told();
  }

  /** A person has read that a change was refused. @param {number} seq */
  async dismiss(seq) {
    await this.memory.delete("changes", seq);
    await this.#told();
  }

  /**
   * Send at once what nothing waits before: in the same turn, so that it is on its way even if the page closes now.
   * @param {Change} change @param {Promise<boolean>} stored @returns {Promise<boolean>} whether there is no more to do
   */
  async #now(change, stored) {
    const told = this.#attempt(change);
    const late = new Promise((resolve) => setTimeout(resolve, this.patience_ms));
    const outcome = /** @type {Outcome|undefined} */ (await Promise.race([told, late]));
    if (!outcome) {
      // It may still arrive; until then it is one that waits.
      if (!(await stored)) return this.#conclude(change, await told);
      this.#ours.delete(change.seq ?? 0);
      void told.then((outcome) => this.#settled(change, outcome));
      return false;
    }
    if (isPassing(outcome.error) || outcome.error instanceof Conflict) {
      if (!(await stored)) throw outcome.error;
      await this.#settled(change, outcome);
      return true;
    }
    void stored.then((kept) => kept && this.memory.delete("changes", change.seq ?? 0));
    return this.#conclude(change, outcome);
  }

  /** @param {Change} change @param {Outcome} outcome */
  #conclude(change, { clip, error }) {
    if (error) throw error;
    this.#take(change, clip ?? null);
    return true;
  }

  /** Write down how it went. @param {Change} change as it is on the disk @param {Outcome} outcome */
  async #settled(change, { clip, error }) {
    this.#ours.delete(change.seq ?? 0);
    // Sent twice, since the first answer took so long: the other one has settled it, and more may have been done since.
    if (!(await this.memory.get("changes", change.seq ?? 0))) return void (clip && this.library.apply(clip));
    const now = { ...change, taken: 0 };
    const isOver = error === undefined || (change.kind === "delete" && isStatus(error, 404));
    if (isOver) {
      await this.memory.delete("changes", change.seq ?? 0);
      this.#take(change, clip ?? null);
    } else if (error instanceof Conflict) {
      await this.memory.put("changes", { ...now, state: "conflict", theirs: error.theirs });
    }
    else if (isPassing(error)) {
      const failures = change.failures + (isStatus(error, 500) || isUnknown(error) ? 1 : 0);
      const hopeless = failures >= (isUnknown(error) ? MAX_UNKNOWN : MAX_FAILURES) && { state: "refused", reason: error.reason };
      await this.memory.put("changes", { ...now, failures, ...hopeless });
    } else {
      await this.memory.put("changes", { ...now, state: "refused", reason: reasonOf(error) });
    }
    await this.#told(clip);
    this.#send();
  }

  /** @param {Change} change @returns {Promise<Outcome>} */
  #attempt(change) {
    return this.#tell(change).then(
      (clip) => ({ clip }),
      (error) => ({ error }),
    );
  }

  /** Do it at the server. @param {Change} change @returns {Promise<Clip|null>} */
  async #tell(change) {
    const { id, kind, value, taken } = change;
    if (kind === "delete") return this.api.delete(id).then(() => null);
    if (kind === "restore") return this.api.restore(id);
    if (kind === "retry") return this.api.transcribe(id);
    // A name that is given now is the newest; one that was given long ago may not be.
    if (kind === "text" || kind === "notes" || (kind === "name" && !taken)) return this.#write(id, (clip) => reworded(clip, change));
    if (kind === "tags") return this.#write(id, ({ tags }) => ({ tags: retagged(tags, value) }));
    return this.api.patch(id, { [kind]: value });
  }

  /** Change what is there now. @param {string} id @param {(clip: Clip) => Partial<Pick<Clip, "name"|"text"|"notes"|"tags">>} change may throw `Conflict` */
  async #write(id, change) {
    const known = this.library.truth(id);
    // The list's short form has neither all words nor notes to compare with.
    for (let clip = !known || isShort(known) ? await this.api.get(id) : known; ; clip = await this.api.get(id)) {
      this.library.apply(clip);
      try {
        return await this.api.patch(id, change(clip), clip.version);
      } catch (error) {
        // Something changed; if it was not this, the next attempt stands on the new version.
        if (!isStatus(error, 412)) throw error;
      }
    }
  }

  /** The server has it. @param {Change} change @param {Clip|null} clip */
  #take({ id, kind }, clip) {
    if (clip) this.library.apply(clip);
    else if (kind === "delete") this.library.bin(id);
  }

  #send() {
    this.#again = true;
    this.#sending ??= this.lock("changes", () => this.#sendAll()).finally(() => {
      this.#sending = null;
      if (this.#again) this.#send();
    });
  }

  async #sendAll() {
    for (;;) {
      this.#again = false;
      await this.#read();
      const next = this.#next();
      if (!next || !this.session.mayChange) return;
      // A clock that is set back is no reason to wait.
      if (Math.abs(Date.now() - next.taken) < this.taken_ms) await this.backoff.wait();
      else {
        const change = { ...next, taken: 0 };
        const outcome = await this.#attempt(change);
        await this.#settled(change, outcome);
        if (!outcome.error) this.backoff.reset();
        else if (isPassing(outcome.error)) await this.backoff.wait(outcome.error.retry_ms);
      }
    }
  }

  /** What is to be sent next: in order, but for what waits for a person and what stands on that. */
  #next() {
    const held = this.#rows.filter(({ state }) => state === "conflict").flatMap((row) => this.#after(row));
    return this.#rows.find((row) => row.state === "waiting" && !held.includes(row));
  }

  /** A change, and those of the same words that were made after it. @param {Change} first */
  #after({ id, kind, seq = 0 }) {
    return this.#rows.filter((row) => row.id === id && row.kind === kind && (row.seq ?? 0) >= seq);
  }

  /** Whose it is. */
  get #mark() {
    const { person } = this.session.mark;
    return person ? { person } : {};
  }

  /** Have every tab read anew. @param {Clip|null} [clip] as it is now */
  async #told(clip = null) {
    this.channel?.postMessage({ clip });
    await this.#read();
  }

  async #read() {
    const all = this.memory.all("changes").then((rows) => rows.filter((row) => this.session.isOurs(row)));
    this.#rows = await all.catch(() => this.#rows);
    const shown = this.#rows.filter((row) => row.state !== "refused" && !this.#ours.has(row.seq ?? 0));
    const ids = new Set(shown.map(({ id }) => id));
    for (const id of new Set([...ids, ...this.#changed])) {
      this.library.change(id, shown.filter((row) => row.id === id));
    }
    this.#changed = ids;
    const refused = this.#rows.filter(({ state }) => state === "refused");
    const names = refused.map(({ seq }) => seq).join();
    if (names === this.#refused) return;
    this.#refused = names;
    this.dispatchEvent(new CustomEvent("refused", { detail: refused }));
  }
}

/** What a clip is with the changes that wait. @param {Clip} clip @param {Change[]} changes @returns {Clip} */
export function changed(clip, changes) {
  return changes.reduce((now, change) => ({ ...now, ...fields(now, change) }), clip);
}

/** @param {Clip} clip @param {Change & {value: any}} change @returns {Partial<Clip>} */
function fields({ tags, markers }, { kind, value, at }) {
  if (kind === "delete") return { deleted_at: at };
  if (kind === "restore") return { deleted_at: null };
  if (kind === "retry") return { status: "pending", error: null };
  if (kind === "tags") return { tags: retagged(tags, value) };
  if (kind === "markers") return { markers: remarked(markers ?? [], value) };
  return kind === "language" ? { language_set: value } : { [kind]: value };
}

/** With some tags and without others; what somebody else did to them stays. @param {string[]} tags @param {any} change */
function retagged(tags, { add, remove }) {
  return [...tags.filter((tag) => !remove.includes(tag)), ...add.filter((/** @type {string} */ tag) => !tags.includes(tag))];
}

/**
 * Some markers set and others removed; what somebody else did to the others stays. Of an older server's clip, which has
 * none, those that were set here.
 * @param {import("../shared/types.js").Marker[]} markers @param {import("../shared/types.js").MarkerChanges} change
 */
export function remarked(markers, { set = [], remove = [] }) {
  const changed = new Set([...remove, ...set.map(({ id }) => id)]);
  return [...markers.filter(({ id }) => !changed.has(id)), ...set].sort((a, b) => a.at_ms - b.at_ms || (a.id < b.id ? -1 : 1));
}

/** Words, if those there still are what the person began with, or what they want. @param {Clip} clip @param {Change} change */
function reworded(clip, { kind, value, base }) {
  const there = kind === "name" ? clip.name : kind === "notes" ? (clip.notes ?? "") : (clip.text ?? null);
  // Nobody typed a name that a machine gave meanwhile: it is no reason to wait for a person.
  const isTyped = kind !== "name" || (clip.name_origin ?? "person") === "person";
  if (isTyped && there !== base && there !== value) throw new Conflict(there);
  return { [kind]: value };
}

/** @param {unknown} error @param {number} status */
function isStatus(error, status) {
  return error instanceof Problem && error.status === status;
}

/** Whether it may well succeed later. @param {unknown} error @returns {error is Problem} */
function isPassing(error) {
  return error instanceof Problem && (!error.definite || isUnknown(error));
}

/** Whether a server of an older release answered, beside newer ones while they are updated: it knows no such field. */
function isUnknown(/** @type {unknown} */ error) {
  return isStatus(error, 400) && /** @type {Problem} */ (error).message.includes("Extra inputs are not permitted");
}
