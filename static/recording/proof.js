/** The proof of capture: in one line where the recording is safe, and on demand how much of it is where. */

import { clock } from "../shared/format.js";
import { part } from "../shared/element.js";
import { words } from "../shared/words.js";

/** A server that is further behind waits for something: one piece is being made, one is on its way, one is to spare. */
const BEHIND_MS = 10_000;

/** @typedef {{recorded_ms: number, device_ms: number, server_ms: number}} Progress */
/** @typedef {"begins"|"both"|"device"|"server"|"page"} Safety */

/**
 * Where a recording is safe: nowhere yet, here and there, in one of these places, or only as long as the page is open.
 * Pure. @param {Progress} progress @returns {Safety}
 */
export function safetyOf({ recorded_ms, device_ms, server_ms }) {
  const isHere = recorded_ms - device_ms <= BEHIND_MS;
  const isThere = recorded_ms - server_ms <= BEHIND_MS;
  if (isHere && isThere) return server_ms ? "both" : "begins";
  return isHere ? "device" : isThere ? "server" : "page";
}

export class Proof {
  /** @type {Progress} */
  #progress = { recorded_ms: 0, device_ms: 0, server_ms: 0 };
  /** @type {Safety|null} */
  #safety = null;
  /** The figures are shown since they differ, and not because somebody wanted to see them. */
  #isOpened = false;

  /** @param {HTMLElement} recorder */
  constructor(recorder) {
    this.details = part(recorder, "safe", HTMLDetailsElement);
    this.line = part(recorder, "safety", HTMLElement);
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
      const time = clock(this.#progress[key]);
      if (this.figures[key].textContent !== time) this.figures[key].textContent = time;
    }
    const safety = safetyOf(this.#progress);
    if (safety !== this.#safety) this.#say(safety);
  }

  /** Another recording begins. */
  reset() {
    this.#progress = { recorded_ms: 0, device_ms: 0, server_ms: 0 };
    this.show({});
  }

  speak() {
    if (this.#safety) this.#say(this.#safety);
  }

  /** @param {Safety} safety */
  #say(safety) {
    this.#safety = safety;
    this.line.textContent = words.recorder.safety[safety];
    this.details.dataset.safety = safety;
    const differ = safety !== "both" && safety !== "begins";
    if (differ && !this.details.open) this.details.open = this.#isOpened = true;
    else if (!differ && this.#isOpened) this.details.open = this.#isOpened = false;
  }
}
