/** Waiting between attempts: longer each time, up to a cap, never two browsers in step, cut short by `wake()`. */
export class Backoff {
  #attempt = 0;
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /** @param {{first_ms: number, max_ms: number, random?: () => number}} options */
  constructor({ first_ms, max_ms, random = Math.random }) {
    this.first_ms = first_ms;
    this.max_ms = max_ms;
    this.random = random;
  }

  /** The next delay: half of it fixed, half drawn, so that a server that returns is not stormed. */
  next() {
    const whole = Math.min(this.max_ms, this.first_ms * 2 ** this.#attempt++);
    return whole / 2 + (whole / 2) * this.random();
  }

  /** Begin with short waits again. */
  reset() {
    this.#attempt = 0;
  }

  /** Wait for the next delay, or as long as the server asked for, or until `wake()`. @param {number} [least_ms] */
  wait(least_ms = 0) {
    const delay = Math.max(least_ms, this.next());
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, delay);
        this.#waiting.add(done);
      })
    );
  }

  /** End every wait now: the network is back, or somebody looks. */
  wake() {
    this.reset();
    for (const done of [...this.#waiting]) done();
  }
}
