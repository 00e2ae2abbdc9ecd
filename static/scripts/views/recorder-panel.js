/** The button, the timer and the moving line: what a person sees of a recording while it is made. */

import { clock, spoken } from "../format.js";
import { refusal } from "../recorder.js";
import { part } from "./part.js";
import { Player } from "./player.js";
import { Visualizer } from "./visualizer.js";

/** The timer is drawn more often than it changes, so that no second is skipped. */
const TICK_MS = 200;

export class RecorderPanel {
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #ticking;

  /**
   * @param {HTMLElement} element @param {import("../capture.js").Capture} capture
   * @param {(words: string) => void} announce
   */
  constructor(element, capture, announce) {
    this.element = element;
    this.capture = capture;
    this.announce = announce;
    this.button = part(element, "record", HTMLButtonElement);
    this.timer = part(element, "timer", HTMLElement);
    this.title = part(element, "title", HTMLInputElement);
    this.hint = part(element, "hint", HTMLElement);
    this.notice = part(element, "notice", HTMLElement);
    this.visualizer = new Visualizer(part(element, "visualizer", HTMLCanvasElement));
    this.button.addEventListener("click", () => void this.#press());
    this.title.addEventListener("change", () => this.title.value.trim() && capture.rename(this.title.value.trim()));
    this.title.addEventListener("keydown", (event) => event.key === "Enter" && this.title.blur());
    capture.addEventListener("begin", (event) => this.#begin(/** @type {CustomEvent} */ (event).detail));
    capture.addEventListener("end", (event) => this.#end(/** @type {CustomEvent} */ (event).detail));
    capture.addEventListener("interruption", (event) => this.say(/** @type {CustomEvent} */ (event).detail));
  }

  /** Say what is wrong, or that nothing is any more. @param {string|null} sentence */
  say(sentence) {
    this.notice.textContent = sentence ?? "";
    this.notice.hidden = !sentence;
  }

  /** This browser cannot record; the rest of the page works. @param {string} sentence */
  disable(sentence) {
    this.button.disabled = true;
    this.#state("unable", "Recording is not possible here");
    this.say(sentence);
  }

  async #press() {
    const { recorder } = this.capture;
    if (recorder.recording) return this.capture.stop();
    if (this.element.dataset.state === "asking") return;
    this.say(null);
    Player.hush();
    this.#state("asking", "Waiting for the microphone …");
    try {
      await this.capture.start();
    } catch (error) {
      this.#state("idle", "Press to record");
      this.say(refusal(error));
    }
  }

  /** @param {{stream: MediaStream, name: string}} began */
  #begin({ stream, name }) {
    this.#state("recording", "Recording");
    this.title.value = name;
    this.visualizer.start(stream);
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.announce("Recording.");
  }

  /** @param {{name: string, duration_ms: number, reason: string|null}} ended */
  #end({ name, duration_ms, reason }) {
    clearInterval(this.#ticking);
    this.visualizer.stop();
    this.#state("idle", "Press to record");
    this.timer.textContent = clock(0);
    this.say(reason);
    this.announce(`Recording stopped after ${spoken(duration_ms)}. It is called ${name}.`);
  }

  #tick() {
    const words = clock(this.capture.recorder.elapsed_ms);
    if (this.timer.textContent !== words) this.timer.textContent = words;
  }

  /** @param {"idle"|"asking"|"recording"|"unable"} state @param {string} hint */
  #state(state, hint) {
    this.element.dataset.state = state;
    this.button.ariaLabel = state === "recording" ? "Stop" : "Record";
    this.button.ariaBusy = String(state === "asking");
    this.hint.textContent = hint;
  }
}
