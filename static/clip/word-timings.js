/** When each word of a text was said, and where nobody speaks. Pure; made for ten thousand words. */

/** @typedef {import("../shared/types.js").TimedWord} TimedWord */
/** @typedef {{from: number, to: number, at_ms: number|null}} Paragraph characters of the text, and when it begins */

/** A pause behind a sentence that begins a new paragraph, as in the text that is downloaded. */
const PAUSE_MS = 2_000;

/** Who speaks without a pause is given a paragraph where a sentence ends behind so many characters. */
const LONG_CHARACTERS = 500;

/** A word is still the one that was said last for so long. */
const LINGERS_MS = 1_000;

const ENDS = /[.!?…。！？؟۔।॥။។]["'”’»)\]」]*$/;

export class Timing {
  /** @type {number[]} */
  #starts_ms = [];
  /** @type {number[]} */
  #ends_ms = [];
  /** Where each word begins and ends in the text. @type {number[]} */
  #from = [];
  /** @type {number[]} */
  #to = [];

  /** @param {string} text @param {TimedWord[]} words of this text, in its order */
  constructor(text, words) {
    this.text = text;
    let at = 0;
    for (const { start_ms, end_ms, text: word } of words) {
      const from = text.indexOf(word, at);
      if (from < 0) continue;
      at = from + word.length;
      this.#starts_ms.push(start_ms);
      this.#ends_ms.push(end_ms);
      this.#from.push(from);
      this.#to.push(at);
    }
  }

  get length() {
    return this.#from.length;
  }

  /** @param {number} index */
  word(index) {
    const [from, to] = [this.#from[index], this.#to[index]];
    return { from, to, start_ms: this.#starts_ms[index], end_ms: this.#ends_ms[index] };
  }

  /** The word that is being said, or was a moment ago; -1: none. @param {number} ms */
  at(ms) {
    const index = lastAtMost(this.#starts_ms, ms);
    return index >= 0 && ms < this.#ends_ms[index] + LINGERS_MS ? index : -1;
  }

  /** The word that a link means, which names a moment by its second; -1: there are no words. @param {number} ms */
  near(ms) {
    return Math.min(Math.max(0, lastAtMost(this.#starts_ms, ms + 999)), this.length - 1);
  }

  /** The word at a place of the text, or the one before it; -1: none. @param {number} place */
  under(place) {
    return lastAtMost(this.#from, place);
  }

  /** When the next word begins, or the one before; the same again if none does. @param {number} ms @param {1|-1} way */
  step(ms, way) {
    // A player stands a little before or behind the moment that it was sent to.
    const here = lastAtMost(this.#starts_ms, ms + 10);
    const begun = way < 0 && here >= 0 && ms - this.#starts_ms[here] > 500;
    return this.#starts_ms[Math.max(0, begun ? here : here + way)] ?? ms;
  }

  /** Stretches between two words, before the first one and behind the last. @param {number} whole_ms */
  pauses(whole_ms) {
    const ends_ms = [...this.#starts_ms, whole_ms];
    return ends_ms.map((end_ms, index) => ({ start_ms: this.#ends_ms[index - 1] ?? 0, end_ms }));
  }

  /** The text in paragraphs: a person's own, or else where sentences end and somebody paused. @returns {Paragraph[]} */
  paragraphs() {
    const ends = this.text.includes("\n") ? this.#lines() : this.#sentences();
    return [...ends, this.text.length].map((to, i) => {
      const from = ends[i - 1] ?? 0;
      const first = this.#from.length ? lastAtMost(this.#from, from - 1) + 1 : -1;
      return { from, to, at_ms: this.#from[first] < to ? this.#starts_ms[first] : null };
    });
  }

  #lines() {
    return [...this.text.matchAll(/\n+(?=.)/g)].map((found) => found.index + found[0].length);
  }

  #sentences() {
    const ends = [];
    let from = 0;
    for (let i = 1; i < this.length; i += 1) {
      const isPause = this.#starts_ms[i] - this.#ends_ms[i - 1] >= PAUSE_MS;
      const isLong = this.#from[i] - from >= LONG_CHARACTERS;
      if ((isPause || isLong) && ENDS.test(this.text.slice(this.#from[i - 1], this.#to[i - 1]))) {
        ends.push((from = this.#from[i]));
      }
    }
    return ends;
  }
}

/** The place of the last number that is not larger; -1: all are. @param {number[]} sorted @param {number} most */
export function lastAtMost(sorted, most) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** @typedef {{start_ms: number, end_ms: number}} Pause what may be jumped over */

/** Shorter pauses belong to the way somebody speaks. */
const LEAST_MS = 1_000;

/** What is left of a pause at its start and end, so that no word loses a breath: times of words are not exact. */
const KEPT_MS = 250;

/** What is quieter than this part of the loud is a pause. */
const QUIET = 0.12;

/** A jump is heard; it is worth that only if it is longer than this. */
const WORTH_MS = 300;

/**
 * Pauses between words that are quiet, too: somebody may have deleted what was said there, or nobody written it down.
 * Where there is no outline, by the words alone, and where no times of words are known, by the outline.
 * @param {Timing|null} timing @param {number[]} peaks @param {number} whole_ms @returns {Pause[]}
 */
export function pauses(timing, peaks, whole_ms) {
  const silent = quiet(peaks, whole_ms);
  const unsaid = timing?.length ? timing.pauses(whole_ms) : silent;
  const all = timing?.length && peaks.length ? unsaid.flatMap((pause) => within(silent, pause)) : unsaid;
  return all
    .filter(({ start_ms, end_ms }) => end_ms - start_ms >= LEAST_MS)
    .map(({ start_ms, end_ms }) => ({ start_ms: start_ms && start_ms + KEPT_MS, end_ms: end_ms - KEPT_MS }));
}

/** What is common to some pauses, in order, and one. @param {Pause[]} all @param {Pause} one */
function within(all, { start_ms, end_ms }) {
  return all
    .map((pause) => ({ start_ms: Math.max(pause.start_ms, start_ms), end_ms: Math.min(pause.end_ms, end_ms) }))
    .filter((pause) => pause.start_ms < pause.end_ms);
}

/** @param {number[]} peaks @param {number} whole_ms @returns {Pause[]} */
function quiet(peaks, whole_ms) {
  const loud = peaks.toSorted((a, b) => a - b)[Math.floor(peaks.length * 0.95)] ?? 0;
  const each_ms = whole_ms / peaks.length;
  const found = [];
  for (let from = 0, to = 0; from < peaks.length; from = to + 1) {
    for (to = from; peaks[to] < QUIET * loud; ) to += 1;
    found.push({ start_ms: from * each_ms, end_ms: to * each_ms });
  }
  return found;
}

/** Where to go on from here; null: somebody speaks, or soon will. @param {Pause[]} all in order @param {number} ms */
export function behind(all, ms) {
  const to_ms = all.findLast(({ start_ms }) => start_ms <= ms)?.end_ms ?? 0;
  return to_ms - ms > WORTH_MS ? to_ms : null;
}
