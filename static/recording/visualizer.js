/** Draws the loudness of a sound as it comes in: newest at the right edge, as paper under a needle. */

import { Levels } from "./levels.js";

import { colours } from "../shared/colours.js";

/** Width of a bar and of the gap behind it, and how often a bar is made: one second is about 80 px. */
const BAR_PX = 3;
const GAP_PX = 2;
const BAR_MS = 62;

/** Speech is loud between -60 dB (a quiet room) and -8 dB; the bars use that range, not the silence below it. */
const QUIET_DB = -60;
const LOUD_DB = -8;

/** Frames further apart come from a page that nobody saw: nothing is known about the time between them. */
const UNSEEN_MS = 1_000;

export class Visualizer {
  /** @type {number[]} */
  #levels = [];
  /** @type {AudioContext|null} */
  #context = null;
  #frame = 0;
  /** @type {import("./levels.js").Judgement} */
  #judgement = "";
  paused = false;

  /** @param {HTMLCanvasElement} canvas @param {(judgement: import("./levels.js").Judgement) => void} hear told of each other one */
  constructor(canvas, hear) {
    this.canvas = canvas;
    this.hear = hear;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.#draw()).observe(canvas);
    colours.addEventListener("change", () => this.#draw());
  }

  /**
   * Listen to a stream, or to another one from now on. The context is for this picture alone; what is recorded does
   * not pass through it.
   * @param {MediaStream} stream
   */
  start(stream) {
    this.#close();
    const context = (this.#context = new AudioContext());
    // Safari has a third state, "interrupted", after a call.
    if (context.state !== "running" && context.state !== "closed") void context.resume();
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let last = 0;
    let peak = 0;
    const levels = new Levels();
    levels.begin(performance.now());
    const step = (/** @type {number} */ now) => {
      this.#frame = requestAnimationFrame(step);
      analyser.getFloatTimeDomainData(samples);
      const unknown = this.paused || context.state !== "running" || now - last > UNSEEN_MS;
      if (unknown) levels.begin(now);
      this.#judge(unknown ? "" : levels.judge(decibels(samples), highest(samples), now));
      if (this.paused) return void (last = now);
      peak = Math.max(peak, loudness(samples));
      if (now - last < BAR_MS) return;
      [last, this.#levels, peak] = [now, [...this.#levels.slice(-this.#room()), peak], 0];
      this.#draw();
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** Lay the needle down. */
  stop() {
    this.#close();
    this.#levels = [];
    this.#draw();
  }

  #close() {
    cancelAnimationFrame(this.#frame);
    void this.#context?.close();
    this.#context = null;
    this.#judge("");
  }

  /** @param {import("./levels.js").Judgement} judgement */
  #judge(judgement) {
    if (judgement === this.#judgement) return;
    this.#judgement = judgement;
    this.hear(judgement);
  }

  #room() {
    return Math.ceil(this.canvas.clientWidth / (BAR_PX + GAP_PX));
  }

  #draw() {
    const { canvas } = this;
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio];
    const pen = canvas.getContext("2d");
    if (!pen || !width) return;
    [canvas.width, canvas.height] = [width * scale, height * scale];
    pen.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const [lively, idle] = [style.color, style.borderTopColor];
    const step = BAR_PX + GAP_PX;
    const latest = this.#levels.at(-1) ?? 0;
    for (let i = 0; i < this.#room(); i += 1) {
      // Reduced motion: nothing travels; the whole line swells with what is heard now.
      const level = this.calm.matches && this.#context ? latest : this.#levels.at(-1 - i);
      const tall = Math.max(BAR_PX, (level ?? 0) * height);
      pen.fillStyle = level === undefined ? idle : lively;
      pen.beginPath();
      pen.roundRect(width - (i + 1) * step, (height - tall) / 2, BAR_PX, tall, BAR_PX / 2);
      pen.fill();
    }
  }
}

/** Loudness of some samples, 0 to 1 over the range of speech. @param {Float32Array} samples from -1 to 1 */
export function loudness(samples) {
  return Math.min(1, Math.max(0, (decibels(samples) - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

/** @param {Float32Array} samples */
function decibels(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length + 1e-12);
}

/** @param {Float32Array} samples */
function highest(samples) {
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return most;
}
