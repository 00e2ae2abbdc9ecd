/** What leaves this device: every kept recording is sent until the server has it, by one tab, whatever breaks. */

import { Backoff } from "../shared/backoff.js";
import { Problem } from "../shared/api.js";
import { HOME, NOBODY } from "../shared/session.js";
import { Upload, isEmpty } from "./upload.js";

/** @typedef {import("../shared/types.js").Kept} Kept */
/** @typedef {Pick<Kept, "notes"|"markers">} Annotations */
/** @typedef {import("../shared/types.js").Local} Local */
/** @typedef {import("../shared/types.js").Clip} Clip */
/** @typedef {(id: string, work: (held: boolean) => Promise<void>, now?: boolean) => Promise<void>} Lock */

/** First wait after a failed attempt, and the longest: a server that is away for a night is asked once a minute. */
const FIRST_MS = 1_000;
const MOST_MS = 60_000;

/** Uploads at once: enough to fill a line, few enough that each of them comes to its end. */
const AT_ONCE = 3;


/** How long a recording that the server refused, and a person threw away, stays in the bin: it is the only copy. */
const BIN_MS = 30 * 24 * 3_600_000;

/**
 * Hold a recording for this tab alone, from its first second until the server has it (Web Locks). A tab that dies lets
 * go, and the tab that waited next carries on. Without Web Locks two tabs may send the same recording: the server takes
 * each byte once. With `now` nobody waits, and `work` is told whether it holds the lock.
 * @type {Lock}
 */
export const webLock = (id, work, now = false) =>
  globalThis.navigator?.locks
    ? navigator.locks.request(`dictaphone:${id}`, { ifAvailable: now }, (lock) => work(lock !== null))
    : work(true);

/**
 * Emits `others` with how many recordings of other people wait here, `change` (a Local), `sent` (a Clip), `gone` (an id), and `progress` with `{id, server_ms, problem}` of what is
 * being recorded.
 */
export class Outbox extends EventTarget {
  /** Recordings whose lock this tab waits for or holds. @type {Set<string>} */
  #followed = new Set();
  /** @type {Set<string>} */
  #held = new Set();
  /** What this tab is making at this moment: a recording, or the copy of a file. @type {Set<string>} */
  #making = new Set();
  /** Recordings of which there is news, and who waits for it. @type {Map<string, () => void>} */
  #news = new Map();
  /** @type {Map<string, Local>} */
  #told = new Map();
  #free = AT_ONCE;
  /** @type {(() => void)[]} */
  #queue = [];

  /**
   * @param {import("./journal.js").Journal} journal @param {import("./upload.js").Server} server
   * @param {import("./upload.js").Uploads} uploads
   * @param {{lock?: Lock, backoff?: Backoff, channel?: BroadcastChannel|null, keep?: import("./upload.js").Keep,
   *   session?: Pick<import("../shared/session.js").Session, "mark"|"isOurs">}} [options]
   *   channel: to the other tabs; keep: takes what the server refused and is nowhere else; session: whose this is
   */
  constructor(journal, server, uploads, { lock = webLock, backoff, channel = null, keep, session = NOBODY } = {}) {
    super();
    this.journal = journal;
    this.server = server;
    this.uploads = uploads;
    this.lock = lock;
    this.keep = keep;
    this.session = session;
    this.channel = channel;
    channel?.addEventListener("message", () => void this.scan());
    this.backoff = backoff ?? new Backoff({ first_ms: FIRST_MS, max_ms: MOST_MS });
  }

  /** Find what is left on the device, by this tab or another, by this visit or an earlier one, and see it sent. */
  async scan() {
    const rows = await this.journal.all();
    const others = rows.filter((row) => !this.session.isOurs(row));
    this.dispatchEvent(new CustomEvent("others", { detail: others.length }));
    for (const { id } of others) this.#gone(id);
    for (const row of rows) {
      if (others.includes(row)) continue;
      if (!row.person && this.session.mark.person) await this.journal.update(row.id, { ...this.session.mark, library: HOME });
      if (row.deleted_at && Date.parse(row.deleted_at) < Date.now() - BIN_MS) await this.forget(row.id);
      if (isShown(row)) this.#tell(row);
      else this.#gone(row.id);
      this.nudge(row.id);
    }
  }

  /**
   * Enter a recording or a file, hold it while this tab makes it, and send what there is meanwhile.
   * @param {Kept} row @param {() => Promise<void>} make
   */
  async begin(row, make) {
    await this.journal.create({ ...row, ...this.session.mark });
    this.#make(row.id, make());
  }

  /**
   * Go on with a recording that was left.
   * @param {string} id @param {Promise<void>} made when it is stopped again
   * @returns {Promise<Kept|null>} null: another tab has it, or it is sent
   */
  async resume(id, made) {
    this.#making.add(id);
    const free = this.#held.has(id) || (!this.#followed.has(id) && (await this.#hold(id)));
    const row = free ? await this.journal.update(id, (now) => (now.state === "left" ? goesOn(now) : {})) : null;
    if (row?.state !== "recording") {
      this.#making.delete(id);
      this.nudge(id);
      return null;
    }
    this.journal.own(row);
    this.#gone(id);
    this.#make(id, made);
    this.channel?.postMessage(id);
    return row;
  }

