/**
 * The one player of the page, at its foot: it stays while one goes from place to place. Rows and the clip's page ask it
 * to play; it tells them what it does.
 */

import { day, dayTitle } from "../shared/format.js";
import { viewOf } from "../shared/clip-state.js";
import { isUnjoined } from "../shared/actions.js";
import { part } from "../shared/element.js";
import { gone } from "../shared/library.js";
import { listening, Places, SPEEDS } from "../shared/preferences.js";
import { clipAddress } from "../shared/router.js";
import { language, locale, words } from "../shared/words.js";
import { behind } from "../clip/word-timings.js";
import { introduce, report } from "./lock-screen.js";
import { Player } from "./player.js";
import { Preparing } from "./preparing.js";
import { Ticks } from "./ticks.js";
import { Waveform } from "./waveform.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

const STEP_MS = 10_000;

const places = new Places();

/**
 * Emits `state` with the id of the clip whose state has changed (it plays, waits, stands still, or is another one), and
 * `moved` with `{id, at_ms, whole_ms}` for each frame in which the playhead moves.
 */
export class PlayerBar extends EventTarget {
  /** The clip that it has; "": none. */
  id = "";
  /** @type {Player|null} */
  player = null;
  /** @type {import("../clip/clip-details.js").ClipDetails|null} */
  #details = null;
  /** @type {Waveform|null} */
  #waveform = null;
  /** Whether the clip is in the bin, and is played from there. */
  #isBinned = false;
  /** Which sound the clip has: another one is loaded anew. */
  #sound = "";

