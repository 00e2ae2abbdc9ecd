/** What the server says of itself, and since when: kept on this device for when it cannot be asked. */

import { Problem } from "./api.js";
import { recall, remember } from "./preferences.js";

/**
 * What a server says of itself; an older one does not say all of it.
 * @typedef {{upload_bytes?: number, audio_hours?: number, bin_days?: number}} Limits
 * @typedef {{clips: number, bytes: number, duration_ms: number, bin: {clips: number, bytes: number}}} Storage
 * @typedef {{limits: Limits, version: string|null, storage: Storage|null, seen_ms: number}} Facts
 */

const KEY = "server";

/** What a server of an older release has that does not say it. */
const BIN_DAYS = 30;

/** @type {Facts} */
const NOTHING = { limits: {}, version: null, storage: null, seen_ms: 0 };

/** Emits `change`. */
export class ServerFacts extends EventTarget {
  /** @type {Facts} */
  #facts;
  /** Why it could not be asked the last time. @type {string|null} */
  problem = null;

  /** @param {Pick<import("./api.js").Api, "about"|"storage">} api @param {globalThis.Storage} [storage] */
  constructor(api, storage) {
    super();
    this.api = api;
    this.kept = storage;
    this.#facts = { ...NOTHING, ...recall(KEY, NOTHING, storage) };
  }

  get now() {
    return this.#facts;
  }

  /** Days that the bin keeps a clip. */
  get bin_days() {
    return this.#facts.limits.bin_days ?? BIN_DAYS;
  }

  /** The list says some of it. @param {Limits} limits */
  take(limits) {
    this.#set({ limits: { ...this.#facts.limits, ...limits } });
  }

  /** Ask for all of it. Never fails: `problem` says why what is known is old. */
  async read() {
    try {
      const [about, storage] = await Promise.all([this.api.about(), this.api.storage()].map(known));
      this.problem = null;
      this.#set({
        version: about?.version ?? null,
        limits: { ...this.#facts.limits, ...about?.limits },
        storage,
        seen_ms: Date.now(),
      });
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.dispatchEvent(new Event("change"));
    }
  }

  /** @param {Partial<Facts>} facts */
  #set(facts) {
    this.#facts = { ...this.#facts, ...facts };
    remember(KEY, this.#facts, this.kept);
    this.dispatchEvent(new Event("change"));
  }
}

/** An answer, or null from a server of an older release. @param {Promise<any>} asked */
function known(asked) {
  return asked.catch((error) => {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  });
}
