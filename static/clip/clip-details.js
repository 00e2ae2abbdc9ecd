/**
 * What a clip has beyond what the list knows of it: all of its words with their times, and the outline of its sound. It
 * is fetched when a clip is opened or played, and kept for the few clips that were looked at last.
 */

import { isShort } from "../shared/short-form.js";
import { isSpoken } from "./remarks.js";
import { pauses, Timing } from "./word-timings.js";

/** @typedef {import("../shared/types.js").Clip} Clip */

/** Clips whose details are kept: the one that plays, the one that is open, and those before. */
const MAX_KEPT = 5;

/** Not measured yet, and of which nobody has heard all. @type {Set<Clip["status"]>} */
const EARLY = new Set(["recording", "pending"]);

/** Emits `change` whenever there is more of it, or other words. */
export class ClipDetails extends EventTarget {
  /** From 0 to 255. @type {number[]} */
  peaks = [];
  /** Which sound the outline is of. */
  #sound = "";
  /** The version that has no outline. */
  #unmeasured = 0;
  /** Of `timing.text`, which may be an older text than the clip has. @type {Timing|null} */
  timing = null;
  #text = "";
  /** The version whose whole form was asked for. */
  #asked = 0;
  /** @type {import("./word-timings.js").Pause[]} */
  pauses = [];

  /** @param {string} id @param {import("../shared/api.js").Api} api @param {import("../shared/library.js").Library} library */
  constructor(id, api, library) {
    super();
    this.id = id;
    this.api = api;
    this.library = library;
  }

  /** Fetch what there is of the clip and is not here yet. @param {Clip|null} clip */
  async show(clip) {
    if (!clip) return;
    await Promise.all([this.#whole(clip), this.#outline(clip), this.#words(clip)]);
    const quiet = pauses(this.timing, this.peaks, clip.duration_ms ?? 0);
    this.pauses = quiet.filter((pause) => !isSpoken(clip.remarks ?? [], pause));
  }

  /** The list leaves long texts out: the library is told of the whole clip. @param {Clip} clip */
  async #whole(clip) {
    const { id, version } = clip;
    if (!isShort(clip) || this.#asked === version) return;
    this.#asked = version;
    try {
      this.library.apply(await this.api.get(id));
    } catch {
      this.#asked = 0;
    }
  }

  /** @param {Clip} clip */
  async #outline({ id, status, version, track_set, cuts, duration_ms }) {
    const sound = JSON.stringify([track_set, cuts]);
    const isUnreadable = status === "failed" && !duration_ms;
    if (isUnreadable || EARLY.has(status) || (this.peaks.length && this.#sound === sound) || this.#unmeasured === version) return;
    this.#unmeasured = version;
    try {
      this.peaks = (await this.api.waveform(id)).peaks;
      this.#sound = sound;
      this.#tell();
    } catch {
      // The plain line stays; it may be measured in the next version.
    }
  }

  /** @param {Clip} clip */
  async #words({ id, status, text, cuts }) {
    // Where silence is cut out, the words stay and their times move.
    const wanted = `${JSON.stringify(cuts ?? [])} ${text ?? ""}`;
    if (EARLY.has(status) || text === undefined || wanted === this.#text) return;
    this.#text = wanted;
    try {
      const known = text ? await this.api.words(id) : { text: "", words: [] };
      // Changed on its way: the clip with that text comes, too.
      if (known.text !== (text ?? "")) return void (this.#text = "");
      this.timing = new Timing(known.text, known.words);
      this.#tell();
    } catch {
      this.#text = "";
    }
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

export class DetailsCache {
  /** The last used one at the end. @type {Map<string, ClipDetails>} */
  #kept = new Map();

  /** @param {import("../shared/api.js").Api} api @param {import("../shared/library.js").Library} library */
  constructor(api, library) {
    this.api = api;
    this.library = library;
  }

  /** @param {string} id */
  of(id) {
    const details = this.#kept.get(id) ?? new ClipDetails(id, this.api, this.library);
    this.#kept.delete(id);
    this.#kept.set(id, details);
    for (const old of [...this.#kept.keys()].slice(0, -MAX_KEPT)) this.#kept.delete(old);
    return details;
  }
}
