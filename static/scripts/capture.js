/**
 * One recording from the tap on Record until the outbox has it: each piece is on the device before the next is made.
 */

import { defaultName } from "./format.js";
import { newRow } from "./journal.js";

/**
 * Emits `begin` with `{stream, name}`, `interruption` with a sentence or null, `end` with `{name, duration_ms,
 * reason}`.
 */
export class Capture extends EventTarget {
  #id = "";
  #duration_ms = 0;
  /** What is written, in order. @type {Promise<unknown>} */
  #written = Promise.resolve();
  #made = () => {};
  /** The recording before is finished. @type {Promise<void>} */
  #ended = Promise.resolve();
  /** @type {WakeLockSentinel|null} */
  #awake = null;

  /**
   * @param {import("./recorder.js").Recorder} recorder @param {import("./journal.js").Journal} journal
   * @param {import("./outbox.js").Outbox} outbox
   */
  constructor(recorder, journal, outbox) {
    super();
    this.recorder = recorder;
    this.journal = journal;
    this.outbox = outbox;
    recorder.addEventListener("piece", (event) => this.#keep(/** @type {CustomEvent} */ (event).detail));
    recorder.addEventListener("interruption", (event) =>
      this.#emit("interruption", /** @type {CustomEvent} */ (event).detail),
    );
    recorder.addEventListener("end", (event) => {
      this.#ended = this.#end(/** @type {CustomEvent} */ (event).detail);
    });
  }

  /** Begin to record. Throws what getUserMedia throws. */
  async start() {
    await this.#ended;
    const { stream, mime } = await this.recorder.start();
    const at = new Date();
    const row = newRow({ name: defaultName(at), mime, state: "recording" }, at);
    this.#id = row.id;
    this.#duration_ms = 0;
    const made = /** @type {Promise<void>} */ (new Promise((resolve) => (this.#made = resolve)));
    this.#written = this.outbox.begin(row, () => made);
    this.#emit("begin", { stream, name: row.name });
    void this.stayAwake();
    // Asked for now, when a person has shown that they mean it; browsers that refuse still keep the pieces for days.
    void navigator.storage?.persist?.();
  }

  stop() {
    this.recorder.stop();
  }

  /** The page goes out of sight and may not come back: commit what there is. */
  flush() {
    this.recorder.flush();
  }

  /** Name the recording while it runs. @param {string} name */
  rename(name) {
    const id = this.#id;
    this.#written = this.#written.then(() => this.outbox.rename(id, name));
  }

  /** Keep the screen on while recording; the lock is lost whenever the page is hidden, so ask again when it is seen. */
  async stayAwake() {
    if (!this.recorder.recording || document.visibilityState !== "visible") return;
    this.#awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  /** @param {{data: ArrayBuffer, sequence: number, elapsed_ms: number}} piece */
  #keep({ data, sequence, elapsed_ms }) {
    const id = this.#id;
    this.#duration_ms = Math.round(elapsed_ms);
    this.#written = this.#written.then(() => this.journal.append(id, sequence, data, Math.round(elapsed_ms)));
  }

  /** @param {string|null} reason */
  async #end(reason) {
    void this.#awake?.release();
    await this.#written;
    const row = await this.journal.update(this.#id, { state: "ready" });
    this.#made();
    this.#emit("end", { name: row?.name ?? "", duration_ms: this.#duration_ms, reason });
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
