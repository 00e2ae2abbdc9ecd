/** The outline of a clip's sound as a place to point at: what was played is coloured, a click or a drag goes there. */

import { colours } from "../shared/colours.js";
import { clock } from "../shared/format.js";

/** Width of a bar and of the gap behind it. */
const BAR_PX = 2;
const GAP_PX = 1;

/** Speech is far from full scale; the loudest bar of a clip has the whole height, but noise is not blown up. */
const LEAST_LOUD = 48;

export class Waveform {
  /** @type {number[]} */
  #peaks = [];
  /** @type {HTMLCanvasElement|null} */
  #canvas = null;
  /** @type {Path2D|null} */
  #bars = null;
  #played = 0;
  #whole_ms = 0;
  /** Where somebody drags to, from 0 to 1. @type {number|null} */
  #dragged = null;
  /** What was drawn last, in pixels. */
  #drawn = -1;
  #shape = new ResizeObserver(() => this.#measure());

  /** @param {HTMLElement} track @param {(ms: number) => unknown} seek */
  constructor(track, seek) {
    this.track = track;
    this.seek = seek;
    this.peek = document.createElement("span");
    this.peek.className = "peek";
    this.peek.ariaHidden = "true";
  }

  /** @param {number[]} peaks 0 to 255; none: the plain line stays */
  show(peaks) {
    if (!peaks.length) return;
    this.#peaks = peaks;
    if (this.#canvas) return this.#measure();
    this.#canvas = document.createElement("canvas");
    this.#canvas.ariaHidden = "true";
    this.track.dataset.waveform = "";
    this.track.prepend(this.#canvas);
    this.track.append(this.peek);
    this.#listen();
    this.#shape.observe(this.#canvas);
    colours.addEventListener("change", this.#recolour);
  }

  /** @param {number} at_ms @param {number} whole_ms */
  move(at_ms, whole_ms) {
    this.#whole_ms = whole_ms;
    this.#played = whole_ms ? at_ms / whole_ms : 0;
    this.#draw();
  }

  close() {
    this.#shape.disconnect();
    colours.removeEventListener("change", this.#recolour);
  }

  #listen() {
    const { track } = this;
    track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      track.setPointerCapture(event.pointerId);
      this.#point(event, true);
    });
    track.addEventListener("pointermove", (event) => this.#point(event, this.#dragged !== null));
    track.addEventListener("pointerup", () => {
      if (this.#dragged !== null) void this.seek(this.#dragged * this.#whole_ms);
      this.#leave();
    });
    // The finger scrolls the page instead.
    track.addEventListener("pointercancel", () => this.#leave());
    track.addEventListener("pointerleave", () => this.#dragged ?? this.#leave());
  }

  /** Say which moment is under the pointer. @param {PointerEvent} event @param {boolean} drags */
  #point({ clientX }, drags) {
    const { left, width } = this.track.getBoundingClientRect();
    const place = Math.max(0, Math.min(1, (clientX - left) / width));
    if (drags) this.#dragged = place;
    this.peek.textContent = clock(place * this.#whole_ms);
    this.peek.style.left = `${100 * place}%`;
    this.peek.dataset.at = "";
    this.#draw();
  }

  #leave() {
    this.#dragged = null;
    delete this.peek.dataset.at;
    this.#draw();
  }

  /** The room for the bars has changed. */
  #measure() {
    const canvas = this.#canvas;
    if (!canvas?.clientWidth) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    [canvas.width, canvas.height] = [width * devicePixelRatio, height * devicePixelRatio];
    const bars = Math.floor(width / (BAR_PX + GAP_PX));
    const loud = this.#peaks.reduce((most, peak) => Math.max(most, peak), LEAST_LOUD);
    this.#bars = new Path2D();
    for (let i = 0; i < bars; i += 1) {
      const from = Math.floor((i * this.#peaks.length) / bars);
      const to = Math.max(from + 1, Math.floor(((i + 1) * this.#peaks.length) / bars));
      const tall = Math.max(BAR_PX, (Math.max(...this.#peaks.slice(from, to)) / loud) * height);
      this.#bars.roundRect((i * width) / bars, (height - tall) / 2, BAR_PX, tall, BAR_PX / 2);
    }
    this.#recolour();
  }

  #recolour = () => {
    this.#drawn = -1;
    this.#draw();
  };

  #draw() {
    const [canvas, bars] = [this.#canvas, this.#bars];
    const pen = bars && canvas?.getContext("2d");
    if (!canvas || !pen) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    const head = Math.round((this.#dragged ?? this.#played) * width * devicePixelRatio) / devicePixelRatio;
    if (!width || head === this.#drawn) return;
    this.#drawn = head;
    // The colours of two themes, and of those whom the system gives its own.
    const { color, borderTopColor, caretColor } = getComputedStyle(canvas);
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = borderTopColor;
    pen.fill(bars);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, head, height);
    pen.clip();
    pen.clearRect(0, 0, head, height);
    pen.fillStyle = color;
    pen.fill(bars);
    pen.restore();
    pen.fillStyle = caretColor;
    pen.fillRect(Math.max(0, Math.min(width - 1, head - 0.5)), 0, 1.5, height);
  }
}
