/**
 * Keeps the library equal to the server's: the list once, events ever after, the list again when events were missed.
 */

import { Backoff } from "./backoff.js";
import { recall } from "./preferences.js";
import { Problem, reasonOf } from "./problem.js";

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {import("./types.js").Caption} Caption */
/** @typedef {import("./types.js").Progress} Progress */

/** A list that cannot be read is asked for again after this long, and at most every so often. */
const FIRST_MS = 500;
const MOST_MS = 15_000;

/** A server answers some thousands of requests a second; nobody minds two seconds. */
const EACH_MS = 0.2;
const MOST_SPREAD_MS = 2_000;

/** Clips of a page further down: the first one is to come soon, these are to be few. */
const FURTHER = 200;

/**
 * Emits `list` with a reason (it cannot be read, we go on trying) or null (it was read), `limits` with the server's,
 * `listed` with clips whenever the list is known further down.
 */
export class Sync extends EventTarget {
  /** @type {Promise<void>|null} */
  #reading = null;
  #again = false;
  /** @type {string|null} */
  #next = null;
  /** @type {string|null} */
  #oldest = null;
  /** Pages that are open anywhere, as far as we know. */
  #looking = 1;
  /** Id → version, of the clips that are being fetched by themselves. @type {Map<string, number>} */
  #wanted = new Map();
  #backoff = new Backoff({ first_ms: FIRST_MS, max_ms: MOST_MS });
  /** @type {import("./types.js").Page|null} */
  #first;

  /**
   * @param {import("./library.js").Library} library @param {import("./api.js").Api} api
   * @param {import("./feed.js").Feed} feed @param {import("./types.js").Page|null} [first] the list's first page, where
   *   it is here already
   */
  constructor(library, api, feed, first = null) {
    super();
    this.#first = first;
    this.library = library;
    this.api = api;
    this.feed = feed;
    feed.addEventListener("clip", (event) => this.#take(/** @type {CustomEvent<Clip>} */ (event).detail));
    feed.addEventListener("gone", (event) => library.erase(/** @type {CustomEvent<string>} */ (event).detail));
    feed.addEventListener("progress", (event) => library.follow(/** @type {CustomEvent<Progress>} */ (event).detail));
    feed.addEventListener("caption", (event) => {
      if (recall("captions", true)) library.caption(/** @type {CustomEvent<Caption>} */ (event).detail);
    });
    feed.addEventListener("looking", (event) => (this.#looking = /** @type {CustomEvent<number>} */ (event).detail));
    feed.addEventListener("resync", () => void this.#spread().then(() => this.read()));
  }

  /** Whether the server has older clips than those we know. */
  get more() {
    return this.#next !== null;
  }

  /** Whether all clips of that time and later are known, by the server's list. @param {string} at */
  covers(at) {
    return !this.more || at >= (this.#oldest ?? "");
  }

  /** Read the list from its start as far down as it was read before, until it succeeds. Never twice at a time. */
  read() {
    this.#again = this.#reading !== null;
    this.#reading ??= this.#untilRead().finally(() => {
      this.#reading = null;
      if (this.#again) void this.read();
    });
    return this.#reading;
  }

  /** Read one page further down. */
  async readMore() {
    if (!this.#next) return;
    const page = await this.api.list(this.#next, { limit: FURTHER });
    this.library.add(page.clips);
    this.#bottom(page.clips, page.next);
  }

  /** Do not wait for the next attempt. */
  wake() {
    this.#backoff.wake();
  }

  /** @param {Clip} clip as an event tells of it: a server of an older release leaves long words out, and has no excerpt */
  #take(clip) {
    if (clip.text !== undefined || clip.excerpt !== undefined) this.library.apply(clip);
    else if (clip.version > (this.library.get(clip.id)?.clip?.version ?? 0)) void this.#fetch(clip);
  }

  /** @param {{id: string, version: number}} told */
  async #fetch({ id, version }) {
    const isAsking = this.#wanted.has(id);
    this.#wanted.set(id, version);
    if (isAsking) return;
    try {
      await this.#spread();
      let [wanted, clip] = [version, await this.api.get(id)];
      for (let told; (told = this.#wanted.get(id) ?? 0) > wanted && told > clip.version; wanted = told) {
        clip = await this.api.get(id);
      }
      this.library.apply(clip);
    } catch {
      void this.read(); // Which goes on until it succeeds.
    } finally {
      this.#wanted.delete(id);
    }
  }

  /** Every page is told the same at one moment: many of them do not ask the server at one moment, too. */
  #spread() {
    const max_ms = Math.min((this.#looking - 1) * EACH_MS, MOST_SPREAD_MS);
    return new Promise((resolve) => setTimeout(resolve, Math.random() * max_ms));
  }

  async #untilRead() {
    for (;;) {
      try {
        await this.#read();
        this.#backoff.reset();
        return void this.#emit("list", null);
      } catch (error) {
        this.#emit("list", reasonOf(error));
        await this.#backoff.wait(error instanceof Problem ? error.retry_ms : 0);
      }
    }
  }

  async #read() {
    const before = this.library.snapshot();
    let oldest = this.#oldest;
    /** @type {Clip[]} */
    const clips = [];
    let cursor = null;
    do {
      /** @type {import("./types.js").Page} */
      const page = this.#first ?? (await this.api.list(cursor, cursor ? { limit: FURTHER } : {}));
      this.#first = null;
      // The cursor of the first page is the oldest, and so is what follows it: nothing falls between list and events.
      if (cursor === null) {
        this.feed.start(page.realtime);
        this.#emit("limits", page.limits);
      }
      clips.push(...page.clips);
      cursor = page.next;
      // What is shown from an earlier visit is read anew as far down as it goes.
      const recalled = this.library.recalled_since;
      oldest = recalled && (!oldest || recalled < oldest) ? recalled : oldest;
    } while (cursor && oldest !== null && (clips.at(-1)?.created_at ?? "") > oldest);
    const unknown = this.library.reconcile(clips, before, cursor === null);
    this.#bottom(clips, cursor);
    for (const id of unknown) await this.#ask(id);
  }

  /** What events told of, further down than the list was read, has to be asked for by itself. @param {string} id */
  async #ask(id) {
    try {
      this.library.apply(await this.api.get(id));
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) throw error;
      this.library.bin(id);
    }
  }

  /** @param {Clip[]} clips @param {string|null} next */
  #bottom(clips, next) {
    this.#next = next;
    this.#oldest = clips.at(-1)?.created_at ?? this.#oldest;
    this.#emit("listed", clips);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
