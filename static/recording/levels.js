/** What a level of sound is worth a word for: too loud, very quiet, or nothing at all. Pure. */

/** Below any room that is heard through a working microphone; a wrong or switched off one gives less. */
const SILENT_DB = -70;

/** Silence of so long is worth a word. People think, but rooms are never silent for so long. */
const SILENT_MS = 5_000;

/** Speech that never gets above this is hard to understand; people pause between sentences, but not for so long. */
const QUIET_DB = -42;
const QUIET_MS = 6_000;

/** Samples at this are cut off; a bang is, too, and one in so long is not worth a word. */
const CLIPPED = 0.985;
const MIN_CLIPPED = 4;
const CLIPPED_MS = 3_000;

/** @typedef {""|"silent"|"quiet"|"loud"} Judgement */

export class Levels {
  #heard_ms = 0;
  #spoke_ms = 0;
  /** When samples were cut off, lately. @type {number[]} */
  #clipped_ms = [];

  /** Begin to listen, or to listen again. @param {number} now_ms */
  begin(now_ms) {
    [this.#heard_ms, this.#spoke_ms, this.#clipped_ms] = [now_ms, now_ms, []];
  }

  /** @param {number} db loudness now @param {number} peak largest sample, 0 to 1 @param {number} now_ms @returns {Judgement} */
  judge(db, peak, now_ms) {
    if (db > SILENT_DB) this.#heard_ms = now_ms;
    if (db > QUIET_DB) this.#spoke_ms = now_ms;
    this.#clipped_ms = this.#clipped_ms.filter((at_ms) => now_ms - at_ms < CLIPPED_MS);
    if (peak >= CLIPPED) this.#clipped_ms.push(now_ms);
    if (this.#clipped_ms.length >= MIN_CLIPPED) return "loud";
    if (now_ms - this.#heard_ms > SILENT_MS) return "silent";
    return now_ms - this.#spoke_ms > QUIET_MS ? "quiet" : "";
  }
}
