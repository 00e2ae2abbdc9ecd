/** Sound that stays on this device: what was played or recorded here, the least recently used goes first. */

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {{id: string, bytes: number, used: number}} Row */

/** The service worker gives out from here what goes with a sound: static/service-worker.js. */
const CACHE = "dictaphone-sounds";

/** Three days of speech; never more than a part of what is left, since recordings come first. */
const MOST_BYTES = 200 * 1000 ** 2;
const PART = 1 / 5;

export class Sounds {
  /** Made on this device, by this visit. @type {Set<string>} */
  #ours = new Set();
  /** @type {Set<string>} */
  #keeping = new Set();

  /** @param {import("./memory.js").Memory} memory @param {import("./api.js").Api} api */
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
      if (!row || (row.bytes !== clip.bytes && navigator.onLine)) return null;
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

  /** Keep a clip's sound if there is room, with its outline and its words. Never fails. @param {Clip} clip */
  async keep(clip) {
    const saves = /** @type {any} */ (navigator).connection?.saveData;
    if (!globalThis.caches || !isWhole(clip) || saves || this.#keeping.has(clip.id)) return;
    this.#keeping.add(clip.id);
    try {
      /** @type {Row|undefined} */
      const known = await this.memory.get("sounds", clip.id);
      if (known?.bytes === clip.bytes || !(await this.#makeRoom(clip))) return;
      const cache = await caches.open(CACHE);
      const [path, folder] = [this.api.audio(clip.id), `/api/clips/${clip.id}`];
      const sound = await fetch(path, { priority: "low" });
      if (!sound.ok || Number(sound.headers.get("Content-Length")) !== clip.bytes) return;
      await cache.put(path, sound);
      await this.memory.put("sounds", { id: clip.id, bytes: clip.bytes, used: Date.now() });
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

  /** @param {Clip} clip */
  async #makeRoom(clip) {
    const { quota = 0, usage = 0 } = (await navigator.storage?.estimate()) ?? {};
    /** @type {Row[]} */
    const rows = (await this.memory.all("sounds")).sort((a, b) => a.used - b.used);
    let held = rows.reduce((sum, { bytes }) => sum + bytes, 0);
    const most = Math.min(MOST_BYTES, (quota - usage + held) * PART);
    if (clip.bytes > most / 2) return false;
    const cache = await caches.open(CACHE);
    for (const { id, bytes } of rows) {
      if (held + clip.bytes <= most) break;
      for (const path of [this.api.audio(id), `/api/clips/${id}/waveform`, `/api/clips/${id}/transcript.json`]) {
        await cache.delete(path);
      }
      await this.memory.delete("sounds", id);
      held -= bytes;
    }
    return true;
  }
}

/** Whether its segments are one file, which stays as it is. @param {Clip} clip */
function isWhole({ status, bytes }) {
  return status !== "recording" && status !== "pending" && bytes > 0;
}
