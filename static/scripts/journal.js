/**
 * What this device keeps until the server has it: a row for each recording, a row for each piece of its sound, in
 * IndexedDB. Where the browser has none, or its disk is full, memory takes over and `unsafe` is emitted, once.
 */

import { uuid } from "./format.js";

/** @typedef {import("./types.js").Kept} Kept */
/** @typedef {{recording: string, sequence: number, data: ArrayBuffer|Blob}} Piece */

const NAME = "dictaphone";
const RECORDINGS = "recordings";
const PIECES = "pieces";

/**
 * The row of a recording that begins now.
 * @param {Pick<Kept, "name"|"mime"|"state"> & Partial<Kept>} about @returns {Kept}
 */
export function newRow(about, at = new Date()) {
  const unknown = { bytes: 0, duration_ms: null, problem: null, deleted_at: null };
  return { id: uuid(), created_at: at.toISOString(), ...unknown, ...about };
}

/** @param {string} id */
const piecesOf = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

export class Journal extends EventTarget {
  #db;
  /** @type {Map<string, Kept>} */
  #rows = new Map();
  /** @type {Piece[]} */
  #loose = [];

  /** @param {IDBDatabase|null} db null: in memory alone */
  constructor(db) {
    super();
    this.#db = db;
  }

  /** Open the journal of this device; never fails. */
  static async open() {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(RECORDINGS, { keyPath: "id" });
        request.result.createObjectStore(PIECES, { keyPath: ["recording", "sequence"] });
      };
      return new Journal(await answer(request));
    } catch {
      return new Journal(null);
    }
  }

  /** Whether what is kept survives the end of this page. */
  get safe() {
    return this.#db !== null && this.#rows.size === 0 && this.#loose.length === 0;
  }

  /** @param {Kept} row */
  async create(row) {
    try {
      await this.#change(async (rows) => void rows.put(row));
    } catch (error) {
      this.#rows.set(row.id, row);
      this.#unsafe(error);
    }
  }

  /**
   * Commit a piece, and what is known of its recording since. An ArrayBuffer, because Safari loses Blobs.
   * @param {string} id @param {number} sequence @param {ArrayBuffer|Blob} data @param {number|null} [duration_ms]
   */
  async append(id, sequence, data, duration_ms = null) {
    const bytes = data instanceof Blob ? data.size : data.byteLength;
    /** @param {Kept} row */
    const grown = (row) => ({ ...row, bytes: row.bytes + bytes, duration_ms: duration_ms ?? row.duration_ms });
    const inMemory = this.#rows.get(id);
    if (!inMemory) {
      try {
        const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
        return await this.#change(async (rows, pieces) => {
          const row = await answer(rows.get(id));
          if (!row) return;
          pieces.put({ recording: id, sequence, data: buffer });
          rows.put(grown(row));
        });
      } catch (error) {
        this.#unsafe(error);
      }
    }
    this.#loose.push({ recording: id, sequence, data });
    const row = inMemory ?? (await this.get(id));
    if (row) this.#rows.set(id, grown(row));
  }

  /**
   * Change what is known of a recording.
   * @param {string} id @param {Partial<Kept>} changes @returns {Promise<Kept|null>}
   */
  async update(id, changes) {
    const inMemory = this.#rows.get(id);
    if (inMemory) this.#rows.set(id, { ...inMemory, ...changes });
    if (inMemory || !this.#db) return this.#rows.get(id) ?? null;
    return this.#change(async (rows) => {
      const row = await answer(rows.get(id));
      if (!row) return null;
      rows.put({ ...row, ...changes });
      return { ...row, ...changes };
    });
  }

  /** @param {string} id @returns {Promise<Kept|null>} */
  async get(id) {
    const inMemory = this.#rows.get(id);
    if (inMemory || !this.#db) return inMemory ?? null;
    return (await answer(this.#db.transaction(RECORDINGS).objectStore(RECORDINGS).get(id))) ?? null;
  }

  /** @returns {Promise<Kept[]>} */
  async all() {
    /** @type {Kept[]} */
    const stored = this.#db ? await answer(this.#db.transaction(RECORDINGS).objectStore(RECORDINGS).getAll()) : [];
    return [...stored.filter((row) => !this.#rows.has(row.id)), ...this.#rows.values()];
  }

  /**
   * The pieces of a recording, joined in their order; a browser keeps large Blobs outside the page's memory.
   * @param {Kept} row
   */
  async blob(row) {
    /** @type {[number, Blob][]} */
    const parts = this.#loose.filter((p) => p.recording === row.id).map((p) => [p.sequence, new Blob([p.data])]);
    if (this.#db) {
      const cursor = this.#db.transaction(PIECES).objectStore(PIECES).openCursor(piecesOf(row.id));
      await each(cursor, (piece) => parts.push([piece.sequence, new Blob([piece.data])]));
    }
    parts.sort(([a], [b]) => a - b);
    return new Blob(
      parts.map(([, blob]) => blob),
      { type: row.mime },
    );
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
      if (!inMemory && row && !still(row)) return false;
      rows.delete(id);
      pieces.delete(piecesOf(id));
      return true;
    }).catch((error) => {
      if (!inMemory) throw error;
      return true;
    });
    if (!removed) return false;
    this.#rows.delete(id);
    this.#loose = this.#loose.filter((piece) => piece.recording !== id);
    return true;
  }

  /**
   * Run one transaction over both stores; resolves when it is on the disk.
   * @template T @param {(rows: IDBObjectStore, pieces: IDBObjectStore) => Promise<T>} work @returns {Promise<T>}
   */
  async #change(work) {
    if (!this.#db) throw new Error("This browser keeps nothing on the device.");
    const transaction = this.#db.transaction([RECORDINGS, PIECES], "readwrite", { durability: "strict" });
    const committed = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    committed.catch(() => {}); // Awaited below, unless the work itself fails first.
    const result = await work(transaction.objectStore(RECORDINGS), transaction.objectStore(PIECES));
    await committed;
    return result;
  }

  /** @param {unknown} error */
  #unsafe(error) {
    this.dispatchEvent(new CustomEvent("unsafe", { detail: error }));
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBRequest<IDBCursorWithValue|null>} request @param {(value: Piece) => void} visit */
function each(request, visit) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        if (!request.result) return resolve();
        visit(request.result.value);
        request.result.continue();
      };
    })
  );
}
