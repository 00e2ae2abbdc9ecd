/** What leaves this device: every kept recording is sent until the server has it, by one tab, whatever breaks. */

import { Backoff } from "./backoff.js";
import { Problem } from "./api.js";

/** @typedef {import("./types.js").Kept} Kept */
/** @typedef {import("./types.js").Local} Local */
/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {Pick<import("./api.js").Api, "put"|"patch"|"delete"|"restore">} Server */
/** @typedef {<T>(id: string, work: () => Promise<T>) => Promise<T>} Lock */

/** First wait after a failed attempt, and the longest: a server that is away for a night is asked once a minute. */
const FIRST_MS = 1_000;
const MOST_MS = 60_000;

/** Uploads at once: enough to fill a line, few enough that each of them comes to its end. */
const AT_ONCE = 3;

/** What was refused and thrown away is forgotten after this long: no tab offers to take it back any more. */
const FORGET_MS = 60_000;

/**
 * Hold a recording for this tab alone, from its first second until the server has it (Web Locks). A tab that dies lets
 * go, and the tab that waited next carries on. Without Web Locks two tabs may send the same recording; a PUT twice is
 * once.
 * @type {Lock}
 */
export const webLock = (id, work) =>
  // The type of `request` unwraps what the callback promises by a name of its own.
  globalThis.navigator?.locks ? /** @type {any} */ (navigator.locks.request(`dictaphone:${id}`, work)) : work();

/** Emits `change` (a Local), `sent` (a Clip) and `gone` (an id). */
export class Outbox extends EventTarget {
  /** @type {Set<string>} */
  #followed = new Set();
  /** @type {Map<string, Local>} */
  #told = new Map();
  #free = AT_ONCE;
  /** @type {(() => void)[]} */
  #queue = [];

  /**
   * @param {import("./journal.js").Journal} journal @param {Server} server
   * @param {{lock?: Lock, backoff?: Backoff, channel?: BroadcastChannel|null}} [options] channel: to the other tabs
   */
  constructor(journal, server, { lock = webLock, backoff, channel = null } = {}) {
    super();
    this.journal = journal;
    this.server = server;
    this.lock = lock;
    this.channel = channel;
    channel?.addEventListener("message", () => void this.scan());
    this.backoff = backoff ?? new Backoff({ first_ms: FIRST_MS, most_ms: MOST_MS });
  }

  /** Find what is left on the device, by this tab or another, by this visit or an earlier one, and see it sent. */
  async scan() {
    for (const row of await this.journal.all()) {
      if (row.deleted_at && Date.parse(row.deleted_at) < Date.now() - FORGET_MS) await this.forget(row.id);
      if (finished(row)) this.#tell(row);
      void this.#follow(row.id);
    }
  }

  /**
   * Enter a recording, hold it while this tab makes it, then send it.
   * @param {Kept} row @param {() => Promise<void>} make
   */
  async begin(row, make) {
    await this.journal.create(row);
    const made = make();
    void this.#follow(row.id, made);
    void made.then(() => this.channel?.postMessage(row.id));
  }

  /** Try everything now: the network is back, or somebody looks. */
  wake() {
    this.backoff.wake();
  }

  /**
   * Rename what is not sent yet.
   * @param {string} id @param {string} name @returns {Promise<boolean>} false: it is sent
   */
  rename(id, name) {
    return this.#update(id, { name });
  }

  /**
   * Throw away, or take back, what is not sent yet.
   * @param {string} id @param {string|null} deleted_at @returns {Promise<boolean>} false: it is sent
   */
  discard(id, deleted_at) {
    return this.#update(id, { deleted_at });
  }

  /** Send again what the server refused. @param {string} id */
  async retry(id) {
    if (await this.#update(id, { state: "ready", problem: null })) void this.#follow(id);
  }

  /** Forget a recording that the server refused and a person threw away. @param {string} id */
  async forget(id) {
    if (await this.journal.remove(id, (row) => row.state === "refused" && row.deleted_at !== null)) this.#gone(id);
  }

  /** The audio of a kept recording, or null when it is kept no longer. @param {string} id */
  async audio(id) {
    const row = await this.journal.get(id);
    return row && this.journal.blob(row);
  }

  /** @param {string} id @param {Partial<Kept>} changes */
  async #update(id, changes) {
    const row = await this.journal.update(id, changes);
    if (row && finished(row)) this.#tell(row);
    if (row) this.channel?.postMessage(id);
    return row !== null;
  }

