/** Hears the microphone for a moment, so that a person sees that it hears them. Nothing of it is kept. */

import { refusal } from "../recording/refusals.js";
import { Visualizer } from "../recording/visualizer.js";
import { make } from "../shared/element.js";
import { words } from "../shared/words.js";
import { button } from "./fields.js";

/** Nobody tests for so long: a microphone that is left open is a fright. */
const MAX_TEST_MS = 60_000;

export class MicrophoneTest {
  /** @type {MediaStream|null} */
  #stream = null;
  /** Asked for, and not there yet. */
  #asking = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #ending;

  /** @param {() => string|undefined} chosen the id of a microphone @param {(stream: MediaStream) => unknown} opened */
  constructor(chosen, opened) {
    this.chosen = chosen;
    this.opened = opened;
    this.canvas = make("canvas", { className: "level", ariaHidden: "true", hidden: true });
    this.says = make("p", { className: "hint", role: "status" });
    this.button = button(words.settings.test, () => (this.isOn ? this.stop() : this.start()), "test");
    this.visualizer = new Visualizer(this.canvas, (isSilent) => this.#say(isSilent ? words.recorder.silence : words.settings.testing));
    this.element = make("div", { className: "test" }, this.button, this.canvas, this.says);
  }

  get isOn() {
    return this.#stream !== null || this.#asking > 0;
  }

  /** Show the words of another language. */
  speak() {
    this.button.textContent = this.isOn ? words.settings.testEnd : words.settings.test;
    if (this.says.textContent) this.#say(this.isOn ? words.settings.testing : "");
  }

  /** Open the microphone that is chosen now. */
  async start() {
    this.stop();
    const asking = (this.#asking = Date.now());
    this.speak();
    try {
      const device = this.chosen();
      const audio = device ? { deviceId: { exact: device } } : true;
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      // It was ended, or begun anew, while somebody was asked.
      if (asking !== this.#asking) return release(stream);
      this.#asking = 0;
      this.#stream = stream;
      this.canvas.hidden = false;
      this.visualizer.start(stream);
      this.#say(words.settings.testing);
      this.#ending = setTimeout(() => this.stop(), MAX_TEST_MS);
      for (const track of stream.getTracks()) track.addEventListener("ended", () => this.stop());
      this.opened(stream);
    } catch (error) {
      if (asking === this.#asking) this.stop(refusal(error));
    }
    this.speak();
  }

  /** Let go of the microphone. @param {string} [sentence] why */
  stop(sentence = "") {
    clearTimeout(this.#ending);
    this.#asking = 0;
    if (this.#stream) release(this.#stream);
    this.#stream = null;
    this.visualizer.stop();
    this.canvas.hidden = true;
    this.#say(sentence);
    this.button.textContent = words.settings.test;
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.says.textContent = sentence;
  }
}

/** @param {MediaStream} stream */
function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