  /**
   * @param {HTMLElement} element @param {{library: import("../shared/library.js").Library,
   *   actions: import("../shared/actions.js").Actions, details: import("../clip/clip-details.js").DetailsCache,
   *   toast: import("../shared/toast.js").Toast, router: import("../shared/router.js").Router,
   *   announce: (words: string) => void}} page
   */
  constructor(element, page) {
    super();
    this.element = element;
    this.page = page;
    this.title = part(element, "player-title", HTMLAnchorElement);
    this.speed = part(element, "speed", HTMLSelectElement);
    this.skip = part(element, "skip", HTMLButtonElement);
    this.parts = {
      play: part(element, "play", HTMLButtonElement),
      bar: element,
      seek: part(element, "seek", HTMLInputElement),
      time: part(element, "time", HTMLElement),
    };
    this.ticks = new Ticks(part(element, "marks", HTMLElement));
    this.preparing = new Preparing(element, page.announce);
    part(element, "player-close", HTMLElement).addEventListener("click", () => this.close());
    part(element, "back", HTMLElement).addEventListener("click", () => void this.player?.by(-STEP_MS));
    part(element, "forward", HTMLElement).addEventListener("click", () => void this.player?.by(STEP_MS));
    this.#listen();
    page.library.addEventListener("change", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.id === this.id) this.#show();
    });
    page.router.addEventListener("place", () => this.#beside());
    language.addEventListener("change", () => this.#speak());
    listening.addEventListener("change", () => this.#tell());
    this.#speak();
  }

  get playing() {
    return Boolean(this.player?.playing || this.player?.waiting);
  }

  /** Whether this clip plays, or will as soon as its sound is made. @param {string} id */
  plays(id) {
    return id === this.id && this.playing;
  }

  /** Play a clip, or pause it. @param {string} id */
  async toggle(id) {
    if (this.load(id)) await this.player?.toggle();
  }

  /** Play a clip from a moment. @param {string} id @param {number} ms */
  async playFrom(id, ms) {
    if (this.load(id)) await this.player?.playFrom(ms);
  }

  /** Stand at a moment of a clip. @param {string} id @param {number} ms */
  async seek(id, ms) {
    if (this.load(id)) await this.player?.seek(ms);
  }

  /**
   * Have a clip here, at the place where it was left; the one before stops.
   * @param {string} id @returns {boolean} whether it is here: of some clips there is nothing to play
   */
  load(id) {
    const entry = this.page.library.get(id);
    if (id === this.id) return true;
    if (!entry || !viewOf(entry).playable) return false;
    this.close();
    this.id = id;
    this.#isBinned = gone(entry);
    this.#details = this.page.details.of(id);
    this.#details.addEventListener("change", this.#detail);
    this.player = this.#player(id);
    this.#waveform = new Waveform(part(this.element, "track", HTMLElement), (ms) => this.player?.seek(ms));
    this.element.hidden = false;
    this.#beside();
    this.#show();
    this.#detail();
    void this.player.seek(places.get(id));
    this.#say("state", id);
    return true;
  }

  /** Let go of the clip. */
  close() {
    const { id } = this;
    if (!id) return;
    this.#details?.removeEventListener("change", this.#detail);
    this.player?.close();
    this.#waveform?.close();
    [this.id, this.player, this.#waveform, this.#details, this.#sound] = ["", null, null, null, ""];
    this.element.hidden = true;
    this.preparing.show("");
    this.#say("state", id);
  }

  get #entry() {
    return this.page.library.get(this.id);
  }

  /** @param {string} id */
  #player(id) {
    const { actions, library, toast } = this.page;
    const entry = () => /** @type {Entry} */ (library.get(id));
    return new Player(this.parts, {
      source: (segment, how) => actions.audio(entry(), segment, how),
      waits: (waits) => this.preparing.show(waits ? words.player.preparing : ""),
      // A player that was given the joined sound meanwhile finds that all of it was played.
      segments: () => (entry()?.clip && isUnjoined(/** @type {any} */ (entry().clip)) ? (entry().clip?.segments ?? 1) : 1),
      growing: () => entry()?.clip?.status === "recording",
      failed: (sentence) => sentence && toast.say(sentence, { stays: true }),
      paused: () => this.#say("state", id),
      played: () => {
        this.#introduce();
        void this.#details?.show(entry()?.clip ?? null);
        this.#say("state", id);
      },
      moved: (at_ms, whole_ms) => {
        this.#waveform?.move(at_ms, whole_ms);
        this.dispatchEvent(new CustomEvent("moved", { detail: { id, at_ms, whole_ms } }));
      },
      heard: (at_ms, whole_ms) => {
        places.set(id, at_ms, whole_ms);
        if (this.player) report(this.player);
      },
      skip: (ms) => behind(this.#details?.pauses ?? [], ms),
      step: (ms, way) => this.#details?.timing?.step(ms, way) ?? ms,
    });
  }

  #show() {
    const entry = this.#entry;
    // What goes into the bin is heard no more; what was begun there is.
    if (!entry || (gone(entry) && !this.#isBinned)) return this.close();
    this.#isBinned = gone(entry);
    const view = viewOf(entry);
    if (!view.playable) return this.close();
    this.title.textContent = view.name;
    this.title.href = clipAddress(this.id);
    if (this.player) this.player.duration_ms = view.duration_ms;
    this.ticks.show(view.marks, entry.clip);
    this.#renew(entry.clip);
    void this.#details?.show(entry.clip);
  }

  #detail = () => {
    const { peaks } = this.#details ?? { peaks: [] };
    this.#waveform?.show(peaks);
    if (this.player) this.#waveform?.move(this.player.at_ms, this.player.whole_ms);
  };

  /** Whoever plays the clip's sound goes on with it. @param {Entry["clip"]} clip */
  #renew(clip) {
    if (!clip || this.player?.playing) return;
    const sound = JSON.stringify([clip.has_true_clock, clip.track_set, clip.cuts]);
    if (this.#sound && sound !== this.#sound) this.player?.renew();
    this.#sound = sound;
  }

  /** Beside its own page, the clip's title would be said twice. */
  #beside() {
    const { name, id } = this.page.router.place;
    this.element.toggleAttribute("data-own", name === "clip" && id === this.id);
  }

  /** Tell the lock screen what plays. */
  #introduce() {
    const entry = this.#entry;
    if (!entry || !this.player) return;
    introduce({ name: viewOf(entry).name, at: dayTitle(day(entry.at)) }, this.player);
    report(this.player);
  }

  #listen() {
    let isPointed = false;
    this.speed.addEventListener("pointerdown", () => (isPointed = true));
    this.speed.addEventListener("keydown", () => (isPointed = false));
    this.speed.addEventListener("change", () => {
      listening.speed = Number(this.speed.value);
      // Letters and the space bar mean the clip again; by keyboard, one may still be choosing.
      if (isPointed) this.speed.blur();
    });
    this.skip.addEventListener("click", () => (listening.skips = !listening.skips));
  }

  /** What depends on the language of the page. */
  #speak() {
    this.speed.replaceChildren(...SPEEDS.map((speed) => new Option(times(speed), String(speed))));
    this.#tell();
  }

  #tell() {
    this.speed.value = String(listening.speed);
    this.skip.ariaPressed = String(listening.skips);
  }

  /** @param {string} type @param {string} id */
  #say(type, id) {
    this.dispatchEvent(new CustomEvent(type, { detail: id }));
  }
}

/** @param {number} speed */
export function times(speed) {
  return `${speed.toLocaleString(locale)}×`;
}
