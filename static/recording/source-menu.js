/** What is recorded: a menu of the microphones by their whole names. The chosen one is remembered on this device. */

import { Menu } from "../shared/menu.js";
import { words } from "../shared/words.js";

const KEY = "dictaphone:microphone";

/** What Chromium lists beside the devices themselves: the one that the system chooses. */
const ALIASES = new Set(["default", "communications"]);

/** @typedef {{id: string, label: string}} Device */

export class SourceMenu {
  /** With their names, which browsers tell once one was allowed. @type {Device[]} */
  #devices = [];
  /** The one that is recorded now. */
  #used = "";

  /**
   * @param {HTMLButtonElement} button @param {import("./capture.js").Capture} capture
   * @param {(error: unknown) => void} failed told why another one could not be used
   */
  constructor(button, capture, failed) {
    this.capture = capture;
    this.failed = failed;
    this.menu = new Menu(button, () => this.#items());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh());
    void this.refresh();
  }

  /** The microphone that a person chose, if it is there; undefined leaves it to the system. */
  get chosen() {
    const kept = remembered();
    return this.#devices.some(({ id }) => id === kept) ? kept : undefined;
  }

  /** What the microphone is called that is recorded, or would be. */
  get name() {
    const wanted = this.#used || this.chosen || "default";
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
    const wanted = this.#used || this.chosen || "default";
    const named = this.#devices.map(({ id, label }) => ({
      label,
      isOn: id === wanted,
      act: () => this.#choose(id),
    }));
    const hasReal = this.#devices.some(({ id }) => !ALIASES.has(id));
    return hasReal ? named : [{ label: words.recorder.microphonesLater }];
  }

  /** @param {string} id */
  async #choose(id) {
    remember(id);
    if (!this.capture.recorder.recording) return;
    await this.capture.use(id).catch(this.failed);
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
