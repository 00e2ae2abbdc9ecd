/** What this device keeps until the server has it, in IndexedDB: a row for each recording and each piece of its sound. */

import { uuid } from "../shared/format.js";
import { Problem } from "../shared/problem.js";

/** @typedef {import("../shared/types.js").Kept} Kept */
/** @typedef {import("../shared/types.js").Segment} Segment */
/**
 * Some sound of a recording, and where it begins in its segment; `recorded_ms`: how long the recording is at its end.
 * @typedef {{recording: string, sequence: number, segment: number, start: number, recorded_ms: number|null,
 *   data: ArrayBuffer|Blob}} Piece
 */

const NAME = "dictaphone";
const RECORDINGS = "recordings";
const PIECES = "pieces";
const PATIENCE_MS = 3_000;

/** @param {string} mime @returns {Segment} */
const newSegment = (mime, bytes = 0) => ({ mime, bytes, sent: 0, url: null, sealed: false });

/**
 * The row of a recording that begins now, or of a file.
 * @param {Pick<Kept, "name"|"mime"|"state"> & Partial<Kept>} about @returns {Kept}
 */
export function newRow(about, at = new Date()) {
  const created_at = at.toISOString();
  return {
    ...{ id: uuid(), created_at, is_file: false, bytes: 0, duration_ms: null, problem: null, deleted_at: null },
    ...{ segments: [newSegment(about.mime)], gaps: [], told: null, sent_ms: 0, heard_at: created_at },
    ...about,
  };
}

/** A row as it is written now. Earlier versions knew no segments: what they had finished is sent as one file. */
function current(/** @type {Kept} */ row) {
  if (row.segments) return row;
  const heard_at = new Date(Date.parse(row.created_at) + (row.duration_ms ?? 0)).toISOString();
  const segments = [newSegment(row.mime, row.bytes)];
  return { ...newRow(row, new Date(row.created_at)), heard_at, segments, is_file: row.state !== "recording" };
}

/** @param {Kept} row @param {number} segment @param {Partial<Segment>} changes @returns {Pick<Kept, "segments">} */
export function segmentOf(row, segment, changes) {
  return { segments: row.segments.map((other, n) => (n === segment ? { ...other, ...changes } : other)) };
}

/**
 * A row to which so many bytes were added, and where they are. @param {Kept} row @param {number} bytes
 * @param {{recorded_ms?: number|null, opens?: string|null}} piece
 * @returns {[Kept, Pick<Piece, "segment"|"start"|"recorded_ms">]}
 */
function grown(row, bytes, { recorded_ms = null, opens = null }) {
  const last = row.segments.at(-1);
  const isNew = opens !== null && last?.bytes !== 0;
  const segments = isNew ? [...row.segments, newSegment(opens)] : row.segments;
  const segment = segments.length - 1;
  const { bytes: start, mime } = segments[segment];
  const now = {
    ...{ ...row, ...segmentOf({ ...row, segments }, segment, { bytes: start + bytes, mime: opens ?? mime }) },
    ...{ bytes: row.bytes + bytes, duration_ms: recorded_ms ?? row.duration_ms, heard_at: new Date().toISOString() },
  };
  return [now, { segment, start, recorded_ms }];
}

/** @param {string} id */
const piecesOf = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

const sizeOf = (/** @type {ArrayBuffer|Blob} */ data) => (data instanceof Blob ? data.size : data.byteLength);

/** Where the browser has no storage, or its disk is full, memory takes over and `unsafe` is emitted. */
export class Journal extends EventTarget {
  /** @type {IDBDatabase|null} */
  #db = null;
  /** Settled when the database can be asked. @type {Promise<unknown>} */
  #ready = Promise.resolve();
  /** Whether nobody knows yet if this browser has storage. */
  #isOpening = false;
  /** What the disk does not know, or not as it is now. @type {Map<string, Kept>} */
  #rows = new Map();
  /** What this page makes, as it is on the disk: it goes on from there if the disk fails. @type {Map<string, Kept>} */
  #made = new Map();
  /** What the disk did not take, after what it has. @type {Piece[]} */
  #loose = [];

