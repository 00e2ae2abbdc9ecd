/** How long a recording is: time that passes while sound is expected, less what turns out not to have been heard. */
export class Stopwatch {
  #before_ms;
  /** @type {number|null} */
  #since = null;

  constructor(from_ms = 0) {
    this.#before_ms = from_ms;
  }

  get ms() {
    return this.#before_ms + (this.#since === null ? 0 : performance.now() - this.#since);
  }

  run() {
    this.#since ??= performance.now();
  }

  halt() {
    this.#before_ms = this.ms;
    this.#since = null;
  }

  /** Take time back: nothing was heard in it. @param {number} ms */
  back(ms) {
    this.#before_ms -= ms;
  }
}

/** Silence after speech fills a container five times less; a machine that slept leaves far less than that. */
const LITTLE = 0.1;

/**
 * What is missing from a piece that came late, judged by how much its recording holds on average; null: nothing is.
 * `wall_ms` passed for people, `clock_ms` for the stopwatch, which on some systems stands still while they sleep.
 * @param {{wall_ms: number, clock_ms: number}} passed @param {number} bytes of the piece
 * @param {{bytes: number, ms: number}} before of all pieces before it
 */
export function unheard({ wall_ms, clock_ms }, bytes, before) {
  if (!before.bytes || !before.ms) return null;
  const heard_ms = Math.min(clock_ms, (bytes * before.ms) / before.bytes);
  if (heard_ms >= wall_ms * LITTLE) return null;
  return { wall_ms: Math.round(wall_ms - heard_ms), clock_ms: Math.max(0, clock_ms - heard_ms) };
}
