/** The newest clips as they were last seen here: shown before the server answers, or when it does not. */

import { isShort } from "../shared/short-form.js";

/** @typedef {import("../shared/types.js").Clip} Clip */

/** What a first look at the list shows: as many as the server's first page has. */
const FIRST = 50;

/** Clips with their words: some megabytes, and some weeks. */
const MOST = 1_000;

/** So many clips are asked for one by one, and not with a list. */
const FEW = 5;

/** Changes come in crowds; the disk hears of them together. */
const PAUSE_MS = 500;

/** Emits `other` when the server has none of the clips that were known: it is another library. */
export class OfflineLibrary extends EventTarget {
  /** @type {Set<string>} */
  #news = new Set();
  /** @type {string[]} */
  #shown = [];
  /** As what each is kept: its version and form, or that it is in the bin. @type {Map<string, string>} */
  #kept = new Map();
  #isRead = false;
  /** Settled when what is known was read from this device. @type {Promise<void>} */
  #showing = Promise.resolve();
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
  show(most = FIRST) {
    return (this.#showing = this.#show(most));
  }

  /** @param {number} most */
  async #show(most) {
    const ids = await this.memory.clipIds().catch(() => []);
    const newest = ids.reverse().slice(0, most);
    const clips = await this.memory.some("clips", newest).catch(() => []);
    this.#shown = newest;
    for (const clip of clips) if (!this.#kept.has(clip.id)) this.#kept.set(clip.id, stateOf(clip));
    if (!this.#isRead) this.library.recall(clips);
  }

  /**
   * Have one clip as it was last seen here: before any list has come, or where the server cannot be asked; and its words,
   * where the list has left them out. @param {string} id @param {{isCut?: boolean}} [when] `isCut`: nobody can be asked
   */
  async recall(id, { isCut = false } = {}) {
    const clip = await this.memory.get("clips", id).catch(() => null);
    const known = this.library.truth(id);
    if (!clip) return;
    if (known) {
      if (isShort(known) && !isShort(clip) && known.version === clip.version) this.library.apply(clip);
    } else if (isCut || !this.#isRead) {
      this.#kept.set(id, stateOf(clip));
      this.library.recall([clip]);
    }
  }

  /** The list could not be read: what is known is all there is. */
  async unread() {
    if (this.#isRead || this.#shown.length < FIRST) return;
    await this.show(MOST);
  }

  /** The list was read. */
  async read() {
    const isFirst = !this.#isRead;
    this.#isRead = true;
    // The list may come with the page, sooner than this device has read what it knows.
    await this.#showing;
    const shown = this.#shown;
    if (!isFirst || !shown.length || shown.some((id) => this.library.truth(id))) return;
    await this.memory.clear("clips");
    this.#kept.clear();
    for (const { id } of this.library.shown()) this.#note(id);
    this.dispatchEvent(new CustomEvent("other"));
  }

  /**
   * Have the words of the newest clips, which lists leave out: without a network they are read and searched. Those that
   * this device has are not asked for. @param {import("../shared/api.js").Api} api
   */
  async complete(api) {
    const lacking = [];
    const short = this.library.shown(({ clip }) => Boolean(clip && isShort(clip))).slice(0, FIRST);
    const kept = await this.#keptOf(short.map(({ id }) => id)).catch(() => new Map());
    for (const { id, clip } of short) {
      const known = kept.get(id);
      if (clip && known?.version === clip.version && !isShort(known)) this.library.apply(known);
      else lacking.push(id);
    }
    if (lacking.length <= FEW) for (const id of lacking) this.library.apply(await api.get(id));
    else for (const clip of (await api.list(null, { whole: true })).clips) this.library.apply(clip);
  }

  /** Clips as they are on the disk. @param {string[]} ids @returns {Promise<Map<string, Clip>>} */
  async #keptOf(ids) {
    return new Map((await this.memory.some("clips", ids)).map((clip) => [clip.id, clip]));
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
    const kept = await this.#keptOf(news);
    await this.memory.edit("clips", (rows) => {
      for (const id of news) {
        const [clip, known] = [this.library.truth(id), kept.get(id)];
        // The list's short form takes nothing away.
        if (clip && isShort(clip) && known?.version === clip.version && !isShort(known)) continue;
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
  if (!clip || clip.deleted_at) return "gone";
  return `${clip.version}${isShort(clip) ? " short" : ""}`;
}
