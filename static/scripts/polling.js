/** Asks for the list again and again while no events come, although the server answers. */

/** A connection that is lost for less is back by itself. */
const PATIENCE_MS = 5_000;

/** How often the list is read meanwhile: what somebody else did is seen soon, and a server hardly notices. */
const EVERY_MS = 4_000;

/**
 * From `start` to `stop` the list is read every few seconds, in pages that are seen. When it was read for the first time,
 * `retry` is to connect at once: the server may just have come back. From the second time on, `heard` is called: the
 * network is there, and only events do not come through.
 */
export class Polling {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #answers = 0;

  /**
   * @param {{read: () => Promise<void>, retry: () => void, heard: () => void, seen: () => boolean,
   *   patience_ms?: number, every_ms?: number}} page
   */
  constructor({ read, retry, heard, seen, patience_ms = PATIENCE_MS, every_ms = EVERY_MS }) {
    this.read = read;
    this.retry = retry;
    this.heard = heard;
    this.seen = seen;
    this.patience_ms = patience_ms;
    this.every_ms = every_ms;
  }

  start() {
    this.#timer ??= setTimeout(() => void this.#poll(), this.patience_ms);
  }

  stop() {
    clearTimeout(this.#timer);
    [this.#timer, this.#answers] = [undefined, 0];
  }

  async #poll() {
    const timer = this.#timer;
    if (this.seen()) {
      await this.read();
      if (this.#timer !== timer) return; // events came meanwhile
      this.#answers += 1;
      if (this.#answers === 1) this.retry();
      else this.heard();
    }
    this.#timer = setTimeout(() => void this.#poll(), this.every_ms);
  }
}
