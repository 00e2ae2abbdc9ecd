/** One sound that is recorded: what it is called, how loud it is, and in words what is wrong with that. */

import { part } from "../shared/element.js";
import { words } from "../shared/words.js";
import { late } from "../shared/late.js";

const visualizer = late(() => import("./visualizer.js"));

/** @typedef {import("./levels.js").Judgement} Judgement */

export class LevelView {
  /** @type {MediaStream|null} */
  #stream = null;
  /** @type {import("./visualizer.js").Visualizer|null} */
  #visualizer = null;
  /** @type {Judgement} */
  #judgement = "";
  #paused = false;

  /** @param {HTMLElement} element @param {"microphone"|"other"} kind */
  constructor(element, kind) {
    this.element = element;
    this.kind = kind;
    this.name = part(element, "level-name", HTMLElement);
    this.told = part(element, "level-words", HTMLElement);
  }

  /** Listen to a stream, or to another one from now on; null: to none. @param {MediaStream|null} stream @param {string} [name] */
  listen(stream, name = "") {
    this.#stream = stream;
    this.name.textContent = name;
    if (stream) void this.#draw(stream);
    else this.#visualizer?.stop();
  }

  /** @param {boolean} paused */
  set paused(paused) {
    this.#paused = paused;
    if (this.#visualizer) this.#visualizer.paused = paused;
  }

  /** Draw what is heard. The picture comes by itself, and no recording waits for it. @param {MediaStream} stream */
  async #draw(stream) {
    const module = await visualizer().catch(() => null);
    if (!module || stream !== this.#stream) return;
    const canvas = part(this.element, "visualizer", HTMLCanvasElement);
    this.#visualizer ??= new module.Visualizer(canvas, (judgement) => this.#tell(judgement));
    this.#visualizer.paused = this.#paused;
    this.#visualizer.start(stream);
  }

  speak() {
    this.#tell(this.#judgement);
  }

  /** @param {Judgement} judgement */
  #tell(judgement) {
    this.#judgement = judgement;
    const { silent, silentOther, quiet, loud } = words.recorder;
    const sentence = { "": "", silent: this.kind === "microphone" ? silent : silentOther, quiet, loud }[judgement];
    if (this.told.textContent !== sentence) this.told.textContent = sentence;
  }
}
