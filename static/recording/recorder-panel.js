/** The button that never moves, and the view of a recording while it is made: its words, its level, its proof. */

import { viewOf } from "../shared/clip-state.js";
import { clock, spoken } from "../shared/format.js";
import { refusal } from "./refusals.js";
import { words } from "../shared/words.js";
import { late } from "../shared/late.js";
import { LiveWords } from "../shared/live-words.js";
import { MicrophonePicker } from "./microphone-picker.js";
import { part } from "../shared/element.js";
import { Player } from "../player/player.js";
import { Proof } from "./proof.js";

const visualizer = late(() => import("./visualizer.js"));

/** @typedef {"idle"|"asking"|"recording"|"paused"|"reconnecting"|"unable"} State */

/** The timer is drawn more often than it changes, so that no second is skipped. */
const TICK_MS = 200;

/** Emits `begin` when a recording begins and `end` with its id when it is over, "" if nothing came of it. */
export class RecorderPanel extends EventTarget {
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #ticking;
  #behind = false;
  /** Why the server does not take it at the moment. @type {string|null} */
  #problem = null;
  /** What is wrong now, by what it is about. @type {Map<string, string>} */
  #troubles = new Map();
  /** What the recording was called when it began. */
  #began = "";
  /** The title that a person gave to a recording of which nothing came: the next one has it. */
  #kept = "";
  /** What is recorded now. @type {MediaStream|null} */
  #stream = null;
  /** @type {import("./visualizer.js").Visualizer|null} */
  #visualizer = null;

