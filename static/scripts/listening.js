/** How somebody listens, to every clip: how fast, and whether pauses are left out. This browser remembers it. */

import { recall, remember } from "./remembered.js";

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** Emits `change`. */
export class Listening extends EventTarget {
  #speed;
  #skips;

  /** @param {Storage} [storage] */
  constructor(storage) {
    super();
    this.storage = storage;
    const speed = recall("speed", 1, storage);
    this.#speed = SPEEDS.includes(speed) ? speed : 1;
    this.#skips = Boolean(recall("skips", false, storage));
  }

  get speed() {
    return this.#speed;
  }

  set speed(speed) {
    remember("speed", (this.#speed = speed), this.storage);
    this.dispatchEvent(new Event("change"));
  }

  get skips() {
    return this.#skips;
  }

  set skips(skips) {
    remember("skips", (this.#skips = skips), this.storage);
    this.dispatchEvent(new Event("change"));
  }

  /** The next speed up or down; the last one stays. @param {1|-1} way */
  step(way) {
    this.speed = SPEEDS[SPEEDS.indexOf(this.#speed) + way] ?? this.#speed;
  }
}

export const listening = new Listening();