  /** There is more of it, or something was done to it. @param {string} id */
  nudge(id) {
    if (!this.#followed.has(id)) void this.#follow(id);
    else {
      this.#news.get(id)?.();
      this.#news.set(id, () => {});
    }
  }

  /** A recording of which nothing comes for a while goes on: the server finishes by itself what it thinks left. */
  async beat(/** @type {string} */ id) {
    const row = await this.journal.get(id);
    const last = row?.segments.at(-1);
    // A beat that is missed is no harm: the next one comes, and what comes later opens the recording again.
    if (last?.url) await this.uploads.send(last.url, last.sent, new ArrayBuffer(0), { key: row?.key }).catch(() => {});
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
    return this.#update(id, { name, name_origin: undefined });
  }

  /**
   * Give what is not sent yet a name that no person gave; one that a person gave stands.
   * @param {string} id @param {string} name @returns {Promise<boolean>} false: it is sent
   */
  suggest(id, name) {
    return this.#update(id, ({ name_origin }) => (name_origin === "default" ? { name } : {}));
  }

  /**
   * Note something beside what is not sent yet, or mark moments of it.
   * @param {string} id
   * @param {Annotations|((row: Kept) => Annotations)} annotations a function sees the row in the moment of the change
   * @returns {Promise<boolean>} false: it is sent
   */
  annotate(id, annotations) {
    return this.#update(id, annotations);
  }

  /**
   * Throw away, or take back, what is not sent yet.
   * @param {string} id @param {string|null} deleted_at @returns {Promise<boolean>} false: it is sent
   */
  discard(id, deleted_at) {
    return this.#update(id, (row) => (isShown(row) ? { deleted_at } : {}));
  }

  /** The recording that is made here is stopped: nothing more will come of it. @param {string} id */
  stop(id) {
    return this.#update(id, { state: "ready", problem: null, reason: null });
  }

  /** Send as it is what was left, or what the server refused. @param {string} id */
  finish(id) {
    // Another tab may have gone on with it since it was shown here.
    return this.#update(id, (row) => (isShown(row) ? { state: "ready", problem: null, reason: null } : {}));
  }

  /**
   * The server finishes by itself a recording whose tab never came back. If it has all of it, there is nothing left to
   * ask a person. @param {Clip} clip
   */
  async told({ id, status }) {
    if (status === "recording" || this.#told.get(id)?.state !== "left") return;
    // What is known here of its gaps is told, too; then it is forgotten.
    await this.#update(id, (row) => (row.state === "left" && isSent(row) ? { state: "ready" } : {}));
  }

  /**
   * The audio of a kept recording, or null when not all of it is here any more: then the server has it, unless it
   * refused the rest. @param {string} id
   */
  async audio(id) {
    const row = await this.journal.get(id);
    const blob = row && (await this.journal.blob(row));
    return blob?.size && (blob.size === row?.bytes || row?.state === "refused") ? blob : null;
  }

  /** @param {string} id @param {Promise<void>} made */
  #make(id, made) {
    this.#making.add(id);
    this.nudge(id);
    void made.finally(() => {
      this.#making.delete(id);
      this.wake();
      this.nudge(id);
      this.channel?.postMessage(id);
    });
  }

  /** @param {string} id @param {Parameters<import("./journal.js").Journal["update"]>[1]} changes */
  async #update(id, changes) {
    const row = await this.journal.update(id, changes);
    if (!row) return false;
    if (isShown(row)) this.#tell(row);
    else this.#gone(id);
    this.nudge(id);
    this.channel?.postMessage(id);
    return true;
  }

  /** Take a recording's lock if nobody has it. @param {string} id @returns {Promise<boolean>} */
  #hold(id) {
    return new Promise((resolve) => void this.#follow(id, resolve));
  }

  /** @param {string} id @param {(held: boolean) => void} [taken] given: do not wait for the lock, and say this */
  async #follow(id, taken) {
    this.#followed.add(id);
    try {
      await this.lock(
        id,
        async (held) => {
          if (held) this.#held.add(id);
          taken?.(held);
          if (held) await this.#deliver(id);
        },
        taken !== undefined,
      );
    } finally {
      this.#followed.delete(id);
      this.#held.delete(id);
    }
    // What came while the lock was let go.
    if (this.#news.delete(id)) this.nudge(id);
  }

