/** Microphones and a MediaRecorder that do what they are told, in a time that a test moves. */

import { mock } from "node:test";

/** Bytes of a second of speech. */
const SPEECH = 100;

/** The steps in which time is moved: finer than anything that waits for it. */
const STEP_MS = 50;

class Track extends EventTarget {
  readyState = "live";
  muted = false;

  constructor(device) {
    super();
    this.device = device;
  }

  stop() {
    this.readyState = "ended";
  }

  getSettings() {
    return { deviceId: this.device };
  }
}

class Stream {
  constructor(device) {
    this.track = new Track(device);
  }

  getTracks() {
    return [this.track];
  }

  getAudioTracks() {
    return [this.track];
  }
}

export class Microphones {
  /** Why the next requests fail, in turn. @type {(string|null)[]} */
  failures = [];
  /** @type {Stream[]} */
  streams = [];
  devices = new Set(["default", "headset"]);

  get stream() {
    return this.streams.at(-1);
  }

  async getUserMedia({ audio }) {
    const failure = this.failures.shift();
    if (failure) throw new DOMException("", failure);
    const device = audio === true ? "default" : audio.deviceId.exact;
    if (!this.devices.has(device)) throw new DOMException("", "OverconstrainedError");
    return this.streams[this.streams.push(new Stream(device)) - 1];
  }

  async enumerateDevices() {
    return [
      { kind: "videoinput", deviceId: "camera", label: "Camera" },
      ...[...this.devices].map((deviceId) => ({ kind: "audioinput", deviceId, label: `The ${deviceId}` })),
    ];
  }

  /** The device is pulled out: its track ends, and with it the recorder. */
  unplug() {
    const { track } = this.stream;
    track.readyState = "ended";
    track.onended();
    for (const one of FakeRecorder.all) if (one.stream.track === track && one.state === "recording") one.stop();
  }

  mute(muted) {
    const { track } = this.stream;
    track.muted = muted;
    if (muted) track.onmute();
    else track.onunmute();
  }
}

/** The sound of a tab, as a person shares it, with its picture. */
export class SharedTab extends Stream {
  picture = new Track("picture");

  constructor({ silent = false } = {}) {
    super("tab");
    this.silent = silent;
  }

  getTracks() {
    return [...this.getAudioTracks(), ...this.getVideoTracks()];
  }

  getAudioTracks() {
    return this.silent ? [] : [this.track];
  }

  getVideoTracks() {
    return this.picture ? [this.picture] : [];
  }

  removeTrack(track) {
    if (track === this.picture) this.picture = null;
  }

  /** The person, or the tab itself, ends it. */
  end() {
    this.track.readyState = "ended";
    this.track.onended();
    for (const one of FakeRecorder.all) if (one.stream.track === this.track && one.state === "recording") one.stop();
  }
}

/** What mixes: `heard` are the streams that are connected now. */
export class FakeMixer {
  /** @type {FakeMixer[]} */
  static all = [];
  state = "running";
  /** @type {Set<Stream>} */
  heard = new Set();
  output = new Stream("mix");

  constructor() {
    FakeMixer.all.push(this);
  }

  createMediaStreamDestination() {
    return { stream: this.output };
  }

  createMediaStreamSource(stream) {
    return { connect: () => this.heard.add(stream), disconnect: () => this.heard.delete(stream) };
  }

  async resume() {}

  become(state) {
    this.state = state;
    this.onstatechange();
  }

  async close() {
    this.state = "closed";
  }
}

/** Each piece says which recorder made it, and how many of its seconds it holds. */
export class FakeRecorder {
  /** @type {FakeRecorder[]} */
  static all = [];
  static isTypeSupported = (mime) => mime === "audio/webm;codecs=opus";
  state = "inactive";
  mimeType = "audio/webm;codecs=opus";
  /** It gives out nothing more, nor says that it has stopped. */
  stuck = false;
  /** Bytes of a second. */
  loud = SPEECH;
  /** Milliseconds after which it begins. */
  late_ms = 0;
  /** Which of its pieces cannot be read, counted from 1. @type {(piece: number) => boolean} */
  unreadable = () => false;
  #given = 0;
  #since = 0;

  constructor(stream) {
    this.stream = stream;
    this.number = FakeRecorder.all.push(this);
  }

  start(timeslice_ms) {
    this.state = "recording";
    this.#since = Date.now() + this.late_ms;
    this.timer = setInterval(() => this.requestData(), timeslice_ms);
    if (this.late_ms) setTimeout(() => this.onstart?.(), this.late_ms);
    else this.onstart?.();
  }

  requestData() {
    if (this.state === "inactive") throw new DOMException("", "InvalidStateError");
    const ms = Date.now() - this.#since;
    if (this.stuck || this.state === "paused") return;
    this.#since = Date.now();
    this.#give(ms);
  }

  /** Hand out what so much time holds. */
  #give(ms) {
    const head = `${this.number}:${Math.round(ms)} `;
    const data = new Blob([head.padEnd(Math.round((ms * this.loud) / 1000), " ")]);
    this.#given += 1;
    if (this.unreadable(this.#given)) {
      // A Response reads a Blob by its stream.
      data.arrayBuffer = () => Promise.reject(new DOMException("", "NotReadableError"));
      data.stream = () => new ReadableStream({ pull: (controller) => controller.error(new TypeError("failed")) });
    }
    this.ondataavailable({ data });
  }

  pause() {
    this.requestData();
    this.state = "paused";
  }

  resume() {
    this.state = "recording";
    this.#since = Date.now();
  }

  stop() {
    clearInterval(this.timer);
    const ms = this.state === "recording" ? Date.now() - this.#since : 0;
    this.state = "inactive";
    if (this.stuck) return;
    setTimeout(() => {
      if (ms) this.#give(ms);
      this.onstop?.();
    }, 1);
  }
}

/** Give the page its microphones, and take its time away. */
export function equip() {
  FakeRecorder.all = [];
  FakeMixer.all = [];
  globalThis.AudioContext = /** @type {any} */ (FakeMixer);
  const microphones = new Microphones();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  mock.method(performance, "now", () => Date.now());
  const mediaDevices = Object.assign(new EventTarget(), {
    getUserMedia: (wanted) => microphones.getUserMedia(wanted),
    enumerateDevices: () => microphones.enumerateDevices(),
  });
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { mediaDevices, vendor: "Google Inc." },
  });
  globalThis.MediaRecorder = FakeRecorder;
  return microphones;
}

/** Take it all back. */
export function unequip() {
  mock.timers.reset();
  mock.restoreAll();
}

/** What waits for promises alone. */
export async function settle() {
  for (let i = 0; i < 8; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Let time pass. @param {number} ms */
export async function pass(ms) {
  for (let gone = 0; gone < ms; gone += STEP_MS) {
    mock.timers.tick(Math.min(STEP_MS, ms - gone));
    await settle();
  }
}

/** The machine sleeps: time passes in which nothing runs. @param {number} ms */
export function sleep(ms) {
  mock.timers.setTime(Date.now() + ms);
}
