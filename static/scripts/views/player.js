/** Plays one clip: its audio element is made at the first play, and one clip plays at a time. */

import { clock, spoken } from "../format.js";

/** Where an element without a known end is sent to find it: beyond any recording. WebM from Chrome has no duration. */
const BEYOND_S = 1e7;

/** Of a recording that is not joined yet, what is left after a segment is another segment, if it is longer than this. */
const REST_MS = 1_500;

export class Player {
  /** @type {Player|null} */
  static #playing = null;
  /** @type {HTMLAudioElement|null} */
  #audio = null;
  #duration_ms = 0;
  /** Where the segments begin, as far as they were played. */
  #starts_ms = [0];
  #segment = 0;

  /**
   * `segments` of a clip that is not joined yet are played one after another; one that is `growing` goes on from its
   * end.
   * @param {{play: HTMLButtonElement, bar: HTMLElement, seek: HTMLInputElement, time: HTMLElement}} parts
   * @param {{source: (segment: number) => Promise<string>, failed: (sentence: string|null) => void,
   *   paused?: () => void, segments?: () => number, growing?: () => boolean}} options
   */
  constructor(parts, options) {
    this.parts = parts;
    this.options = options;
    parts.play.addEventListener("click", () => void this.toggle());
    parts.seek.addEventListener("input", () => void this.#seek(Number(parts.seek.value)));
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
    await this.#try(async () => {
      const audio = (this.#audio ??= await this.#make());
      // An element that failed stays failed until it is loaded again.
      if (audio.error) audio.load();
      if (audio.ended && this.options.growing?.()) await this.#load(this.#segment, audio.currentTime * 1000);
      else if (audio.ended && this.#segment) await this.#load(0);
      await audio.play();
    });
  }

  pause() {
    this.#audio?.pause();
  }

  /** The clip is no longer shown. */
  close() {
    this.pause();
    this.#release();
    this.#audio = null;
  }

  /** Let go of sound that this device holds. */
  #release() {
    if (this.#audio?.src.startsWith("blob:")) URL.revokeObjectURL(this.#audio.src);
  }

  /** @param {() => Promise<void>} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.options.failed(sentence(error));
    }
  }

  async #make() {
    const audio = new Audio(await this.options.source(0));
    audio.addEventListener("play", () => {
      if (Player.#playing !== this) Player.hush();
      Player.#playing = this;
      this.parts.bar.hidden = false;
      this.#state();
      this.#follow();
    });
    audio.addEventListener("pause", () => this.#state());
    audio.addEventListener("ended", () => void this.#next(audio));
    for (const type of ["timeupdate", "seeked", "durationchange"]) audio.addEventListener(type, () => this.#draw());
    return audio;
  }

  /** Where the playhead is in the whole clip. */
  get #at_ms() {
    return this.#starts_ms[this.#segment] + (this.#audio?.currentTime ?? 0) * 1000;
  }

  /** A segment is over: the clip too, unless more of it has arrived. @param {HTMLAudioElement} audio */
  async #next(audio) {
    const [next, end_ms] = [this.#segment + 1, this.#at_ms];
    const more = next < (this.options.segments?.() ?? 1) && end_ms < this.#duration_ms - REST_MS;
    // It also ends for a moment while its length is looked for.
    if (!audio.ended || !more) return this.#state();
    this.#starts_ms[next] = end_ms;
    await this.#try(async () => {
      await this.#load(next);
      await audio.play();
    });
  }

  /** Load a segment, anew if it is the one that was played. @param {number} segment @param {number} [from_ms] */
  async #load(segment, from_ms = 0) {
    const source = await this.options.source(segment);
    if (!this.#audio) return;
    this.#release();
    this.#segment = segment;
    this.#audio.src = source;
    if (from_ms) this.#jump(this.#audio, from_ms);
  }

  /** @param {number} to_ms */
  async #seek(to_ms) {
    const audio = this.#audio;
    if (!audio) return;
    const segment = this.#starts_ms.findLastIndex((start_ms) => start_ms <= to_ms);
    await this.#try(async () => {
      const { playing } = this;
      if (segment !== this.#segment) await this.#load(segment);
      this.#jump(audio, to_ms - this.#starts_ms[segment]);
      if (playing && audio.paused) await audio.play();
    });
    this.#draw(to_ms);
  }

  /** @param {HTMLAudioElement} audio @param {number} to_ms */
  #jump(audio, to_ms) {
    if (Number.isFinite(audio.duration)) return void (audio.currentTime = to_ms / 1000);
    if (audio.readyState === HTMLMediaElement.HAVE_NOTHING) {
      return audio.addEventListener("loadedmetadata", () => this.#jump(audio, to_ms), { once: true });
    }
    audio.addEventListener("durationchange", () => (audio.currentTime = to_ms / 1000), { once: true });
    audio.currentTime = BEYOND_S;
  }

  #state() {
    const { play } = this.parts;
    play.ariaLabel = play.title = this.playing ? "Pause" : "Play";
    play.dataset.state = this.playing ? "playing" : "paused";
    if (this.playing) return;
    if (Player.#playing === this) Player.#playing = null;
    this.options.paused?.();
  }

  /** Move the seek bar with each frame, not four times a second as `timeupdate` would. */
  #follow() {
    if (!this.playing) return;
    this.#draw();
    requestAnimationFrame(() => this.#follow());
  }

  #draw(at_ms = this.#at_ms) {
    const { seek, time } = this.parts;
    const found_ms = this.#starts_ms[this.#segment] + (this.#audio?.duration ?? 0) * 1000;
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
