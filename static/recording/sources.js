/**
 * What a recording hears: a microphone as it is; the sound of a tab or of the computer that a person shares; or both,
 * mixed. A microphone alone never passes through the mixer. In the mix, sounds come and go without a new segment.
 */

import { release } from "./microphones.js";

/** A person shared something that has no sound. */
export class Soundless extends Error {}

/**
 * Whether this browser gives pages the sound of tabs. Firefox and Safari share pictures alone and name no constraint of
 * shared sound; phones share nothing.
 */
export function canShare(devices = globalThis.navigator?.mediaDevices) {
  const known = /** @type {Record<string, boolean>} */ (devices?.getSupportedConstraints?.() ?? {});
  return typeof devices?.getDisplayMedia === "function" && Boolean(known.suppressLocalAudioPlayback);
}

/**
 * Ask a person for the sound of a tab or of the computer; they choose which. Browsers ask for a picture, too: its track
 * is stopped before anybody has seen it. Throws what getDisplayMedia throws, or `Soundless`.
 */
export async function openShared(devices = navigator.mediaDevices) {
  // What is played is recorded as it is. The microphone's own echo cancellation takes it out of what that hears.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const wanted = { audio, video: true, systemAudio: "include", surfaceSwitching: "include" };
  const shared = await devices.getDisplayMedia(/** @type {DisplayMediaStreamOptions} */ (wanted));
  if (!shared.getAudioTracks().length) {
    release(shared);
    throw new Soundless();
  }
  for (const picture of shared.getVideoTracks()) {
    picture.stop();
    shared.removeTrack(picture);
  }
  return shared;
}

/** Emits `unshared` when the shared sound ends by itself, and `stall` and `flow` when the mixer stops and goes on. */
export class Sources extends EventTarget {
  /** @type {MediaStream|null} */
  microphone = null;
  /** @type {MediaStream|null} */
  shared = null;
  /** @type {{context: AudioContext, destination: MediaStreamAudioDestinationNode, nodes: Map<MediaStream, AudioNode>}|null} */
  #mix = null;

  /** What is recorded. */
  get stream() {
    return this.#mix?.destination.stream ?? this.microphone ?? this.shared;
  }

  get isMixed() {
    return this.#mix !== null;
  }

  /** Whether the mixer gives nothing at this moment. */
  get isStalled() {
    return this.#mix !== null && this.#mix.context.state !== "running";
  }

  /** Whether anything is heard still. */
  get isLive() {
    return [this.microphone, this.shared].some((stream) => stream?.getAudioTracks()[0]?.readyState === "live");
  }

  /** Hear a microphone, another one from now on, or none. @param {MediaStream|null} microphone */
  hear(microphone) {
    if (microphone && this.shared && !this.#mix) this.#mixUp();
    this.#connect(this.microphone, microphone);
    this.microphone = microphone;
  }

  /** Hear what is shared, too; null: not any more. Throws, and changes nothing, when it cannot be mixed. @param {MediaStream|null} shared */
  share(shared) {
    if (shared && this.microphone && !this.#mix) this.#mixUp();
    const before = this.shared;
    this.#connect(before, shared);
    this.shared = shared;
    if (before) release(before);
    const [track] = shared?.getAudioTracks() ?? [];
    if (!track) return;
    track.onended = () => {
      if (this.shared !== shared) return;
      this.share(null);
      this.dispatchEvent(new Event("unshared"));
    };
  }

  /** Hear the microphone as it is, without the mixer and what is shared. */
  unmix() {
    if (this.shared) release(this.shared);
    this.shared = null;
    void this.#mix?.context.close();
    this.#mix = null;
  }

  /** Let go of everything. */
  release() {
    if (this.microphone) release(this.microphone);
    this.microphone = null;
    this.unmix();
  }

  #mixUp() {
    const context = new AudioContext();
    const destination = context.createMediaStreamDestination();
    this.#mix = { context, destination, nodes: new Map() };
    context.onstatechange = () => {
      if (this.#mix?.context !== context || context.state === "closed") return;
      this.dispatchEvent(new Event(context.state === "running" ? "flow" : "stall"));
      this.#wake(context);
    };
    this.#wake(context);
    for (const stream of [this.microphone, this.shared]) if (stream) this.#connect(null, stream);
  }

  /** Whether it goes on is told by its state. @param {AudioContext} context */
  #wake(context) {
    if (context.state !== "running") context.resume().catch(() => {});
  }

  /** @param {MediaStream|null} before @param {MediaStream|null} stream */
  #connect(before, stream) {
    if (!this.#mix) return;
    const { context, destination, nodes } = this.#mix;
    if (before) {
      nodes.get(before)?.disconnect();
      nodes.delete(before);
    }
    if (!stream) return;
    const node = context.createMediaStreamSource(stream);
    node.connect(destination);
    nodes.set(stream, node);
  }
}
