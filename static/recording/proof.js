/** The proof of capture: how much was recorded, how much of it this device holds, how much the server has. */

import { clock } from "../shared/format.js";
import { part } from "../shared/element.js";

/** A server that is further behind waits for something: one piece is being made, one is on its way, one is to spare. */
const BEHIND_MS = 10_000;

/** @typedef {{recorded_ms: number, device_ms: number, server_ms: number}} Progress */

export class Proof {
  /** @type {Progress} */
  #progress = { recorded_ms: 0, device_ms: 0, server_ms: 0 };

  /** @param {HTMLElement} recorder */
  constructor(recorder) {
    this.figures = {
      recorded_ms: part(recorder, "recorded", HTMLElement),
      device_ms: part(recorder, "on-device", HTMLElement),
      server_ms: part(recorder, "on-server", HTMLElement),
    };
  }

  /** Whether the server waits for what this device holds. */
  get behind() {
    return this.#progress.recorded_ms - this.#progress.server_ms > BEHIND_MS;
  }

  /** @param {Partial<Progress>} progress what is left out stays; what was recorded never becomes less */
  show(progress) {
    const recorded_ms = Math.max(this.#progress.recorded_ms, progress.recorded_ms ?? 0);
    this.#progress = { ...this.#progress, ...progress, recorded_ms };
    for (const key of /** @type {(keyof Progress)[]} */ (Object.keys(this.figures))) {
      const words = clock(this.#progress[key]);
      if (this.figures[key].textContent !== words) this.figures[key].textContent = words;
    }
  }

  /** Another recording begins. */
  reset() {
    this.#progress = { recorded_ms: 0, device_ms: 0, server_ms: 0 };
    this.show({});
  }
}
