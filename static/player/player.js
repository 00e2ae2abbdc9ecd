/** Plays one clip: its audio element is made at the first play, and one clip plays at a time. */

import { clock, spoken } from "../shared/format.js";
import { listening } from "../shared/preferences.js";
import { sentenceOfError } from "../shared/sentences.js";
import { words } from "../shared/words.js";

/** Where an element without a known end is sent to find it: beyond any recording. WebM from Chrome has no duration. */
const BEYOND_S = 1e7;

/** Of a recording that is not joined yet, what is left after a segment is another segment, if it is longer than this. */
const REST_MS = 1_500;

/** What an element says when its sound stops coming (`MediaError.MEDIA_ERR_NETWORK`). */
const NETWORK = 2;

/** How often it is told how far somebody is while it plays. */
const HEARD_EACH_MS = 5_000;

/**
 * `source` is the address of a segment's audio, which may have to be waited for (`how`: static/player/renditions.js);
 * `waits` is told when that begins and ends. `segments` of a clip that is not joined yet are played one after
 * another, and one that is `growing` goes on from its end. `moved` is told with each frame where the playhead is,
 * `heard` whenever it plays or no longer does and every few seconds; `skip` says where to go on from a pause, and `step`
 * leads from word to word.
 * @typedef {{
 *   source: (segment: number, how: import("./renditions.js").How) => Promise<string>,
 *   failed: (sentence: string|null) => void, waits?: (waits: boolean) => void, paused?: () => void,
 *   played?: () => void, segments?: () => number, growing?: () => boolean,
 *   moved?: (at_ms: number, whole_ms: number) => void, heard?: (at_ms: number, whole_ms: number) => void,
 *   skip?: (ms: number) => number|null, step?: (ms: number, way: 1|-1) => number
 * }} Options
 */

export class Player {
  /** @type {Player|null} */
  static #playing = null;
  /** The one that was played last. @type {Player|null} */
  static #latest = null;
  /** @type {HTMLAudioElement|null} */
  #audio = null;
  /** The first sound that it was given is there, or on its way. @type {Promise<void>|null} */
  #given = null;
  /** Gives up what is on its way. @type {AbortController|null} */
  #asking = null;
  /** Whether somebody is told that the sound has to be made first. */
  #waits = false;
  /** Whether this device has failed to play the clip's own sound. */
  #isUniversal = false;
  #duration_ms = 0;
  /** Where the segments begin, as far as they were played. */
  #starts_ms = [0];
  #segment = 0;
  /** Where the playhead is to be, as long as the sound is not there. @type {number|null} */
  #to_ms = null;
  #told_ms = 0;
  /** Ends what it hears of its parts: they may be given to another player. */
  #open = new AbortController();

