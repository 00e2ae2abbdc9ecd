/** The microphone: one recording at a time, handed out in pieces as they are made. */

/** Length of a piece: what a crash may cost. Below 1 s Safari gives empty ones; without a timeslice iOS loses sound. */
const TIMESLICE_MS = 3_000;

/** Containers in the order of our wish. Safari makes fragmented MP4 well and WebM badly; all others the reverse. */
const WEBM_FIRST = [
  "audio/webm;codecs=opus",
  "audio/webm",
  "audio/mp4;codecs=mp4a.40.2",
  "audio/mp4",
  "audio/ogg;codecs=opus",
];
const MP4_FIRST = ["audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/webm;codecs=opus", "audio/webm"];

/**
 * The first container that this browser can record; empty: leave it to the browser.
 * @param {(mime: string) => boolean} can @param {boolean} safari
 */
export function container(can, safari) {
  return (safari ? MP4_FIRST : WEBM_FIRST).find(can) ?? "";
}

/**
 * Why this page cannot record, in a sentence, or null.
 * @param {{secure: boolean, microphone: boolean, recorder: boolean}} has
 */
export function obstacle({ secure, microphone, recorder }) {
  if (!microphone && !secure) {
    return "Browsers give out the microphone only over HTTPS or on localhost. Open this page over HTTPS to record.";
  }
  if (!microphone) return "This browser gives pages no microphone. Open this page in another browser to record.";
  if (!recorder) return "This browser cannot record sound. Update it, or open this page in another one to record.";
  return null;
}

/** Why the microphone did not start, in a sentence that says what to do. @param {unknown} error from getUserMedia */
export function refusal(error) {
  const { name = "", message = "" } = error instanceof Error ? error : {};
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(message)
        ? "The system keeps the microphone from this browser. Allow it in the privacy settings, then press Record."
        : "The microphone is not allowed for this page. Allow it beside the address bar, then press Record again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found. Plug one in or switch it on, then press Record again.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone is busy or does not answer. Close other programs that use it, then press Record again.";
    default:
      return `The microphone did not start (${message || name || "the browser gives no reason"}). Press Record again.`;
  }
}

/**
 * Emits `piece` with `{data, sequence, elapsed_ms}`, `interruption` with a sentence or null (it is over), and `end`
 * with a sentence or null (a person stopped it) after the last piece.
 */
export class Recorder extends EventTarget {
  /** @type {MediaRecorder|null} */
  #recorder = null;
  #began = 0;
  /** @type {string|null} */
  #reason = null;

  get recording() {
    return this.#recorder !== null;
  }

  get elapsed_ms() {
    return this.recording ? performance.now() - this.#began : 0;
  }

  /**
   * Ask for the microphone and begin. The stream is for looking at only: what is recorded is the raw microphone.
   * @returns {Promise<{stream: MediaStream, mime: string}>} Throws what getUserMedia throws.
   */
  async start() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    // WebKit's browsers are the ones with this vendor; Chrome on iOS is one of them.
    const mimeType = container((mime) => MediaRecorder.isTypeSupported(mime), navigator.vendor.startsWith("Apple"));
    try {
      const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
      this.#follow(recorder, stream);
      this.#watch(stream.getAudioTracks()[0]);
      recorder.start(TIMESLICE_MS);
      this.#reason = null;
      this.#recorder = recorder;
      this.#began = performance.now();
      return { stream, mime: recorder.mimeType || mimeType };
    } catch (error) {
      release(stream);
      throw error;
    }
  }

  /** End the recording; `end` follows when its last piece is out. */
  stop() {
    if (this.#recorder?.state !== "inactive") this.#recorder?.stop();
  }

  /** Hand out what was recorded up to now: the page may not come back. */
  flush() {
    if (this.#recorder?.state === "recording") this.#recorder.requestData();
  }

  /** @param {MediaRecorder} recorder @param {MediaStream} stream */
  #follow(recorder, stream) {
    let sequence = 0;
    // Reading a Blob takes its time; the chain keeps the pieces in order and the end behind them.
    let handed = Promise.resolve();
    recorder.ondataavailable = ({ data }) => {
      if (data.size === 0) return;
      const piece = { sequence: sequence++, elapsed_ms: this.elapsed_ms };
      handed = handed.then(async () => this.#emit("piece", { ...piece, data: await data.arrayBuffer() }));
    };
    recorder.onerror = () => (this.#reason = "The browser stopped the recording. What was said until then is kept.");
    recorder.onstop = () => {
      void handed.then(() => {
        release(stream);
        this.#recorder = null;
        this.#emit("end", this.#reason);
      });
    };
  }

  /** @param {MediaStreamTrack} track */
  #watch(track) {
    track.onmute = () =>
      this.#emit("interruption", "The microphone is silenced: a call, or a switch. The recording goes on.");
    track.onunmute = () => this.#emit("interruption", null);
    track.onended = () => {
      this.#reason = "The microphone was disconnected. What was said until then is kept.";
      this.stop();
    };
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Let go of the microphone. @param {MediaStream} stream */
function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
