/** One recording on its way: all that is kept of it, in order, from where the server stands. Waits for nothing. */

import { Problem } from "../shared/api.js";
import { segmentOf } from "./journal.js";
import { untold } from "./annotations.js";

/** @typedef {import("../shared/types.js").Kept} Kept */
/** @typedef {import("../shared/types.js").Clip} Clip */
/** @typedef {Pick<import("../shared/api.js").Api, "get"|"finish"|"patch"|"delete"|"restore">} Server */
/** @typedef {(change: Pick<import("../shared/types.js").Change, "id"|"kind"|"value"|"title">, reason: import("../shared/problem.js").Reason) => Promise<void>} Keep */
/** @typedef {Pick<import("./tus.js").Tus, "create"|"head"|"send"|"limit_bytes">} Uploads */

/**
 * Bytes of one request: few on a line that breaks or crawls, since what breaks off is sent again, and ever more on one
 * that does not, up to what costs a phone and a server little memory.
 */
const FIRST_BYTES = 512 * 1024;
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 4 * 1024 * 1024;

/** A request of so little is refused for another reason than its size: no proxy has a lower limit. */
const SMALL_BYTES = 16 * 1024;

/** A request that took longer than this was large enough. */
const SLOW_MS = 5_000;

/** What the server takes: gaps of one recording, and 24 days, of which a recording may be continued after more. */
const MOST_GAPS = 1_000;
const LONGEST_MS = 2 ** 31 - 1;

/** Whether the server knows the clip: of a recording from its first second, of a file from its last byte. */
const isThere = (/** @type {Kept} */ { is_file, segments: [first] }) =>
  is_file ? first.sealed : first.url !== null;

/** Whether nothing was recorded, and nobody records it. @param {Kept} row */
export const isEmpty = ({ bytes, state }) => bytes === 0 && state !== "recording";

/** Whether the server knows all that a person did to it. @param {Kept} row */
const isAgreed = (row) => row.told !== null && untold(row) === null;

/** @param {Kept} row */
const keyOf = ({ key }) => (key ? { key } : {});

/** @param {unknown} error */
function unlessDefinite(error) {
  if (!(error instanceof Problem && error.definite)) throw error;
}

const isAway = (/** @type {unknown} */ error) =>
  error instanceof Problem && (error.status === 404 || error.status === 410);

export class Upload {
  /** Where each segment ends on the server, as far as it said so since the last failure. @type {Map<number, number>} */
  #offsets = new Map();
  /** Segments that the server did not know any more, and that were begun anew. @type {Set<number>} */
  #renewed = new Set();
  #most_bytes;

  /**
   * @param {string} id @param {import("./journal.js").Journal} journal @param {Server} server @param {Uploads} uploads
   * @param {(row: Kept) => void} moved called whenever the server has more
   * @param {Keep} [keep] what the server refused and is nowhere else
   */
  constructor(id, journal, server, uploads, moved, keep = async () => {}) {
    this.id = id;
    this.journal = journal;
    this.server = server;
    this.uploads = uploads;
    this.moved = moved;
    this.keep = keep;
    this.#most_bytes = Math.min(FIRST_BYTES, uploads.limit_bytes);
  }

