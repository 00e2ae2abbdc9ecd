/** Plays one clip: its audio element is made at the first play, and one clip plays at a time. */

import { clock, spoken } from "../format.js";

/** Where an element without a known end is sent to find it: beyond any recording. WebM from Chrome has no duration. */
const BEYOND_S = 1e7;

export class Player {
  /** @type {Player|null} */
  static #playing = null;
  /** @type {HTMLAudioElement|null} */
  #audio = null;
  #duration_ms = 0;

  /**
   * @param {{play: HTMLButtonElement, bar: HTMLElement, seek: HTMLInputElement, time: HTMLElement}} parts
   * @param {{source: () => Promise<string>, failed: (sentence: string|null) => void, paused: () => void}} options
   */
  constructor(parts, options) {
    this.parts = parts;
    this.options = options;
    parts.play.addEventListener("click", () => void this.toggle());
    parts.seek.addEventListener("input", () => this.#seek(Number(parts.seek.value)));
  }

  /** Silence whatever plays: somebody begins to record. */
  static hush() {
    Player.#playing?.pause();
  }

  get playing() {
    return this.#audio !== null && !this.#audio.paused;
  }

  /** @param {number|null} duration_ms as the clip says; null: unknown */
  set duration_ms(duration_ms) {
    this.#duration_ms = duration_ms ?? this.#duration_ms;
    this.#draw();
  }

  async toggle() {
    if (this.playing) return this.pause();
    this.options.failed(null);
    try {
      this.#audio ??= await this.#make();
      // An element that failed stays failed until it is loaded again.
      if (this.#audio.error) this.#audio.load();
      await this.#audio.play();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.options.failed(sentence(error));
    }
  }

  pause() {
    this.#audio?.pause();
  }

  /** The clip is no longer shown. */
  close() {
    this.pause();
    if (this.#audio?.src.startsWith("blob:")) URL.revokeObjectURL(this.#audio.src);
    this.#audio = null;
  }

  async #make() {
    const audio = new Audio(await this.options.source());
    audio.addEventListener("play", () => {
      if (Player.#playing !== this) Player.hush();
      Player.#playing = this;
      this.parts.bar.hidden = false;
      this.#state();
      this.#follow();
    });
    for (const type of ["pause", "ended"]) audio.addEventListener(type, () => this.#state());
    for (const type of ["timeupdate", "seeked", "durationchange"]) audio.addEventListener(type, () => this.#draw());
    return audio;
  }

  /** @param {number} to_ms */
  #seek(to_ms) {
    const audio = this.#audio;
    if (!audio) return;
    if (Number.isFinite(audio.duration)) audio.currentTime = to_ms / 1000;
    else {
      audio.addEventListener("durationchange", () => (audio.currentTime = to_ms / 1000), { once: true });
      audio.currentTime = BEYOND_S;
    }
    this.#draw(to_ms);
  }

  #state() {
    const { play } = this.parts;
    play.ariaLabel = play.title = this.playing ? "Pause" : "Play";
    play.dataset.state = this.playing ? "playing" : "paused";
    if (this.playing) return;
    if (Player.#playing === this) Player.#playing = null;
    this.options.paused();
  }

  /** Move the seek bar with each frame, not four times a second as `timeupdate` would. */
  #follow() {
    if (!this.playing) return;
    this.#draw();
    requestAnimationFrame(() => this.#follow());
  }

  #draw(at_ms = (this.#audio?.currentTime ?? 0) * 1000) {
    const { seek, time } = this.parts;
    const found_ms = (this.#audio?.duration ?? 0) * 1000;
    const whole_ms = this.#duration_ms || (Number.isFinite(found_ms) ? found_ms : 0);
    const now_ms = Math.min(at_ms, whole_ms || at_ms);
    seek.max = String(Math.round(whole_ms));
    seek.value = String(Math.round(now_ms));
    seek.ariaValueText = `${spoken(now_ms)} of ${spoken(whole_ms)}`;
    seek.style.setProperty("--played", `${whole_ms ? (100 * now_ms) / whole_ms : 0}%`);
    const words = `${clock(now_ms)} / ${clock(whole_ms)}`;
    if (time.textContent !== words) time.textContent = words;
  }
}

/** @param {unknown} error */
function sentence(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "The browser did not let it play. Press Play again.";
  if (name === "NotSupportedError") return "The audio could not be loaded, or this browser cannot play its format.";
  return error instanceof Error ? error.message : String(error);
}
