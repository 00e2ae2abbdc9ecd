/** The newest clips as they were last seen here: shown before the server answers, or when it does not. */

/** @typedef {import("../shared/types.js").Clip} Clip */

/** What a first look at the list shows: as many as the server's first page has. */
const FIRST = 50;

/** Clips with their words: some megabytes, and some weeks. */
const MOST = 1_000;

/** Changes come in crowds; the disk hears of them together. */
const PAUSE_MS = 500;

/** Emits `other` when the server has none of the clips that were known: it is another library. */
export class OfflineLibrary extends EventTarget {
  /** @type {Set<string>} */
  #news = new Set();
  /** @type {string[]} */
  #shown = [];
  /** As what each is kept: its version, and whether it is in the bin. @type {Map<string, string>} */
  #kept = new Map();
  #isRead = false;
  /** @type {Promise<void>|null} */
  #writing = null;

  /** @param {import("./memory.js").Memory} memory @param {import("../shared/library.js").Library} library */
  constructor(memory, library) {
    super();
    this.memory = memory;
    this.library = library;
    library.addEventListener("change", (event) => this.#note(/** @type {CustomEvent<{id: string}>} */ (event).detail.id));
  }

  /** Show the newest clips, and the others too when the server is not there. @param {number} [most] */
  async show(most = FIRST) {
    const ids = await this.memory.clipIds().catch(() => []);
    const newest = ids.reverse().slice(0, most);
    const clips = (await Promise.all(newest.map((id) => this.memory.get("clips", id)))).filter(Boolean);
    if (this.#isRead) return;
    this.#shown = newest;
    for (const clip of clips) this.#kept.set(clip.id, stateOf(clip));
    this.library.recall(clips);
  }

  /** Have one clip as it was last seen here, before any list, or none. @param {string} id */
  async recall(id) {
    const clip = await this.memory.get("clips", id).catch(() => null);
    if (!clip || this.#isRead) return;
    this.#kept.set(id, stateOf(clip));
    this.library.recall([clip]);
  }

  /** The list could not be read: what is known is all there is. */
  async unread() {
    if (this.#isRead || this.#shown.length < FIRST) return;
    await this.show(MOST);
  }

  /** The list was read. */
  async read() {
    const [isFirst, shown] = [!this.#isRead, this.#shown];
    this.#isRead = true;
    if (!isFirst || !shown.length || shown.some((id) => this.library.truth(id))) return;
    await this.memory.clear("clips");
    this.#kept.clear();
    for (const { id } of this.library.shown()) this.#note(id);
    this.dispatchEvent(new CustomEvent("other"));
  }

  /** @param {string} id */
  #note(id) {
    const state = stateOf(this.library.truth(id));
    if (this.#kept.get(id) === state) return;
    this.#kept.set(id, state);
    this.#news.add(id);
    this.#writing ??= new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      .then(() => this.#write())
      .catch(() => {}) // It is only a convenience, and what a disk cannot take is said elsewhere.
      .finally(() => (this.#writing = null));
  }

  async #write() {
    const news = [...this.#news];
    this.#news.clear();
    await this.memory.edit("clips", (rows) => {
      for (const id of news) {
        const clip = this.library.truth(id);
        if (clip && !clip.deleted_at) rows.put(clip);
        else rows.delete(id);
      }
    });
    const ids = await this.memory.clipIds();
    if (ids.length > MOST) await this.memory.edit("clips", (rows) => ids.slice(0, -MOST).forEach((id) => rows.delete(id)));
  }
}

/** @param {Clip|null} clip */
function stateOf(clip) {
  return clip && !clip.deleted_at ? String(clip.version) : "gone";
}
