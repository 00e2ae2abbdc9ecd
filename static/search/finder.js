/** Asks for clips while somebody types: the last question counts, and its answer follows what changes. */

import { Problem } from "../shared/api.js";
import { among } from "./local-search.js";
import { isAsked, NOTHING, order, wish } from "./query.js";
import { sentenceOfError } from "../shared/sentences.js";

/** @typedef {import("./query.js").Query} Query */
/** @typedef {import("../shared/types.js").Page} Page */

/** A pause in typing; shorter ones are between two letters. */
export const TYPING_MS = 150;

/** What changes is looked up at most so often. */
const AGAIN_MS = 1_000;

/** Clips of a page further down: each comes with why it was found. */
const MOST = 100;

/**
 * Emits `answer` with whether it is one to a new question; `ids` are the clips, in their order, `found` says why. A
 * problem is a sentence; `isPartial`: the server could not be asked.
 */
export class Finder extends EventTarget {
  /** @type {Readonly<Query>} */
  query = NOTHING;
  /** @type {string[]} */
  ids = [];
  /** @type {NonNullable<Page["found"]>} */
  found = {};
  problem = "";
  isPartial = false;
  /** @type {string|null} */
  #next = null;
  /** @type {AbortController|null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #again;
  #adding = false;

  /** @param {import("../shared/library.js").Library} library @param {import("../shared/api.js").Api} api */
  constructor(library, api, again_ms = AGAIN_MS) {
    super();
    this.library = library;
    this.api = api;
    this.again_ms = again_ms;
    library.addEventListener("change", (event) => {
      const { id, before } = /** @type {CustomEvent} */ (event).detail;
      const entry = this.library.get(id);
      const isNews = before?.clip?.version !== entry?.clip?.version || !before !== !entry;
      if (isNews && !this.#adding) this.again();
    });
  }

  /** Whether there are more clips than `ids`. */
  get more() {
    return this.#next !== null;
  }

  /** @param {Readonly<Query>} query @param {number} [wait_ms] */
  ask(query, wait_ms = 0) {
    this.query = query;
    this.#next = null;
    this.#asking?.abort();
    this.#asking = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isAsked(query)) this.#timer = setTimeout(() => void this.#read(true), wait_ms);
    else this.#answer([], {}, true);
  }

  /** Something has changed, or the server is back: the answer may be another one. */
  again() {
    if (!isAsked(this.query)) return;
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      // A question that is about to be asked will know; one that is on its way may not.
      if (this.#asking) this.again();
      else if (isAsked(this.query) && !this.#timer) void this.#read(false);
    }, this.again_ms);
  }

  /** Read one page further down. */
  async readMore() {
    const [cursor, query] = [this.#next, this.query];
    if (!cursor) return;
    const page = await this.api.list(cursor, { ...wish(query), limit: MOST });
    if (query !== this.query || cursor !== this.#next) return;
    this.#add([page]);
    this.#next = page.next;
    this.#answer([...this.ids, ...page.clips.map(({ id }) => id)], { ...this.found, ...page.found }, false);
  }

  /** @param {boolean} isNew */
  async #read(isNew) {
    this.#timer = undefined;
    const asking = (this.#asking = new AbortController());
    const wished = wish(this.query);
    const least = isNew ? 0 : this.ids.length;
    try {
      const pages = [];
      let [cursor, count] = [/** @type {string|null} */ (null), 0];
      do {
        const limit = least ? { limit: MOST } : {};
        /** @type {Page} */
        const page = await this.api.list(cursor, { ...wished, ...limit, signal: asking.signal });
        if (asking !== this.#asking) return;
        pages.push(page);
        count += page.clips.length;
        cursor = page.next;
      } while (cursor && count < least);
      this.#add(pages);
      this.#next = cursor;
      const unsent = this.#known((entry) => !entry.clip);
      const ids = pages.flatMap(({ clips }) => clips.map(({ id }) => id));
      const found = Object.assign(unsent.found, ...pages.map((page) => page.found ?? {}));
      this.#asking = null;
      this.#answer([...new Set([...unsent.ids, ...ids])], found, isNew);
    } catch (error) {
      if (asking !== this.#asking) return;
      this.#asking = this.#next = null;
      const { ids, found } = this.#known(() => true);
      const isRefused = error instanceof Problem && error.definite;
      this.#answer(isRefused ? [] : ids, found, isNew, isRefused ? sentenceOfError(error) : "", !isRefused);
    }
  }

  /** @param {(entry: import("../shared/types.js").Entry) => boolean} which */
  #known(which) {
    return among(this.library.shown(which), wish(this.query));
  }

  /** @param {Page[]} pages */
  #add(pages) {
    this.#adding = true;
    for (const { clips } of pages) this.library.add(clips);
    this.#adding = false;
  }

  /** @param {string[]} ids @param {NonNullable<Page["found"]>} found @param {boolean} isNew */
  #answer(ids, found, isNew, problem = "", isPartial = false) {
    if (!isAsked(this.query)) this.#next = null;
    Object.assign(this, { ids, found, problem, isPartial });
    this.dispatchEvent(new CustomEvent("answer", { detail: isNew }));
  }

  /** Whether the answer is ordered by day. */
  get isDated() {
    return ["newest", "oldest"].includes(order(this.query));
  }
}
