/**
 * What is recorded: a menu of the microphones by their whole names, and of the sound of tabs and of the computer. The
 * chosen microphone is remembered on this device.
 */

import { Menu } from "../shared/menu.js";
import { words } from "../shared/words.js";
import { canShare } from "./sources.js";

const KEY = "dictaphone:microphone";

/** What Chromium lists beside the devices themselves: the one that the system chooses. */
const ALIASES = new Set(["default", "communications"]);

/** @typedef {{id: string, label: string}} Device */
/**
 * What the menu can do: begin with a shared sound (`alone`: without a microphone), add it to a recording or leave it
 * out; `failed` is told why another microphone could not be used, `why` a sentence to show.
 * @typedef {{begin: (alone: boolean) => unknown, add: () => unknown, leave: () => unknown,
 *   failed: (error: unknown) => void, why: (sentence: string) => void}} Ways
 */

export class SourceMenu {
  /** With their names, which browsers tell once one was allowed. @type {Device[]} */
  #devices = [];
  /** The one that is recorded now. */
  #used = "";

  /**
   * @param {HTMLButtonElement} button @param {import("./capture.js").Capture} capture @param {Ways} ways
   */
  constructor(button, capture, ways) {
    this.capture = capture;
    this.ways = ways;
    this.menu = new Menu(button, () => this.#items());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh());
    void this.refresh();
  }

  /** The microphone that a person chose, if it is there; undefined leaves it to the system. */
  get chosen() {
    const kept = remembered();
    return this.#devices.some(({ id }) => id === kept) ? kept : undefined;
  }

  /** The microphones by their names, and the one that is recorded, or would be. */
  get all() {
    return { devices: this.#devices, wanted: this.#used || this.chosen || "default" };
  }

  /** What the microphone is called that is recorded, or would be. */
  get name() {
    const { wanted } = this.all;
    const known = this.#devices.find(({ id }) => id === wanted) ?? this.#devices[0];
    return known?.label ?? words.page.microphone;
  }

  /** List the microphones anew. @param {MediaStream} [stream] in use */
  async refresh(stream) {
    const all = await this.capture.microphones().catch(() => []);
    this.#devices = all.filter(({ id, label }) => id && label);
    if (stream) this.#used = stream.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Nothing is recorded any more. */
  release() {
    this.#used = "";
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #items() {
    const { wanted } = this.all;
    const named = this.#devices.map(({ id, label }) => ({
      label,
      isOn: id === wanted,
      act: () => this.choose(id),
    }));
    const hasReal = this.#devices.some(({ id }) => !ALIASES.has(id));
    return [...(hasReal ? named : [{ label: words.recorder.microphonesLater }]), ...this.#others()];
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #others() {
    const { meeting, alone, add, leave, unavailable, why } = words.sources;
    const { recorder } = this.capture;
    if (!canShare()) return [{ label: unavailable, act: () => this.ways.why(why) }];
    if (recorder.recording) {
      return [recorder.shared ? { label: leave, act: this.ways.leave } : { label: add, act: this.ways.add }];
    }
    return [
      { label: meeting, act: () => this.ways.begin(false) },
      { label: alone, act: () => this.ways.begin(true) },
    ];
  }

  /** Record this one from now on. @param {string} id */
  async choose(id) {
    remember(id);
    if (!this.capture.recorder.recording) return;
    await this.capture.use(id).catch(this.ways.failed);
  }
}

/** @param {string} id */
function remember(id) {
  try {
    localStorage.setItem(KEY, id);
  } catch {
    // Pages may be refused storage; the choice then lasts as long as the page.
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}