  /**
   * @param {HTMLElement} element the page: the button stands below the list, the rest is a place of its own
   * @param {import("./capture.js").Capture} capture @param {(words: string) => void} announce
   */
  constructor(element, capture, announce) {
    super();
    this.element = element;
    this.capture = capture;
    this.announce = announce;
    this.button = part(element, "record", HTMLButtonElement);
    this.pause = part(element, "pause", HTMLButtonElement);
    this.timer = part(element, "timer", HTMLElement);
    this.title = part(element, "recording-title", HTMLInputElement);
    this.hint = part(element, "hint", HTMLElement);
    this.notice = part(element, "notice", HTMLElement);
    this.silence = part(element, "silence", HTMLElement);
    this.proof = new Proof(element);
    this.captions = new LiveWords(part(element, "captions", HTMLElement));
    (globalThis.requestIdleCallback ?? setTimeout)(() => void this.#draw());
    this.microphone = new MicrophonePicker(element, capture, (error) => this.say(refusal(error)));
    this.button.addEventListener("click", () => void this.press());
    this.pause.addEventListener("click", () => (this.#state === "paused" ? capture.resume() : capture.pause()));
    this.title.addEventListener("change", () => this.flush());
    this.title.addEventListener("keydown", (event) => event.key === "Enter" && this.title.blur());
    this.#follow();
  }

  /** Say what is wrong, or that nothing is any more. @param {string|null} sentence @param {string} [about] */
  say(sentence, about = "page") {
    if (sentence) this.#troubles.set(about, sentence);
    else this.#troubles.delete(about);
    const sentences = [...this.#troubles.values()].join("\n");
    if (this.notice.textContent !== sentences) this.notice.textContent = sentences;
    this.notice.hidden = !sentences;
  }

  /** Save what is typed: the page goes out of sight, and may not come back. */
  flush() {
    const name = this.title.value.trim();
    if (name && this.element.hasAttribute("data-live")) this.capture.rename(name);
  }

  /** This browser cannot record; the rest of the page works. @param {string} sentence */
  disable(sentence) {
    this.button.disabled = true;
    this.#enter("unable");
    this.say(sentence);
  }

  /** Go on with a recording whose tab was closed. @param {string} id */
  async continue(id) {
    if (this.capture.recorder.recording) return this.say(words.recorder.stopFirst);
    await this.#start(() => this.capture.continue(id, this.microphone.chosen));
    // Its row is gone from the list, and with it the button that was pressed.
    this.button.focus();
  }

  /** Show what was heard so far. @param {import("../shared/types.js").Entry} entry */
  hear(entry) {
    this.captions.show(viewOf(entry));
  }

  #follow() {
    /** @template T @param {string} type @param {(detail: T) => void} work */
    const on = (type, work) =>
      this.capture.addEventListener(type, (event) => work(/** @type {CustomEvent<T>} */ (event).detail));
    on("begin", (/** @type {{stream: MediaStream, name: string}} */ began) => this.#begin(began));
    on("stream", (/** @type {{stream: MediaStream}} */ { stream }) => this.#listen(stream));
    on("state", (/** @type {State} */ state) => this.#change(state));
    on("progress", (/** @type {import("./proof.js").Progress & {problem: string|null}} */ { problem, ...figures }) => {
      this.proof.show(figures);
      this.#problem = problem;
    });
    on("interruption", (/** @type {string|null} */ sentence) => this.say(sentence, "interruption"));
    on("storage", (/** @type {string|null} */ sentence) => this.say(sentence, "storage"));
    on("end", (/** @type {{id: string, name: string, duration_ms: number, empty: boolean}} */ ended) => this.#end(ended));
  }

  /** Whether a recording runs, or is paused. */
  get isLive() {
    return this.element.hasAttribute("data-live");
  }

  /** Begin to record, or stop: what the button does. */
  press() {
    if (this.capture.recorder.recording) {
      this.flush();
      return this.capture.stop();
    }
    return this.#start(() => this.capture.start(this.microphone.chosen, this.#kept));
  }

  /** @param {() => Promise<unknown>} begin */
  async #start(begin) {
    if (this.#state === "asking") return;
    this.say(null);
    Player.hush();
    this.#enter("asking");
    try {
      await begin();
    } catch (error) {
      this.#enter("idle");
      this.say(refusal(error));
    }
  }

  /** @param {{stream: MediaStream, name: string}} began */
  #begin({ stream, name }) {
    this.element.toggleAttribute("data-live", true);
    this.#enter("recording");
    this.proof.reset();
    this.title.value = this.#began = name;
    this.captions.show({ settled: "", tentative: "" });
    this.#listen(stream);
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.announce(words.recorder.begun);
    this.dispatchEvent(new Event("begin"));
  }

  /** @param {MediaStream} stream */
  #listen(stream) {
    this.#stream = stream;
    void this.#draw();
    void this.microphone.refresh(stream);
  }

  /** Draw what is heard. The picture comes by itself, and no recording waits for it. */
  async #draw() {
    const stream = this.#stream;
    const module = await visualizer().catch(() => null);
    if (!module || stream !== this.#stream) return;
    const canvas = part(this.element, "visualizer", HTMLCanvasElement);
    this.#visualizer ??= new module.Visualizer(canvas, (silent) => this.#hear(silent));
    this.#visualizer.paused = this.#state !== "recording";
    if (stream) this.#visualizer.start(stream);
  }

  /** @param {State} state */
  #change(state) {
    const again = this.#state === "paused" && state === "recording";
    this.#enter(state);
    if (state !== "recording") this.announce(words.recorder[state]);
    else if (again) this.announce(words.recorder.again);
  }

  /** @param {{id: string, name: string, duration_ms: number, empty: boolean}} ended */
  #end({ id, name, duration_ms, empty }) {
    clearInterval(this.#ticking);
    this.#stream = null;
    this.#visualizer?.stop();
    this.element.removeAttribute("data-live");
    this.element.removeAttribute("data-behind");
    this.#behind = false;
    this.#enter("idle");
    for (const about of ["interruption", "storage", "sending"]) this.say(null, about);
    this.#kept = !empty ? "" : name === this.#began ? this.#kept : name;
    // What is wrong is read out as an alert.
    if (empty) this.say(words.recorder.nothing(this.#kept));
    else this.announce(words.recorder.ended(spoken(duration_ms), name));
    this.captions.show({ settled: "", tentative: "" });
    this.dispatchEvent(new CustomEvent("end", { detail: empty ? "" : id }));
  }

  #tick() {
    const recorded_ms = this.capture.recorder.elapsed_ms;
    const time = clock(recorded_ms);
    if (this.timer.textContent !== time) this.timer.textContent = time;
    this.proof.show({ recorded_ms });
    this.say(this.proof.behind ? this.#problem : null, "sending");
    if (this.proof.behind === this.#behind) return;
    this.#behind = this.proof.behind;
    this.element.toggleAttribute("data-behind", this.#behind);
    this.#enter(this.#state);
    this.announce(words.recorder[this.#behind ? "behind" : "caughtUp"]);
  }

  /** @param {boolean} silent */
  #hear(silent) {
    this.silence.textContent = silent ? words.recorder.silence : "";
    this.silence.hidden = !silent;
  }

  /** @returns {State} */
  get #state() {
    return /** @type {State} */ (this.element.dataset.recorder);
  }

  /** @param {State} state */
  #enter(state) {
    const live = this.element.hasAttribute("data-live");
    this.element.dataset.recorder = state;
    this.button.ariaLabel = words.recorder[live ? "stop" : "record"];
    part(this.button, "record-words", HTMLElement).textContent = this.button.ariaLabel;
    this.button.ariaBusy = String(state === "asking");
    this.pause.hidden = !live || state === "reconnecting";
    this.pause.textContent = words.recorder[state === "paused" ? "resume" : "pause"];
    if (this.#visualizer) this.#visualizer.paused = state !== "recording";
    this.hint.textContent = words.recorder[state] + (live && this.#behind ? ` · ${words.recorder.keptHere}` : "");
  }
}