  /** @param {string} id */
  async #deliver(id) {
    const upload = new Upload(id, this.journal, this.server, this.uploads, (row) => this.#moved(row), this.keep);
    // Nobody records it any more, or we would not hold its lock: its tab died.
    const orphaned = (/** @type {Kept} */ { state }) => state === "recording" && !this.#making.has(id);
    const leave = (/** @type {Kept} */ row) => (orphaned(row) ? { state: /** @type {const} */ ("left") } : {});
    for (;;) {
      try {
        const found = await this.#next(id);
        if (found && !this.session.isOurs(found)) return this.#gone(id);
        const row = found && orphaned(found) ? await this.journal.update(id, leave) : found;
        if (!row) return this.#gone(id);
        if (await this.#step(row, upload)) return;
      } catch (error) {
        const sendingProblem = () => new Problem([{ code: "device.sendingFailed" }, { said: `(${error})` }], 500);
        await this.#failed(id, error instanceof Problem ? error : sendingProblem());
        continue;
      }
      if (this.#news.has(id)) continue;
      if (!this.#making.has(id)) return;
      await /** @type {Promise<void>} */ (new Promise((resolve) => this.#news.set(id, resolve)));
    }
  }

  /** The row as it is now; what is done to it from here on is news. @param {string} id */
  #next(id) {
    this.#news.delete(id);
    return this.journal.get(id);
  }

  /**
   * Do for a recording what can be done at this moment.
   * @param {Kept} row @param {Upload} upload @returns {Promise<boolean>} whether it is over
   */
  async #step(row, upload) {
    const { id, state } = row;
    if (isShown(row)) this.#tell(row, "waiting");
    if (state === "copying") {
      // A file of which only a part was copied is worth nothing, and the person still has it.
      if (!this.#making.has(id)) await this.journal.remove(id, (now) => now.state === "copying");
    } else if (isEmpty(row)) await upload.cancel();
    else if (state === "refused") await upload.agree();
    else {
      const clip = state === "recording" ? await upload.advance() : await this.#inTurn(() => this.#send(row, upload));
      this.backoff.reset();
      if (clip) this.dispatchEvent(new CustomEvent("sent", { detail: clip }));
      else {
        const now = row.problem || row.reason ? await this.journal.update(id, { problem: null, reason: null }) : await this.journal.get(id);
        if (now && isShown(now)) this.#tell(now, "waiting");
        return false;
      }
    }
    if (await this.journal.get(id)) return false;
    this.#gone(id);
    return true;
  }

  /** @param {Kept} row @param {Upload} upload */
  #send(row, upload) {
    if (!isSent(row)) this.#tell(row, "sending");
    return upload.advance();
  }

  /** @param {string} id @param {Problem} problem */
  async #failed(id, problem) {
    const final = problem.definite && !this.#making.has(id);
    const reason = problem.status ? problem.reason : null;
    const row = await this.journal.update(id, (now) =>
      now.state === "refused" ? {} : { problem: null, reason, ...(final ? { state: "refused" } : {}) },
    );
    if (row && isShown(row)) this.#tell(row, "waiting");
    else if (row) this.#emitProgress(row);
    if (!final) await this.backoff.wait(problem.retry_ms);
  }

  /** @template T @param {() => Promise<T>} send */
  async #inTurn(send) {
    if (this.#free > 0) this.#free -= 1;
    else await /** @type {Promise<void>} */ (new Promise((resolve) => this.#queue.push(resolve)));
    try {
      return await send();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  /** @param {Kept} row */
  #moved(row) {
    if (isShown(row)) this.#tell(row, "sending");
    else this.#emitProgress({ ...row, problem: null, reason: null });
  }

  /** @param {Kept} row */
  #emitProgress({ id, sent_ms, problem, reason = null }) {
    const detail = { id, server_ms: sent_ms, problem: reason ?? (problem ? { said: problem } : null) };
    this.dispatchEvent(new CustomEvent("progress", { detail }));
  }

  /**
   * Call it in the same turn in which the row was read, so that no older row is told after a newer one.
   * @param {Kept} row @param {Local["sending"]} [sending]
   */
  #tell(row, sending = this.#told.get(row.id)?.sending ?? "waiting") {
    const sent_bytes = row.segments.reduce((sum, { sent }) => sum + sent, 0);
    const local = { ...row, sending, sent_bytes, progress: row.bytes ? Math.min(1, sent_bytes / row.bytes) : 0 };
    this.#told.set(row.id, local);
    this.dispatchEvent(new CustomEvent("change", { detail: local }));
  }

  /** Forget a recording that the server refused and a person threw away. @param {string} id */
  async forget(id) {
    if (await this.journal.remove(id, (row) => row.state === "refused" && row.deleted_at !== null)) this.#gone(id);
  }

  /** @param {string} id */
  #gone(id) {
    if (this.#told.delete(id)) this.dispatchEvent(new CustomEvent("gone", { detail: id }));
  }
}

/** Whether the list shows it: what is being made shows itself elsewhere. @param {Kept} row */
function isShown({ state }) {
  return state === "ready" || state === "refused" || state === "left";
}

/** Whether the server has all that there is. @param {Kept} row */
function isSent({ segments }) {
  return segments.every(({ bytes, sent }) => sent >= bytes);
}

/** @param {Kept} row @returns {Partial<Kept>} */
function goesOn({ gaps, duration_ms, heard_at }) {
  const length_ms = Math.max(0, Date.now() - Date.parse(heard_at));
  const gap = { at_ms: duration_ms ?? 0, length_ms, cause: /** @type {const} */ ("closed") };
  return { state: "recording", problem: null, reason: null, deleted_at: null, gaps: [...gaps, gap] };
}