  /** @param {Promise<IDBDatabase|null>|null} opening the database; null: in memory alone */
  constructor(opening) {
    super();
    if (opening) this.#await(opening);
  }

  /**
   * The journal of this device. It opens by itself, and whatever is asked of it waits for that; not for long, since
   * some browsers' storage hangs.
   */
  static open(patience_ms = PATIENCE_MS) {
    /** @type {Promise<null>} */
    const late = new Promise((resolve) => setTimeout(resolve, patience_ms, null));
    return new Journal(Promise.race([database(), late]));
  }

  /** Whether what is kept survives the end of this page. */
  get safe() {
    return (this.#db !== null || this.#isOpening) && this.#rows.size === 0 && this.#loose.length === 0;
  }

  /** @param {Kept} row */
  async create(row) {
    try {
      await this.#change(async (rows) => void rows.put(row));
      this.#made.set(row.id, row);
    } catch (error) {
      this.#rows.set(row.id, row);
      this.#unsafe(error);
    }
  }

  /**
   * Commit a piece to the end of a recording, and what is known of the recording since. An ArrayBuffer, because Safari
   * loses Blobs. `opens` is the media type of a new segment that begins with this piece. Throws if nobody knows the
   * recording any more.
   * @param {string} id @param {ArrayBuffer|Blob} data @param {{recorded_ms?: number|null, opens?: string|null}} [about]
   * @returns {Promise<boolean>} whether it is kept as well as this device can
   */
  async append(id, data, about = {}) {
    const bytes = sizeOf(data);
    if (!this.#rows.has(id) || (await this.#settle(id))) {
      try {
        const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
        const committed = await this.#change(async (rows, pieces) => {
          const row = await answer(rows.get(id));
          if (!row) return null;
          const last = await answer(pieces.openKeyCursor(piecesOf(id), "prev"));
          const sequence = last ? /** @type {[string, number]} */ (last.key)[1] + 1 : 0;
          const [now, place] = grown(current(row), bytes, about);
          pieces.put({ recording: id, sequence, data: buffer, ...place });
          rows.put(now);
          return now;
        });
        this.#remember(committed);
        if (committed) return true;
      } catch (error) {
        this.#unsafe(error);
      }
    }
    const row = this.#rows.get(id) ?? this.#made.get(id) ?? (await this.#stored(id).catch(() => null));
    if (!row) throw new Problem({ code: "device.lost" }, 500);
    const [now, place] = grown(row, bytes, about);
    this.#loose.push({ recording: id, sequence: Infinity, data, ...place });
    this.#rows.set(id, now);
    return this.#db === null;
  }

  /** This page goes on with a recording. @param {Kept} row as it is on the disk */
  own(row) {
    if (!this.#rows.has(row.id)) this.#made.set(row.id, row);
  }

  /**
   * Change what is known of a recording.
   * @param {string} id @param {Partial<Kept>|((row: Kept) => Partial<Kept>)} changes a function sees the row as it is
   *   in the moment of the change @returns {Promise<Kept|null>}
   */
  async update(id, changes) {
    const given = typeof changes === "function" ? changes : () => changes;
    const changed = (/** @type {Kept} */ row) => ({ ...row, ...given(row) });
    if (this.#rows.has(id) || !(await this.#database())) {
      const row = this.#rows.get(id);
      if (row) this.#rows.set(id, changed(row));
      return this.#rows.get(id) ?? null;
    }
    try {
      const now = await this.#change(async (rows) => {
        const row = await answer(rows.get(id));
        if (!row) return null;
        const now = changed(current(row));
        rows.put(now);
        return now;
      });
      this.#remember(now);
      return now;
    } catch (error) {
      // A disk that is full can still be read, and what is on it sent: that is what makes room.
      const known = this.#rows.get(id) ?? this.#made.get(id) ?? (await this.#stored(id).catch(() => null));
      if (known) this.#rows.set(id, changed(known));
      this.#unsafe(error);
      return this.#rows.get(id) ?? null;
    }
  }

  /** @param {string} id @returns {Promise<Kept|null>} */
  async get(id) {
    return this.#rows.get(id) ?? (await this.#stored(id));
  }

  /** @returns {Promise<Kept[]>} */
  async all() {
    const db = await this.#database();
    /** @type {Kept[]} */
    const stored = db ? await answer(db.transaction(RECORDINGS).objectStore(RECORDINGS).getAll()) : [];
    return [...stored.filter((row) => !this.#rows.has(row.id)).map(current), ...this.#rows.values()];
  }

  /**
   * Read on in a segment, from a byte on, at most so many bytes: a part of a piece, or several joined.
   * @param {string} id @param {number} segment @param {number} from @param {number} most_bytes
   * @returns {Promise<{data: ArrayBuffer, recorded_ms: number|null}|null>} null: what is there is not here
   */
  async read(id, segment, from, most_bytes) {
    /** @type {Blob[]} */
    const parts = [];
    let [at, recorded_ms] = [from, /** @type {number|null} */ (null)];
    await this.#walk(id, (piece) => {
      const end = piece.start + sizeOf(piece.data);
      if (piece.segment < segment || (piece.segment === segment && end <= at)) return true;
      if (piece.segment > segment || piece.start > at) return false;
      const part = new Blob([piece.data]).slice(at - piece.start, at - piece.start + most_bytes - (at - from));
      parts.push(part);
      at += part.size;
      if (at === end) recorded_ms = piece.recorded_ms;
      return at === end && at - from < most_bytes;
    });
    return parts.length ? { data: await new Blob(parts).arrayBuffer(), recorded_ms } : null;
  }

  /**
   * The server has a segment up to here: forget these pieces, and remember how far it is.
   * @param {string} id @param {number} segment @param {number} offset @param {Partial<Segment>} [more] known of it now
   */
  async acknowledge(id, segment, offset, more = {}) {
    let sent_ms = 0;
    const over = (/** @type {Piece} */ piece) => {
      if (piece.segment !== segment || piece.start + sizeOf(piece.data) > offset) return false;
      sent_ms = Math.max(sent_ms, piece.recorded_ms ?? 0);
      return true;
    };
    if (await this.#database()) {
      await this.#change((_, pieces) =>
        // Pieces of earlier versions are found by counting from the first, so they stay until all is sent.
        each(pieces.openCursor(piecesOf(id)), (cursor) => {
          const isOver = over(cursor.value);
          if (isOver) cursor.delete();
          return isOver || cursor.value.start === undefined || cursor.value.segment < segment;
        }),
      ).catch((error) => this.#unsafe(error));
    }
    this.#loose = this.#loose.filter((piece) => piece.recording !== id || !over(piece));
    return this.update(id, (row) => ({
      ...segmentOf(row, segment, { sent: offset, ...more }),
      sent_ms: Math.max(row.sent_ms, sent_ms),
    }));
  }

  /**
   * The pieces of a recording that are still here, joined in their order; a browser keeps large Blobs outside the
   * page's memory. @param {Kept} row
   */
  async blob(row) {
    /** @type {Blob[]} */
    const parts = [];
    await this.#walk(row.id, ({ data }) => Boolean(parts.push(new Blob([data]))));
    return new Blob(parts, { type: row.mime });
  }

  /**
   * Forget a recording and its pieces, if it is still as `still` says. In one transaction, so that a name given in the
   * meantime is not lost. @param {string} id @param {(row: Kept) => boolean} [still] @returns {Promise<boolean>}
   */
  async remove(id, still = () => true) {
    const inMemory = this.#rows.get(id);
    if (inMemory && !still(inMemory)) return false;
    const removed = await this.#change(async (rows, pieces) => {
      const row = await answer(rows.get(id));
      if (!inMemory && row && !still(current(row))) return false;
      rows.delete(id);
      pieces.delete(piecesOf(id));
      return true;
    }).catch((error) => {
      if (!inMemory) throw error;
      return true;
    });
    if (!removed) return false;
    this.#rows.delete(id);
    this.#made.delete(id);
    this.#loose = this.#loose.filter((piece) => piece.recording !== id);
    return true;
  }

  /** The row as the disk has it. @param {string} id @returns {Promise<Kept|null>} */
  async #stored(id) {
    const db = await this.#database();
    const row = db && (await answer(db.transaction(RECORDINGS).objectStore(RECORDINGS).get(id)));
    return row ? current(row) : null;
  }

  /** Bring back to the disk what memory holds of a recording. @param {string} id @returns {Promise<boolean>} */
  async #settle(id) {
    const row = this.#rows.get(id);
    if (!row || !(await this.#database())) return false;
    const loose = this.#loose.filter(({ recording }) => recording === id);
    try {
      const data = await Promise.all(loose.map((piece) => new Blob([piece.data]).arrayBuffer()));
      await this.#change(async (rows, pieces) => {
        const last = await answer(pieces.openKeyCursor(piecesOf(id), "prev"));
        const first = last ? /** @type {[string, number]} */ (last.key)[1] + 1 : 0;
        loose.forEach((piece, n) => pieces.put({ ...piece, sequence: first + n, data: data[n] }));
        rows.put(row);
      });
    } catch {
      return false;
    }
    this.#loose = this.#loose.filter((piece) => !loose.includes(piece));
    this.#made.set(id, row);
    // What was done to it meanwhile is in memory alone.
    return this.#rows.get(id) === row && this.#rows.delete(id);
  }

  /**
   * Show each piece of a recording in order, until `visit` has seen enough and answers false.
   * @param {string} id @param {(piece: Piece) => boolean} visit
   */
  async #walk(id, visit) {
    let [goesOn, end] = [true, 0];
    const db = await this.#database();
    if (db) {
      const cursor = db.transaction(PIECES).objectStore(PIECES).openCursor(piecesOf(id));
      await each(cursor, ({ value: { segment = 0, start = end, recorded_ms = null, ...piece } }) => {
        end = start + sizeOf(piece.data);
        return (goesOn = visit({ ...piece, segment, start, recorded_ms }));
      });
    }
    for (const piece of this.#loose) if (goesOn && piece.recording === id) goesOn = visit(piece);
  }

  /**
   * Run one transaction over both stores; resolves when it is on the disk.
   * @template T @param {(rows: IDBObjectStore, pieces: IDBObjectStore) => Promise<T>} work @returns {Promise<T>}
   */
  async #change(work) {
    const db = await this.#database();
    if (!db) throw new Problem({ code: "device.keepsNothing" }, 500);
    const transaction = db.transaction([RECORDINGS, PIECES], "readwrite", { durability: "strict" });
    const committed = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    committed.catch(() => {}); // Awaited below, unless the work itself fails first.
    const result = await work(transaction.objectStore(RECORDINGS), transaction.objectStore(PIECES));
    await committed;
    return result;
  }

  /** @param {Promise<IDBDatabase|null>} opening */
  #await(opening) {
    this.#isOpening = true;
    this.#ready = opening.then((db) => {
      [this.#db, this.#isOpening] = [db, false];
      // Safari loses the connection to its database when it likes, and gives another one.
      if (db) db.onclose = () => this.#await(database());
    });
  }

  async #database() {
    await this.#ready;
    return this.#db;
  }

  /** @param {Kept|null} row as it was committed just now */
  #remember(row) {
    if (row && this.#made.has(row.id)) this.#made.set(row.id, row);
  }

  /** @param {unknown} error */
  #unsafe(error) {
    this.dispatchEvent(new CustomEvent("unsafe", { detail: error }));
  }
}

/** The database of this device, or null where there is none. @returns {Promise<IDBDatabase|null>} */
async function database() {
  try {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDINGS, { keyPath: "id" });
      request.result.createObjectStore(PIECES, { keyPath: ["recording", "sequence"] });
    };
    return await answer(request);
  } catch {
    return null;
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Go through a cursor as long as `visit` says. @param {IDBRequest<IDBCursorWithValue|null>} request */
function each(request, /** @type {(cursor: IDBCursorWithValue) => boolean} */ visit) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        if (request.result && visit(request.result)) request.result.continue();
        else resolve();
      };
    })
  );
}
