/** Asks for the list again and again while no events come, although the server answers. */

/** A connection that is lost for less is back by itself. */
const PATIENCE_MS = 5_000;

/** How often the list is read meanwhile, half as often or half again, so that pages do not ask in step; */
const EVERY_MS = 5_000;

/** and never for more than so much of the time. */
const MAX_SHARE = 0.1;

/**
 * From `start` to `stop` the list is read every few seconds, in pages that are seen. When it was read for the first time,
 * `retry` is to connect at once: the server may just have come back. When it was read for the second time, `answered` is
 * called: the network is there, and only events do not come through.
 */
export class Polling {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #answers = 0;

  /**
   * @param {{read: () => Promise<void>, retry: () => void, answered: () => void, isVisible: () => boolean,
   *   patience_ms?: number, every_ms?: number}} page
   */
  constructor({ read, retry, answered, isVisible, patience_ms = PATIENCE_MS, every_ms = EVERY_MS }) {
    this.read = read;
    this.retry = retry;
    this.answered = answered;
    this.isVisible = isVisible;
    this.patience_ms = patience_ms;
    this.every_ms = every_ms;
  }

  start() {
    this.#timer ??= setTimeout(() => void this.#poll(), spread(this.patience_ms));
  }

  stop() {
    clearTimeout(this.#timer);
    [this.#timer, this.#answers] = [undefined, 0];
  }

  async #poll() {
    const [timer, began] = [this.#timer, performance.now()];
    if (this.isVisible()) {
      await this.read();
      if (this.#timer !== timer) return; // events came meanwhile
      this.#answers += 1;
      if (this.#answers === 1) this.retry();
      else if (this.#answers === 2) this.answered();
    }
    const pause_ms = Math.max(spread(this.every_ms), (performance.now() - began) / MAX_SHARE);
    this.#timer = setTimeout(() => void this.#poll(), pause_ms);
  }
}

/** @param {number} ms */
const spread = (ms) => ms * (0.5 + Math.random());
