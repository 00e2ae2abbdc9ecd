/**
 * One recording from the tap on Record until the outbox has it: each piece is on the device before the next is made,
 * and on its way to the server at once.
 */

import { Problem } from "../shared/problem.js";
import { defaultName } from "../shared/format.js";
import { newRow } from "../offline/journal.js";
import { recall } from "../shared/preferences.js";
import { askToKeep } from "../offline/persistence.js";
import { shortage } from "../offline/storage.js";

/** How often the room on the device is looked at, and the server told that a recording goes on that is paused. */
const LOOK_MS = 30_000;

/** @typedef {import("../shared/types.js").Gap} Gap */
/** @typedef {import("../shared/types.js").Marker} Marker */
/** @typedef {import("../shared/problem.js").Reason} Reason */
/** @typedef {{opens: string|null, recorded_ms: number, data: ArrayBuffer}} Piece */

/**
 * Emits `begin` with `{id, stream, shared, title, notes, markers}` (`title`: as a person typed it), `stream` with
 * `{stream}` when there is another to look at, `shared` with `{shared}`, `state` ("recording", "paused",
 * "reconnecting"), `progress` with `{recorded_ms, device_ms, server_ms, problem}`, `interruption` and `storage` with a
 * reason or null, `persistence` with how long this browser keeps what is not sent, `end` with
 * `{id, name, title, duration_ms, gaps, empty}`
 * (`empty`: no byte came of it).
 */
export class Capture extends EventTarget {
  #id = "";
  #figures = { recorded_ms: 0, device_ms: 0, server_ms: 0, problem: /** @type {Reason|null} */ (null) };
  /** What is written, in order. @type {Promise<unknown>} */
  #written = Promise.resolve();
  #made = () => {};
  /** The recording before is finished. @type {Promise<void>} */
  #ended = Promise.resolve();
  /** @type {WakeLockSentinel|null} */
  #awake = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #looking;