  /**
   * Send what there is at this moment.
   * @returns {Promise<Clip|null>} the clip, when that was all and the device has forgotten it
   */
  async advance() {
    try {
      for (let n = 0, row; (row = await this.#row()) && n < row.segments.length; n += 1) {
        if (!row.segments[n].sealed) await this.#segment(n);
        if (n === 0) await this.#agreeIfKnown();
      }
      const row = await this.#agreeIfKnown();
      const isOver = row?.state === "ready" && row.segments.every(({ sealed }) => sealed);
      return isOver ? await this.#finish(row) : null;
    } catch (error) {
      // What was under way may have arrived without its answer: ask before going on.
      this.#offsets.clear();
      this.#most_bytes = Math.min(this.uploads.limit_bytes, Math.max(LEAST_BYTES, this.#most_bytes / 2));
      throw error;
    }
  }

  /** Tell the server what a person did to the clip, if it knows the clip. @returns {Promise<Kept|null>} */
  async agree(isKnown = isThere) {
    for (let row; (row = await this.#row()); ) {
      const step = isKnown(row) && row.told ? untold(row) : null;
      if (!step) return row;
      try {
        await this.#tell(step);
      } catch (error) {
        unlessDefinite(error);
        // A name that cannot be, or a clip that is not there any more: no reason to hold the sound back. What was
        // noted is nowhere else: it is kept, and a person told.
        if (step.isNote) await this.#refused(step, row.name, /** @type {Problem} */ (error));
      }
      await this.journal.update(this.id, { told: step.told });
    }
    return null;
  }

  /** As `agree`; the sound of somebody who is not signed in any more goes on without it. */
  async #agreeIfKnown() {
    try {
      return await this.agree();
    } catch (error) {
      if (!(error instanceof Problem && error.isSignedOut)) throw error;
      return this.#row();
    }
  }

  /** Nothing was recorded: what was begun goes to the bin. Unless somebody goes on with it just now. */
  async cancel() {
    const now = new Date().toISOString();
    await this.journal.update(this.id, (row) => (isEmpty(row) ? { deleted_at: row.deleted_at ?? now } : {}));
    // Its creation may have arrived without an answer.
    await this.agree((row) => row.told !== null);
    await this.journal.remove(this.id, (row) => isEmpty(row) && row.deleted_at !== null);
  }

  #row() {
    return this.journal.get(this.id);
  }

