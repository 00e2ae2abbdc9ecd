/** Which microphone: offered where there is a choice, remembered on this device. */

import { part } from "../shared/element.js";

const KEY = "dictaphone:microphone";

/** What Chromium lists beside the devices themselves: the one that the system chooses. */
const ALIASES = new Set(["default", "communications"]);

export class MicrophonePicker {
  /**
   * @param {HTMLElement} recorder @param {import("./capture.js").Capture} capture
   * @param {(error: unknown) => void} failed told why another one could not be used
   */
  constructor(recorder, capture, failed) {
    this.capture = capture;
    this.element = part(recorder, "microphone", HTMLElement);
    this.select = part(recorder, "microphones", HTMLSelectElement);
    this.select.addEventListener("change", () => {
      remember(this.select.value);
      if (capture.recorder.recording) capture.use(this.select.value).catch(failed);
    });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh());
    void this.refresh();
  }

  /** The device that a person chose, if it is there; undefined leaves it to the system. */
  get chosen() {
    return this.element.hidden || !this.select.value ? undefined : this.select.value;
  }

  /** List the microphones anew. They have names only once the page may use one. @param {MediaStream} [stream] in use */
  async refresh(stream) {
    const all = await this.capture.microphones().catch(() => []);
    const named = all.filter(({ id, label }) => id && label);
    this.element.hidden = named.filter(({ id }) => !ALIASES.has(id)).length < 2;
    const used = stream?.getAudioTracks()[0]?.getSettings().deviceId;
    const wanted = [used, this.select.value, remembered()].find((id) => named.some((one) => one.id === id));
    this.select.replaceChildren(...named.map(({ id, label }) => new Option(label, id, false, id === wanted)));
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
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