  /**
   * @param {import("./recorder.js").Recorder} recorder @param {import("../offline/journal.js").Journal} journal
   * @param {import("../offline/outbox.js").Outbox} outbox
   */
  constructor(recorder, journal, outbox) {
    super();
    this.recorder = recorder;
    this.journal = journal;
    this.outbox = outbox;
    /** @template T @param {EventTarget} from @param {string} type @param {(detail: T) => void} work */
    const on = (from, type, work) =>
      from.addEventListener(type, (event) => this.#id && work(/** @type {CustomEvent<T>} */ (event).detail));
    on(recorder, "piece", (/** @type {Piece} */ piece) => this.#keep(piece));
    on(recorder, "gap", (/** @type {Gap} */ gap) => this.#mark(gap));
    on(recorder, "stream", (/** @type {MediaStream} */ stream) => this.#emit("stream", { stream }));
    on(recorder, "shared", (/** @type {MediaStream|null} */ shared) => this.#emit("shared", { shared }));
    on(recorder, "interruption", (/** @type {Reason|null} */ reason) => this.#emit("interruption", reason));
    on(recorder, "state", (/** @type {string} */ state) => {
      if (state !== "idle" && state !== "stopping") this.#emit("state", state);
    });
    on(recorder, "end", () => (this.#ended = this.#end()));
    /** @typedef {{id: string, server_ms: number, problem: Reason|null}} Sent */
    on(outbox, "progress", (/** @type {Sent} */ { id, ...figures }) => {
      if (id === this.#id) this.#count(figures);
    });
    on(journal, "unsafe", () => void this.#look());
  }

  /** The recording that is being made; empty: none. */
  get id() {
    return this.#id;
  }

  /**
   * Begin to record. Throws what getUserMedia throws.
   * @param {string} [device] the id of a microphone @param {string} [title] empty: the date and time until it has words
   * @param {{shared?: MediaStream, alone?: boolean}} [other] a shared sound, beside the microphone or alone
   */
  async start(device, title, other = {}) {
    await this.#ended;
    const { stream, mime } = await this.recorder.start({ device, ...other });
    const at = new Date();
    const named = title ? { name: title } : { name: defaultName(at), name_origin: /** @type {const} */ ("default") };
    const language = String(recall("spoken", "")) || null;
    const row = newRow({ ...named, mime, language, state: "recording" }, at);
    this.#written = this.outbox.begin(row, () => this.#making());
    this.#begin(row, stream);
  }

  /**
   * Go on with a recording whose tab is gone, in a new segment. Throws what getUserMedia throws, or a `Problem` when
   * another tab has it. @param {string} id @param {string} [device] the id of a microphone
   */
  async continue(id, device) {
    await this.#ended;
    if (this.recorder.recording) throw new Problem({ code: "device.stopFirst" });
    const left = await this.journal.get(id);
    const { stream } = await this.recorder.start({ device, from_ms: left?.duration_ms ?? 0 });
    this.#id = id;
    const resumed = this.outbox.resume(id, this.#making());
    // What comes before the recording is ours is written after that, or never.
    this.#written = resumed.then((row) => row ?? new Promise(() => {}));
    this.#written.catch(() => {}); // told below
    try {
      const row = await resumed;
      if (row) return this.#begin(row, stream);
    } catch (error) {
      this.#giveUp();
      throw error;
    }
    this.#giveUp();
    throw new Problem({ code: "device.elsewhere" });
  }

  /** What was to be gone on with is not ours. */
  #giveUp() {
    this.#id = "";
    this.#made();
    this.recorder.stop();
  }

  stop() {
    this.recorder.stop();
  }

  pause() {
    this.recorder.pause();
  }

  resume() {
    this.recorder.resume();
  }

  /** Choose a microphone, now and from now on. Throws what getUserMedia throws. @param {string} device its id */
  use(device) {
    return this.recorder.use(device);
  }

  /**
   * The microphones there are; browsers name them once one was allowed.
   * @returns {Promise<{id: string, label: string}[]>}
   */
  async microphones() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    return devices
      .filter(({ kind, deviceId }) => kind === "audioinput" && deviceId)
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
  }

  /** The page goes out of sight and may not come back: commit what there is. */
  flush() {
    this.recorder.flush();
  }

  /** Name the recording while it runs. @param {string} name */
  rename(name) {
    const id = this.#id;
    this.#write(() => this.outbox.rename(id, name));
  }

  /** Keep what is noted and marked while it runs. @param {{notes: string, markers: Marker[]}} annotations */
  annotate(annotations) {
    const id = this.#id;
    this.#write(() => this.outbox.annotate(id, annotations));
  }

  /** Call it by its first words until a person names it. @param {string|null} title */
  suggest(title) {
    const id = this.#id;
    if (title) this.#write(() => this.outbox.suggest(id, title));
  }

  /** Keep the screen on while recording; the lock is lost whenever the page is hidden, so ask again when it is seen. */
  async stayAwake() {
    if (!this.recorder.recording || document.visibilityState !== "visible") return;
    this.#awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  /** Resolves when this recording is complete. */
  #making() {
    return /** @type {Promise<void>} */ (new Promise((resolve) => (this.#made = resolve)));
  }

  /** @param {import("../shared/types.js").Kept} row @param {MediaStream|null} stream */
  #begin({ id, name, name_origin, notes = "", markers = [], duration_ms, sent_ms }, stream) {
    this.#id = id;
    const so_far = duration_ms ?? 0;
    this.#figures = { recorded_ms: so_far, device_ms: so_far, server_ms: sent_ms, problem: null };
    this.#emit("begin", { id, stream, shared: this.recorder.shared, title: name_origin === "default" ? "" : name, notes, markers });
    this.#emit("state", this.recorder.state);
    this.#emit("interruption", this.recorder.interruption);
    this.#count({});
    void this.stayAwake();
    // Asked for now, when a person has shown that they mean it; browsers that refuse still keep the pieces for days.
    void askToKeep(true).then((persistence) => this.#emit("persistence", persistence));
    void this.#look();
    this.#looking = setInterval(() => {
      void this.#look();
      if (this.recorder.state !== "recording") void this.outbox.beat(id);
    }, LOOK_MS);
  }

  /** @param {Piece} piece */
  #keep({ data, recorded_ms, opens }) {
    const id = this.#id;
    this.#count({ recorded_ms });
    this.#write(async () => {
      const isKept = await this.journal.append(id, data, { recorded_ms, opens });
      this.outbox.nudge(id);
      if (isKept) this.#count({ device_ms: recorded_ms });
    });
  }

  /** @param {Gap} gap */
  #mark(gap) {
    const id = this.#id;
    this.#write(() => this.journal.update(id, ({ gaps }) => ({ gaps: [...gaps, gap] })));
  }

  /** Do it after all that was written before; what fails must not keep the next from being tried. */
  #write(/** @type {() => Promise<unknown>} */ work) {
    this.#written = this.#written.then(work).catch((error) => {
      console.error(error);
      const why = error instanceof Problem ? error.reason : String(error);
      this.#count({ problem: { code: "device.lostPart", values: [why] } });
    });
  }

  /** Say when the device has little room left, or keeps nothing. */
  async #look() {
    const id = this.#id;
    const estimate = await navigator.storage?.estimate?.().catch(() => null);
    const bytes = (await this.journal.get(id))?.bytes ?? 0;
    if (id === this.#id) this.#emit("storage", shortage(this.journal.safe, estimate, bytes, this.#figures.device_ms));
  }

  async #end() {
    void this.#awake?.release();
    clearInterval(this.#looking);
    const id = this.#id;
    let row = null;
    this.#write(async () => {
      row = await this.journal.get(id); // once it is stopped and sent, it is gone
      await this.outbox.stop(id);
    });
    await this.#written;
    this.#made();
    this.#id = "";
    const { recorded_ms } = this.#figures;
    const kept = /** @type {Partial<import("../shared/types.js").Kept>} */ (row ?? {});
    const { name = "", name_origin, gaps = [], bytes } = kept;
    const title = name_origin === "default" ? "" : name;
    this.#emit("end", { id, name, title, duration_ms: recorded_ms, gaps, empty: bytes === 0 });
  }

  /** @param {Partial<{recorded_ms: number, device_ms: number, server_ms: number, problem: Reason|null}>} figures */
  #count(figures) {
    Object.assign(this.#figures, figures);
    this.#emit("progress", { ...this.#figures });
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