  /** @param {import("./annotations.js").Step} step @returns {Promise<unknown>} */
  #tell({ patch, deleted }) {
    if (patch) return this.server.patch(this.id, patch);
    return deleted ? this.server.delete(this.id) : this.server.restore(this.id);
  }

  /** @param {import("./annotations.js").Step} step @param {string} title @param {Problem} problem */
  async #refused({ patch }, title, problem) {
    const [[kind, value]] = Object.entries(patch ?? {});
    await this.keep({ id: this.id, kind: /** @type {"notes"|"markers"} */ (kind), value: /** @type {any} */ (value), title }, problem.reason);
  }

  /** Send a segment, as far as it is here. @param {number} n */
  async #segment(n) {
    for (let row; (row = await this.#row()) && !row.segments[n].sealed; ) {
      const offset = this.#offsets.get(n);
      if (offset === undefined) await this.#find(row, n);
      else if (!(await this.#send(row, n, offset))) return;
    }
  }

  /** Send the next bytes of a segment. Answers false when there are none. @param {Kept} row */
  async #send(row, /** @type {number} */ n, /** @type {number} */ offset) {
    const { bytes, url } = row.segments[n];
    // Another upload may have learned of a limit meanwhile.
    const most_bytes = Math.min(this.#most_bytes, this.uploads.limit_bytes);
    const next = offset < bytes ? await this.journal.read(this.id, n, offset, most_bytes) : null;
    if (offset < bytes && !next) throw new Problem({ code: "device.incomplete" }, 410);
    const end = offset + (next?.data.byteLength ?? 0);
    // Of what was stopped before anything came, nothing is ended: it is cancelled.
    const isLast = end >= bytes && !isEmpty(row) && (row.state === "ready" || n < row.segments.length - 1);
    if (!next && !isLast) return false;
    // A file's length was said at its beginning.
    if (!next && row.is_file) return Boolean(await this.#note(n, offset, { sealed: true }));
    const about = { length: isLast && !row.is_file ? end : null, recorded_ms: next?.recorded_ms, ...keyOf(row) };
    const began = performance.now();
    try {
      const answer = await this.uploads.send(url ?? "", offset, next?.data ?? new ArrayBuffer(0), about);
      await this.#note(n, answer.offset, { sealed: answer.taken && isLast && answer.offset >= bytes });
    } catch (error) {
      if (this.#shrinks(error, next?.data.byteLength ?? 0)) return true;
      if (!isAway(error) || this.#renewed.has(n)) throw error;
      await this.#renew(row, n);
    }
    if (performance.now() - began < SLOW_MS) {
      this.#most_bytes = Math.min(MOST_BYTES, this.uploads.limit_bytes, this.#most_bytes * 2);
    }
    return true;
  }

  /**
   * Whether a refusal is about the size of one request, as a proxy's in front of the server: less of it may pass, and
   * from now on no recording's requests grow beyond that. @param {unknown} error @param {number} bytes that were sent
   */
  #shrinks(error, bytes) {
    if (!(error instanceof Problem) || error.status !== 413 || error.isOurs || bytes <= SMALL_BYTES) return false;
    this.uploads.limit_bytes = Math.min(this.uploads.limit_bytes, Math.max(SMALL_BYTES, Math.floor(bytes / 2)));
    this.#most_bytes = Math.min(this.#most_bytes, this.uploads.limit_bytes);
    return true;
  }

  /** Learn where a segment stands, and begin it if the server does not know it. @param {Kept} row */
  async #find(row, /** @type {number} */ n) {
    const { url } = row.segments[n];
    try {
      await this.#note(n, url ? await this.uploads.head(url, row.key) : await this.#create(row, n));
    } catch (error) {
      if (!url || !isAway(error) || this.#renewed.has(n)) throw error;
      await this.#renew(row, n);
    }
  }

  /** @param {Kept} row @param {number} n */
  async #create(row, n) {
    const { id, is_file, created_at, modified_at, bytes, language } = row;
    // Remembered before it is said: if the answer is lost and the name changes, the first name is the one to change.
    const { name, name_origin } = row;
    const told = row.told ?? { name, ...(name_origin && { name_origin }), deleted: false };
    await this.journal.update(id, { told });
    const { url, offset, key } = await this.uploads.create({
      ...{ clip_id: id, segment: is_file ? null : n, name: told.name, mime: row.segments[n].mime },
      ...(told.name_origin && { name_origin: told.name_origin }),
      ...(modified_at ? { last_modified: modified_at } : { recorded_at: created_at }),
      ...(language ? { language } : {}),
      ...(row.library ? { library: row.library } : {}),
      ...keyOf(row),
      length: is_file ? bytes : null,
    });
    await this.journal.update(id, (now) => ({ ...segmentOf(now, n, { url }), ...(key ? { key } : {}) }));
    return offset;
  }

  /** The server does not have this upload any more: begin anew, if all of it is here. @param {Kept} row */
  async #renew(row, /** @type {number} */ n) {
    this.#renewed.add(n);
    this.#offsets.delete(n);
    const isHere = row.segments[n].bytes === 0 || (await this.journal.read(this.id, n, 0, 1)) !== null;
    if (!isHere) throw new Problem({ code: "device.incomplete" }, 410);
    await this.journal.update(this.id, (now) => segmentOf(now, n, { url: null, sent: 0 }));
  }

  /** @param {number} n @param {number} offset @param {Partial<import("../shared/types.js").Segment>} [more] */
  async #note(n, offset, more) {
    this.#offsets.set(n, offset);
    const row = await this.journal.acknowledge(this.id, n, offset, more);
    if (row) this.moved(row);
    return row;
  }

  /** @param {Kept} row @returns {Promise<Clip|null>} */
  async #finish({ id, is_file, segments, duration_ms, gaps, key }) {
    const told = gaps.slice(0, MOST_GAPS).map((gap) => ({ ...gap, length_ms: Math.min(gap.length_ms, LONGEST_MS) }));
    const about = { segments: segments.length, duration_ms: duration_ms ?? 0, gaps: told };
    let clip = await (is_file ? this.server.get(id) : this.server.finish(id, about, key)).catch(async (error) => {
      if (!(error instanceof Problem) || error.status !== 409) throw error;
      // The server misses something that it said it had: ask for each segment again.
      await this.journal.update(id, (now) => ({ segments: now.segments.map((one) => ({ ...one, sealed: false })) }));
      throw new Problem(error.reason, 503);
    });
    // What a person did to it in the meantime is told too; only then does the device let go.
    while (!(await this.journal.remove(id, isAgreed))) {
      if (!(await this.agree())) break;
      clip = await this.server.get(id);
    }
    return clip;
  }
}