  /**
   * @param {{play: HTMLButtonElement, bar: HTMLElement, seek: HTMLInputElement, time: HTMLElement}} parts
   * @param {Options} options
   */
  constructor(parts, options) {
    this.parts = parts;
    this.options = options;
    const { signal } = this.#open;
    parts.play.addEventListener("click", () => void this.toggle(), { signal });
    parts.seek.addEventListener("input", () => void this.seek(Number(parts.seek.value)), { signal });
    listening.addEventListener("change", this.#hasten);
  }

  /** Silence whatever plays: somebody begins to record. */
  static hush() {
    Player.#playing?.pause();
  }

  /** The one that plays, or the one that did. */
  static get latest() {
    return Player.#latest;
  }

  get playing() {
    return this.#audio !== null && !this.#audio.paused;
  }

  /** Whether it will play as soon as its sound is made. */
  get waiting() {
    return this.#waits;
  }

  /** @param {number|null} duration_ms as the clip says; null: unknown */
  set duration_ms(duration_ms) {
    this.#duration_ms = duration_ms ?? this.#duration_ms;
    this.#draw();
  }

  /** Where the playhead is in the whole clip. */
  get at_ms() {
    return this.#to_ms ?? this.#starts_ms[this.#segment] + (this.#audio?.currentTime ?? 0) * 1000;
  }

  /** How long it is; 0: nobody knows. */
  get whole_ms() {
    const found_ms = this.#starts_ms[this.#segment] + (this.#audio?.duration ?? 0) * 1000;
    return this.#duration_ms || (Number.isFinite(found_ms) ? found_ms : 0);
  }

  async toggle() {
    if (this.playing || this.#waits) return this.pause();
    this.options.failed(null);
    // Within the click: Safari lets an element that was loaded by a click play later, too.
    const audio = (this.#audio ??= this.#make());
    await this.#try(async () => {
      await (this.#given ??= this.#load(0, this.at_ms));
      // An element that failed stays failed until it is loaded again.
      if (audio.error) audio.load();
      if (audio.ended && this.options.growing?.()) await this.#load(this.#segment, audio.currentTime * 1000);
      else if (audio.ended && this.#segment) await this.#load(0);
      await audio.play();
    });
  }

  pause() {
    this.#asking?.abort();
    this.#audio?.pause();
  }

  /** The clip's sound is another one now: it is asked for at the next play, which goes on from here. */
  renew() {
    if (!this.#given) return;
    this.#to_ms = this.at_ms;
    this.#isUniversal = false;
    this.#given = null;
    this.pause();
    this.#release();
    this.#audio?.removeAttribute("src");
    this.#audio?.load();
  }

  /** @param {number} ms */
  async playFrom(ms) {
    await this.seek(ms);
    if (!this.playing && !this.#waits) await this.toggle();
  }

  /** Go there; what does not play stays so. @param {number} ms */
  async seek(ms) {
    const to_ms = Math.max(0, Math.min(ms, this.whole_ms || ms));
    this.#to_ms = to_ms;
    this.#draw();
    const audio = this.#audio;
    if (!audio) return;
    const segment = this.#starts_ms.findLastIndex((start_ms) => start_ms <= to_ms);
    await this.#try(async () => {
      const { playing } = this;
      if (segment !== this.#segment) await this.#load(segment);
      this.#jump(audio, to_ms - this.#starts_ms[segment]);
      if (playing && audio.paused) await audio.play();
    });
  }

  /** @param {number} ms forwards, or back if it is negative */
  by(ms) {
    return this.seek(this.at_ms + ms);
  }

  /** To the next word, or back to the one before. @param {1|-1} way */
  word(way) {
    return this.seek(this.options.step?.(this.at_ms, way) ?? this.at_ms);
  }

  /** The clip is no longer shown. */
  close() {
    this.#open.abort();
    this.pause();
    this.#release();
    this.#audio = this.#given = null;
    if (Player.#latest === this) Player.#latest = null;
    listening.removeEventListener("change", this.#hasten);
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
      const { name } = /** @type {Error} */ (error);
      // What an element cannot play is told by its own event.
      if (name !== "AbortError" && !(name === "NotSupportedError" && this.#audio?.error)) this.options.failed(sentence(error));
    }
  }

  #make() {
    const audio = new Audio();
    audio.load();
    audio.addEventListener("play", () => {
      if (Player.#playing !== this) Player.hush();
      Player.#playing = Player.#latest = this;
      this.parts.bar.hidden = false;
      this.options.played?.();
      this.#state();
      this.#follow();
    });
    audio.addEventListener("pause", () => this.#state());
    audio.addEventListener("error", () => void this.#fall(audio));
    audio.addEventListener("ended", () => void this.#next(audio));
    for (const type of ["seeked", "playing"]) {
      audio.addEventListener(type, () => {
        // Not while its length is looked for, far beyond.
        if (!audio.seeking && audio.currentTime < BEYOND_S) this.#to_ms = null;
        this.#hear();
      });
    }
    for (const type of ["timeupdate", "seeked", "durationchange"]) audio.addEventListener(type, () => this.#step());
    return audio;
  }

  /** What the device has claimed to play, it does not: the form for any device takes its place. @param {HTMLAudioElement} audio */
  async #fall(audio) {
    if (!audio.getAttribute("src")) return;
    if (audio.error?.code === NETWORK) return this.options.failed(words.server.unreachable);
    if (this.#isUniversal) return this.options.failed(words.player.notSupported);
    const [{ paused }, at_ms] = [audio, this.at_ms];
    this.#to_ms = at_ms || null;
    this.#isUniversal = true;
    await this.#try(async () => {
      await (this.#given = this.#load(0, at_ms));
      if (!paused) await audio.play();
    });
  }

  /** As fast as somebody listens; a segment that is loaded begins with what is said by default. */
  #hasten = () => {
    if (this.#audio) this.#audio.playbackRate = this.#audio.defaultPlaybackRate = listening.speed;
    if (this.playing) this.#hear();
  };

  /** A segment is over: the clip too, unless more of it has arrived. @param {HTMLAudioElement} audio */
  async #next(audio) {
    const [next, end_ms] = [this.#segment + 1, this.at_ms];
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
    const { signal } = (this.#asking = new AbortController());
    try {
      const how = { signal, universal: this.#isUniversal, waits: () => this.#wait(true) };
      const source = await this.options.source(segment, how);
      signal.throwIfAborted();
      if (!this.#audio) return;
      this.#release();
      this.#segment = segment;
      this.#audio.src = source;
      this.#hasten();
      if (from_ms) this.#jump(this.#audio, segment ? from_ms : (this.#to_ms ?? from_ms));
    } catch (error) {
      // The next play chooses anew.
      if (!segment) [this.#given, this.#isUniversal] = [null, false];
      throw error;
    } finally {
      this.#wait(false);
    }
  }

  /** @param {boolean} waits */
  #wait(waits) {
    if (waits === this.#waits) return;
    if (waits && Player.#playing !== this) Player.hush();
    this.#waits = waits;
    if (waits) Player.#playing = Player.#latest = this;
    this.options.waits?.(waits);
    this.#state();
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
    const isOn = this.playing || this.#waits;
    play.ariaLabel = play.title = isOn ? words.player.pause : words.player.play;
    play.dataset.state = this.#waits ? "waiting" : isOn ? "playing" : "paused";
    this.#hear();
    if (isOn) return;
    if (Player.#playing === this) Player.#playing = null;
    this.options.paused?.();
  }

  /** Tell those who remember. */
  #hear() {
    this.#told_ms = this.at_ms;
    if (this.#audio && this.#to_ms === null) this.options.heard?.(this.at_ms, this.whole_ms);
  }

  /** Move the seek bar with each frame, not four times a second as `timeupdate` would. */
  #follow() {
    if (!this.playing) return;
    this.#step();
    requestAnimationFrame(() => this.#follow());
  }

  #step() {
    const { playing, at_ms } = this;
    if (playing && this.#to_ms === null) {
      const to_ms = listening.skips ? (this.options.skip?.(at_ms) ?? null) : null;
      if (to_ms !== null) void this.seek(to_ms);
      else if (Math.abs(at_ms - this.#told_ms) >= HEARD_EACH_MS) this.#hear();
    }
    this.#draw();
  }

  #draw() {
    const { seek, time } = this.parts;
    const { whole_ms } = this;
    const now_ms = Math.min(this.at_ms, whole_ms || this.at_ms);
    seek.max = String(Math.round(whole_ms));
    seek.value = String(Math.round(now_ms));
    seek.ariaValueText = words.player.of(spoken(now_ms), spoken(whole_ms));
    seek.style.setProperty("--played", `${whole_ms ? (100 * now_ms) / whole_ms : 0}%`);
    // Where there is no room for one line, it breaks between the two times.
    const told = `${clock(now_ms)}\u00a0/ ${clock(whole_ms)}`;
    if (time.textContent !== told) time.textContent = told;
    this.options.moved?.(now_ms, whole_ms);
  }
}

/** @param {unknown} error */
function sentence(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return words.player.notAllowed;
  if (name === "NotSupportedError") return words.player.notSupported;
  return sentenceOfError(error);
}
