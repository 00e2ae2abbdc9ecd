/** What this browser remembers of its reader: how they listen, and how far they are in each clip. */

/** Clips whose place is kept: the others were heard long ago. */
const MOST = 300;

/** A place so near to the start is the start, and one so near to the end is the end. */
const EDGE_MS = 3_000;

/** What a browser keeps; some have it switched off, and then nothing is remembered. @type {() => Storage|undefined} */
const own = () => {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
};

/** @template T @param {string} key @param {T} otherwise @param {Pick<Storage, "getItem">} [storage] @returns {T} */
export function recall(key, otherwise, storage = own()) {
  try {
    return JSON.parse(storage?.getItem(`dictaphone.${key}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {unknown} value @param {Pick<Storage, "setItem">} [storage] */
export function remember(key, value, storage = own()) {
  try {
    storage?.setItem(`dictaphone.${key}`, JSON.stringify(value));
  } catch {
    // It is full or switched off; what is lost is a convenience.
  }
}

/** How far each clip was heard, the last heard ones first. */
export class Places {
  /** @param {Storage} [storage] */
  constructor(storage = own()) {
    this.storage = storage;
  }

  /** @returns {[string, number][]} */
  #all() {
    const all = recall("places", /** @type {[string, number][]} */ ([]), this.storage);
    return Array.isArray(all) ? all : [];
  }

  /** 0: its beginning. @param {string} id */
  get(id) {
    return this.#all().find(([known]) => known === id)?.[1] ?? 0;
  }

  /** @param {string} id @param {number} ms @param {number} whole_ms 0: nobody knows */
  set(id, ms, whole_ms) {
    const others = this.#all().filter(([known]) => known !== id);
    const isEdge = ms < EDGE_MS || (whole_ms > 0 && ms > whole_ms - EDGE_MS);
    remember("places", [...(isEdge ? [] : [[id, Math.round(ms)]]), ...others].slice(0, MOST), this.storage);
  }
}

/** Clips that were opened are remembered one by one; whatever is as old as those before them counts as read. */
const MAX_READ = 500;

/** Which clips' words were seen on this device: those that are older than its first visit, and those that were opened. */
export class ReadMarks {
  /** @type {{since: string, opened: [id: string, at: string][]}} */
  #read;

  /** @param {Storage} [storage] @param {Date} [now] */
  constructor(storage = own(), now = new Date()) {
    this.storage = storage;
    this.#read = this.#recall() ?? { since: now.toISOString(), opened: [] };
    remember("read", this.#read, this.storage);
  }

  /** Whether words came that nobody has opened here. @param {import("./types.js").Clip|null} clip */
  isUnread(clip) {
    if (clip?.status !== "done" || !(clip.text ?? clip.excerpt) || clip.created_at <= this.#read.since) return false;
    return !this.#read.opened.some(([id]) => id === clip.id);
  }

  /** Somebody has its words before them. @param {import("./types.js").Clip|null} clip */
  add(clip) {
    if (!clip || !this.isUnread(clip)) return;
    // Another tab may have added some.
    const { since, opened } = this.#recall() ?? this.#read;
    const all = [...opened, /** @type {[string, string]} */ ([clip.id, clip.created_at])].sort(([, a], [, b]) => (a < b ? -1 : 1));
    const [oldest] = all.length > MAX_READ ? all.splice(0, all.length - MAX_READ).slice(-1) : [];
    this.#read = { since: oldest && oldest[1] > since ? oldest[1] : since, opened: all };
    remember("read", this.#read, this.storage);
  }

  #recall() {
    const kept = recall("read", /** @type {{since: string, opened: [string, string][]}|null} */ (null), this.storage);
    return typeof kept?.since === "string" && Array.isArray(kept.opened) ? kept : null;
  }
}

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** How somebody listens, to every clip: how fast, and whether pauses are left out. Emits `change`. */
export class Listening extends EventTarget {
  #speed;
  #skips;

  /** @param {Storage} [storage] */
  constructor(storage) {
    super();
    this.storage = storage;
    const speed = recall("speed", 1, storage);
    this.#speed = SPEEDS.includes(speed) ? speed : 1;
    this.#skips = Boolean(recall("skips", false, storage));
  }

  get speed() {
    return this.#speed;
  }

  set speed(speed) {
    remember("speed", (this.#speed = speed), this.storage);
    this.dispatchEvent(new Event("change"));
  }

  get skips() {
    return this.#skips;
  }

  set skips(skips) {
    remember("skips", (this.#skips = skips), this.storage);
    this.dispatchEvent(new Event("change"));
  }

  /** The next speed up or down; the last one stays. @param {1|-1} way */
  step(way) {
    this.speed = SPEEDS[SPEEDS.indexOf(this.#speed) + way] ?? this.#speed;
  }
}

export const listening = new Listening();
