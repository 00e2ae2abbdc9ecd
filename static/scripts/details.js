/** What is fetched of a clip when somebody opens or plays it, and kept: its outline, and when its words were said. */

import { pauses } from "./pauses.js";
import { Timing } from "./timing.js";

/** @typedef {import("./types.js").Clip} Clip */

/** Not measured yet, and of which nobody has heard all. @type {Set<Clip["status"]>} */
const EARLY = new Set(["recording", "pending"]);

export class Details {
  /** @type {number[]} */
  peaks = [];
  /** Of the text that it holds, which may be an older one. @type {Timing|null} */
  timing = null;
  /** @type {import("./pauses.js").Pause[]} */
  pauses = [];
  #asked = 0;
  #text = "";

  /** @param {import("./api.js").Api} api @param {string} id @param {() => void} changed told when there is more */
  constructor(api, id, changed) {
    this.api = api;
    this.id = id;
    this.changed = changed;
  }

  /** Fetch what there is and what is not here yet. Without an answer the clip goes without. @param {Clip|null} clip */
  async load(clip) {
    if (!clip || EARLY.has(clip.status)) return;
    await Promise.all([this.#outline(clip), this.#words(clip.text ?? "")]);
    this.pauses = pauses(this.timing, this.peaks, clip.duration_ms ?? 0);
  }

  /** @param {Clip} clip */
  async #outline({ version }) {
    if (this.peaks.length || this.#asked === version) return;
    this.#asked = version;
    try {
      this.peaks = (await this.api.waveform(this.id)).peaks;
      this.changed();
    } catch {
      // It may be measured in the next version.
    }
  }

  /** @param {string} text */
  async #words(text) {
    if (text === this.#text) return;
    this.#text = text;
    try {
      const known = text ? await this.api.words(this.id) : { text, words: [] };
      // Changed on its way: the clip with that text comes, too.
      if (known.text !== this.#text) return void (this.#text = "");
      this.timing = new Timing(text, known.words);
      this.changed();
    } catch {
      this.#text = "";
    }
  }
}
