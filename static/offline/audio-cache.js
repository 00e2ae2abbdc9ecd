/** Sound that stays on this device: what was played or recorded here, the least recently used goes first. */

import { playsOriginal } from "../player/playable.js";

/** @typedef {import("../shared/types.js").Clip} Clip */
/**
 * `bytes` are those of the clip's own sound, `held` those that are kept: where `isMade`, of the form that the server has
 * made for this device. `track` is the one that a person wants heard.
 * @typedef {{id: string, bytes: number, used: number, held?: number, isMade?: boolean, track?: number|null}} Row
 */

/** The service worker gives out from here what goes with a sound: static/service-worker.js. */
const CACHE = "dictaphone-sounds";

/** Three days of speech; never more than a part of what is left, since recordings come first. */
const MOST_BYTES = 200 * 1000 ** 2;
const PART = 1 / 5;

export class AudioCache {
  /** Made on this device, by this visit. @type {Set<string>} */
  #ours = new Set();
  /** @type {Set<string>} */
  #keeping = new Set();

  /** @param {import("./memory.js").Memory} memory @param {import("../shared/api.js").Api} api */
  constructor(memory, api) {
    this.memory = memory;
    this.api = api;
  }

  /** The sound of a clip as it is now, or null. @param {Clip} clip @returns {Promise<Blob|null>} */
  async find(clip) {
    try {
      /** @type {Row|undefined} */
      const row = await this.memory.get("sounds", clip.id);
      // The server makes another file of it, which can be sought in; the older one is as good where there is no other.
      if (!row || (navigator.onLine && !(await isOf(row, clip)))) return null;
      const kept = await caches.match(this.api.audio(clip.id), { cacheName: CACHE });
      if (!kept) return null;
      void this.memory.put("sounds", { ...row, used: Date.now() });
      return await kept.blob();
    } catch {
      return null;
    }
  }

  /** A clip was recorded here: it is kept as soon as the server has made it whole. @param {string} id */
  own(id) {
    this.#ours.add(id);
  }

  /** @param {Clip} clip as it is now */
  async heard(clip) {
    if (isWhole(clip) && this.#ours.delete(clip.id)) await this.keep(clip);
  }

  /**
   * Keep a clip's sound if there is room, as this device plays it, with its outline and its words. Never fails.
   * @param {Clip} clip @param {string} [source] where the sound is that this device plays
   */
  async keep(clip, source = this.api.audio(clip.id)) {
    const saves = /** @type {any} */ (navigator).connection?.saveData;
    if (!globalThis.caches || !isWhole(clip) || saves || this.#keeping.has(clip.id)) return;
    this.#keeping.add(clip.id);
    const [path, folder] = [this.api.audio(clip.id), `/api/clips/${clip.id}`];
    const isMade = source !== path;
    try {
      /** @type {Row|undefined} */
      const known = await this.memory.get("sounds", clip.id);
      if ((known && (await isOf(known, clip))) || (!isMade && !(await playsOriginal(clip)))) return;
      const sound = await fetch(source, { priority: "low" });
      const held = Number(sound.headers.get("Content-Length"));
      const isWanted = sound.status === 200 && held > 0 && (isMade || held === clip.bytes);
      if (!isWanted || !(await this.#makeRoom(held))) return void sound.body?.cancel();
      const cache = await caches.open(CACHE);
      await cache.put(path, sound);
      const { id, bytes, track_set: track = null } = clip;
      await this.memory.put("sounds", { id, bytes, held, isMade, track, used: Date.now() });
      for (const beside of [`${folder}/waveform`, `${folder}/transcript.json`]) {
        const response = await fetch(beside);
        if (response.ok) await cache.put(beside, response);
      }
    } catch {
      // No room, or no network any more: the server has it.
    } finally {
      this.#keeping.delete(clip.id);
    }
  }

  /** Forget all of it: it belongs to another library. */
  async clear() {
    await globalThis.caches?.delete(CACHE);
    await this.memory.clear("sounds");
  }

  /** @param {number} wanted bytes */
  async #makeRoom(wanted) {
    // Safari says since 17 how much there is; a browser that does not say refuses what has no room.
    const { quota = Infinity, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
    /** @type {Row[]} */
    const rows = (await this.memory.all("sounds")).sort((a, b) => a.used - b.used);
    let total = rows.reduce((sum, { bytes, held = bytes }) => sum + held, 0);
    const most = Math.min(MOST_BYTES, (quota - usage + total) * PART);
    if (wanted > most / 2) return false;
    const cache = await caches.open(CACHE);
    for (const { id, bytes, held = bytes } of rows) {
      if (total + wanted <= most) break;
      for (const path of [this.api.audio(id), `/api/clips/${id}/waveform`, `/api/clips/${id}/transcript.json`]) {
        await cache.delete(path);
      }
      await this.memory.delete("sounds", id);
      total -= held;
    }
    return true;
  }
}

/** Whether what is kept is the clip's present sound, as this device plays it. @param {Row} row @param {Clip} clip */
async function isOf({ bytes, isMade, track = null }, clip) {
  return bytes === clip.bytes && track === (clip.track_set ?? null) && (isMade || (await playsOriginal(clip)));
}

/** Whether its segments are one file, which stays as it is. @param {Clip} clip */
function isWhole({ status, bytes }) {
  return status !== "recording" && status !== "pending" && bytes > 0;
}