  /** @param {string} id @param {Promise<void>} [made] */
  async #follow(id, made) {
    if (this.#followed.has(id)) return;
    this.#followed.add(id);
    try {
      await this.lock(id, async () => {
        await made;
        await this.#deliver(id);
      });
    } finally {
      this.#followed.delete(id);
    }
  }

  /** @param {string} id */
  async #deliver(id) {
    let row = await this.journal.get(id);
    // Nobody records it any more, or we would not hold its lock: its tab has stopped, or died.
    if (row?.state === "recording") row = await this.journal.update(id, { state: "ready" });
    if (!row) return this.#gone(id);
    // A file of which only a part was copied is worth nothing, and the person still has it.
    if (row.bytes === 0 || row.state === "copying") {
      await this.journal.remove(id);
      return this.#gone(id);
    }
    while (row && row.state !== "refused") {
      this.#tell(row);
      try {
        return await this.#inTurn(id);
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(String(error));
        if (problem.definite) {
          row = await this.journal.update(id, { state: "refused", problem: problem.message });
        } else {
          row = await this.journal.update(id, { problem: problem.status ? problem.message : null });
          if (row) this.#tell(row, "waiting");
          await this.backoff.wait(problem.retry_ms);
          row = await this.journal.get(id);
        }
      }
    }
    if (!row) this.#gone(id);
    else if (row.deleted_at) await this.forget(id);
    else this.#tell(row, "waiting");
  }

  /** @param {string} id */
  async #inTurn(id) {
    if (this.#free > 0) this.#free -= 1;
    else await /** @type {Promise<void>} */ (new Promise((resolve) => this.#queue.push(resolve)));
    try {
      await this.#send(id);
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  /** @param {string} id */
  async #send(id) {
    const row = await this.journal.get(id);
    if (!row) return this.#gone(id);
    const blob = await this.journal.blob(row);
    this.#tell(row, "sending");
    let clip = await this.server.put(id, blob, row, (part) => this.#progress(id, part));
    this.backoff.reset();
    // What a person did to it while it was on its way is sent after it; only then does the device let go.
    let [name, deleted_at] = [row.name, /** @type {string|null} */ (null)];
    while (!(await this.journal.remove(id, (now) => now.name === name && now.deleted_at === deleted_at))) {
      const now = await this.journal.get(id);
      if (!now) break;
      if (now.name !== name) clip = await this.server.patch(id, { name: now.name });
      if (now.deleted_at) await this.server.delete(id);
      else if (deleted_at) clip = await this.server.restore(id);
      ({ name, deleted_at } = now);
    }
    if (deleted_at) clip = { ...clip, deleted_at };
    this.dispatchEvent(new CustomEvent("sent", { detail: clip }));
    this.#gone(id);
  }

  /**
   * Call it in the same turn in which the row was read, so that no older row is told after a newer one.
   * @param {Kept} row @param {Local["sending"]} [sending]
   */
  #tell(row, sending) {
    const { sending: before = "waiting", progress = 0 } = this.#told.get(row.id) ?? {};
    const local = { ...row, sending: sending ?? before, progress: sending ? 0 : progress };
    this.#told.set(row.id, local);
    this.dispatchEvent(new CustomEvent("change", { detail: local }));
  }

  /** @param {string} id @param {number} progress */
  #progress(id, progress) {
    const local = this.#told.get(id);
    if (!local) return;
    this.#told.set(id, { ...local, progress });
    this.dispatchEvent(new CustomEvent("change", { detail: { ...local, progress } }));
  }

  /** @param {string} id */
  #gone(id) {
    this.#told.delete(id);
    this.dispatchEvent(new CustomEvent("gone", { detail: id }));
  }
}

/** @param {Kept} row */
function finished({ state }) {
  return state === "ready" || state === "refused";
}
