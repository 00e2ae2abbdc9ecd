/**
 * What this device remembers of the library, in IndexedDB: clips as they were last seen, changes that are not sent yet,
 * and which sounds it keeps. A database of its own: whatever happens to it, recordings (journal.js) are not in it.
 */

const NAME = "dictaphone-library";
const PATIENCE_MS = 2_000;

/** @typedef {"clips"|"changes"|"sounds"} Store */

export class Memory {
  /** @type {Promise<IDBDatabase>|null} */
  #db = null;

  /** @param {Store} store @returns {Promise<any[]>} in the order of their keys */
  all(store) {
    return this.#ask(store, "readonly", (rows) => rows.getAll());
  }

  /** The keys of the clips, oldest first. @returns {Promise<any[]>} */
  clipIds() {
    return this.#ask("clips", "readonly", (rows) => rows.index("created_at").getAllKeys());
  }

  /** @param {Store} store @param {string|number} key @returns {Promise<any>} */
  get(store, key) {
    return this.#ask(store, "readonly", (rows) => rows.get(key));
  }

  /**
   * Those of some rows that are there, in one transaction: each is a message to another process and its answer.
   * @param {Store} store @param {(string|number)[]} keys @returns {Promise<any[]>} in the order of the keys
   */
  async some(store, keys) {
    if (!keys.length) return [];
    /** @type {IDBRequest[]} */
    const asked = [];
    await this.#ask(store, "readonly", (rows) => {
      for (const key of keys) asked.push(rows.get(key));
      return asked[0];
    });
    return asked.flatMap(({ result }) => result ?? []);
  }

  /** Resolves with its key when it is on the disk. @param {Store} store @param {object} row @returns {Promise<any>} */
  put(store, row) {
    return this.#ask(store, "readwrite", (rows) => rows.put(row));
  }

  /** @param {Store} store @param {string|number} key @returns {Promise<any>} */
  delete(store, key) {
    return this.#ask(store, "readwrite", (rows) => rows.delete(key));
  }

  /**
   * Do several things at once, of which none is a loss if the power fails now.
   * @param {Store} store @param {(rows: IDBObjectStore) => any} work
   */
  edit(store, work) {
    return this.#ask(store, "readwrite", work, "relaxed");
  }

  /** @param {Store} store @returns {Promise<any>} */
  clear(store) {
    return this.#ask(store, "readwrite", (rows) => rows.clear());
  }

  /**
   * @template T @param {Store} store @param {IDBTransactionMode} mode @param {(rows: IDBObjectStore) => IDBRequest<T>} work
   * @param {IDBTransactionDurability} [durability]
   */
  async #ask(store, mode, work, durability = "strict") {
    this.#db ??= database();
    const db = await this.#db.catch((error) => {
      this.#db = null;
      throw error;
    });
    // Another version of the page wants to change the database, or Safari took it away: it is opened anew when needed.
    db.onversionchange = () => {
      db.close();
      this.#db = null;
    };
    db.onclose = () => (this.#db = null);
    return /** @type {Promise<T>} */ (
      new Promise((resolve, reject) => {
        const transaction = db.transaction(store, mode, { durability });
        const request = work(transaction.objectStore(store));
        // At once: a page that is left now would otherwise take it along.
        transaction.commit?.();
        transaction.oncomplete = () => resolve(request?.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      })
    );
  }
}

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    // Some browsers' storage hangs.
    setTimeout(() => reject(new Error("This browser keeps nothing on the device.")), PATIENCE_MS);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("clips", { keyPath: "id" }).createIndex("created_at", "created_at");
      db.createObjectStore("changes", { keyPath: "seq", autoIncrement: true });
      db.createObjectStore("sounds", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
