/** One recording at a time, handed out in pieces as they are made, whatever happens to what is heard. */

import { Backoff } from "../shared/backoff.js";
import { open, openOrAny, release } from "./microphones.js";
import { bytesOf, container } from "./pieces.js";
import { refusal } from "./refusals.js";
import { Sources } from "./sources.js";
import { Stopwatch, unheard } from "./stopwatch.js";

/**
 * Length of a piece: what a crash may cost, and how late captions come. Below 1 s Safari gives empty ones; without a
 * timeslice iOS loses sound.
 */
const TIMESLICE_MS = 2_000;

/** Nothing came for three timeslices: the recorder is stuck. Chromium's are when the sample rate changes. */
const FROZEN = 3;
const LOOK_MS = 1_000;

/** A stuck recorder may never say that it has stopped. */
const LAST_PIECE_MS = 3_000;

/** How long the page says that a piece could not be read. */
const UNREAD_MS = 15_000;

/** Some microphones are silent for a moment when they begin. */
const BLINK_MS = 250;

/** How often a microphone that went away is asked for: a plug that slipped out is back in seconds. */
const FIRST_MS = 250;
const MOST_MS = 5_000;

/** @typedef {import("../shared/problem.js").Reason} Reason */

const [MUTED, UNREAD, DISCONNECTED] = ["muted", "unread", "disconnected"].map((name) => ({ code: `microphone.${name}` }));
const UNPLUGGED = [DISCONNECTED, { code: "microphone.waiting" }];
const UNPLUGGED_BESIDE = { code: "sources.unplugged" };

/** @typedef {import("../shared/types.js").Gap} Gap */
/**
 * What one recorder makes, a container of its own. `isOpen`: a piece of it was handed out; `isHeadless`: its first one,
 * which has the header, could not be read.
 * @typedef {{recorder: MediaRecorder, isOpen: boolean, isHeadless: boolean}} Segment
 */
/** @typedef {"idle"|"recording"|"paused"|"reconnecting"|"stopping"} State */

/**
 * Emits `piece` with `{data, opens, recorded_ms}` (`opens`: the media type of a segment that begins with this piece, or
 * null), `gap`, `stream` with another microphone to look at, `shared` with the shared sound or null (it has ended),
 * `state`, `interruption` with a reason or null (it is over), and `end` after the last piece, when a person has stopped
 * it: nothing else does.
 */
export class Recorder extends EventTarget {
  /** What is wrong with what is heard at this moment. @type {Reason|null} */
  interruption = null;
  /** @type {MediaRecorder|null} */
  #recorder = null;
  #sources = new Sources();
  /** Whether a microphone belongs to it, and not the shared sound alone. */
  #hasMicrophone = true;
  /** @type {State} */
  #state = "idle";
  #device = "";
  #clock = new Stopwatch();
  /** When the last piece came, and how much was recorded then. */
  #heard = { at: 0, ms: 0 };
  /** Of this segment, to know what is little. */
  #segment = { bytes: 0, ms: 0 };
  /** How much was recorded when the segment before ended. */
  #dropped_ms = 0;
  /** @type {{at: number, ms: number}|null} since when the system silences the microphone */
  #muted = null;
  #unmuted_at = 0;
  #suspected = false;
  /**
   * Reading a Blob takes its time; the chain keeps the pieces in order and the end behind them. No link of it rejects:
   * a piece that cannot be read costs itself alone.
   */
  #handed = Promise.resolve();
  /** How much was recorded when the last piece was handed out or lost. */
  #handed_ms = 0;
  /** How much of what the clock counted was taken back, because its pieces could not be read. */
  #unread_ms = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} until when the page says that a piece could not be read */
  #unread_timer;
  /** @type {{at: number, ms: number}|null} since when a microphone is waited for */
  #away = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #watch;
  #patience = new Backoff({ first_ms: FIRST_MS, max_ms: MOST_MS });

  /** @param {{timeslice_ms?: number}} options */
  constructor({ timeslice_ms = TIMESLICE_MS } = {}) {
    super();
    this.timeslice_ms = timeslice_ms;
    this.#sources.addEventListener("unshared", () => this.#unshared());
    this.#sources.addEventListener("stall", () => this.recording && this.#mute());
    this.#sources.addEventListener("flow", () => this.recording && !this.#isMuted && this.#unmute());
  }

  get recording() {
    return this.#state !== "idle";
  }

  get state() {
    return this.#state;
  }

  /** How much is recorded: time that passed, less pauses and what was not heard. */
  get elapsed_ms() {
    return this.recording ? this.#clock.ms : 0;
  }

  /** The sound of a tab or of the computer that is recorded, too. */
  get shared() {
    return this.#sources.shared;
  }

  /**
   * Ask for the microphone and begin. The stream is for looking at only: what is recorded is the raw microphone.
   * @param {{device?: string, from_ms?: number, shared?: MediaStream|null, alone?: boolean}} [options] `from_ms`: so
   *   much was recorded before; `shared`: is recorded too, or `alone`, and let go when it cannot begin
   * @returns {Promise<{stream: MediaStream|null, mime: string}>} Throws what getUserMedia throws.
   */
  async start({ device = this.#device, from_ms = 0, shared = null, alone = false } = {}) {
    const stream = alone ? null : await openOrAny(device).catch((error) => this.#refuse(error, shared));
    this.#device = device;
    this.#hasMicrophone = !alone;
    this.#drop();
    this.#clock = new Stopwatch(from_ms);
    [this.#muted, this.interruption, this.#handed] = [null, null, Promise.resolve()];
    [this.#handed_ms, this.#unread_ms, this.#away] = [from_ms, 0, null];
    try {
      if (stream) this.#listen(stream);
      this.#sources.share(shared);
      const mime = this.#begin();
      this.#become("recording");
      this.#watch = setInterval(() => this.#look(), LOOK_MS);
      navigator.mediaDevices.addEventListener?.("devicechange", this.#wake);
      return { stream, mime };
    } catch (error) {
      this.#sources.release();
      throw error;
    }
  }

  /** @param {unknown} error @param {MediaStream|null} shared @returns {never} */
  #refuse(error, shared) {
    if (shared) release(shared);
    throw error;
  }

  /** Record a sound that is shared beside the microphone, in a new segment. @param {MediaStream} shared */
  share(shared) {
    if (this.#state !== "recording" && this.#state !== "paused") return release(shared);
    try {
      this.#hear(() => this.#sources.share(shared));
    } catch (error) {
      release(shared);
      throw error;
    }
    this.#emit("shared", shared);
  }

  /** Leave the shared sound out from now on. */
  unshare() {
    if (!this.#sources.shared) return;
    this.#sources.share(null);
    this.#unshared();
  }

  /** End the recording; `end` follows when its last piece is out. */
  stop() {
    if (this.#state === "idle" || this.#state === "stopping") return;
    this.#stop();
  }

  pause() {
    if (this.#state !== "recording") return;
    this.flush();
    if (this.#recorder?.state === "recording") this.#recorder.pause();
    this.#clock.halt();
    // What happens to the microphone while nobody records is no gap.
    this.#unmute();
    this.#become("paused");
  }

  resume() {
    if (this.#state !== "paused") return;
    this.#clock.run();
    this.#note();
    if (!this.#sources.isLive) return void this.#reconnect();
    this.#become("recording");
    if (this.#isMuted) this.#mute();
    if (this.#recorder?.state === "paused") this.#recorder.resume();
    else this.#renew();
  }

  /** Go on with another microphone, in a new segment. Throws what getUserMedia throws; then the old one goes on. */
  async use(/** @type {string} */ device) {
    if (this.#state !== "recording" && this.#state !== "paused") {
      this.#device = device;
      return this.#wake();
    }
    const stream = await open(device);
    this.#device = device;
    if (this.#state !== "recording" && this.#state !== "paused") {
      this.#wake();
      return release(stream);
    }
    this.#hear(() => this.#listen(stream));
    this.#hasMicrophone = true;
    this.#emit("stream", stream);
  }

  /** Hear something else, in a new segment unless it comes into the same mix. @param {() => void} change */
  #hear(change) {
    const before = this.#sources.stream;
    change();
    if (this.#sources.stream === before) return;
    if (this.#state === "recording") this.#renew();
    else this.#drop();
  }

  /** Hand out what was recorded up to now: the page may not come back. */
  flush() {
    if (this.#recorder?.state === "recording") this.#recorder.requestData();
  }

  // -- segments ------------------------------------------------------------------------------------------------

  /** Begin a segment on the stream at hand. @returns {string} its media type */
  #begin() {
    const [stream, clock] = [/** @type {MediaStream} */ (this.#sources.stream), this.#clock];
    // WebKit's browsers are the ones with this vendor; Chrome on iOS is one of them.
    const mimeType = container((mime) => MediaRecorder.isTypeSupported(mime), navigator.vendor.startsWith("Apple"));
    const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    const mime = () => recorder.mimeType || mimeType;
    /** @type {Segment} */
    const segment = { recorder, isOpen: false, isHeadless: false };
    // Firefox begins up to three seconds after it was asked to: what it did not record is not recorded time.
    recorder.onstart = () => this.#recorder === recorder && this.#started();
    recorder.ondataavailable = ({ data }) => {
      const isCurrent = this.#recorder === recorder;
      // What a stuck recorder lets out after its successor has no place any more.
      const isLate = this.#clock !== clock || !this.recording || (!isCurrent && this.#segment.bytes > 0);
      if (data.size === 0 || isLate) return;
      if (isCurrent && this.#state === "recording") this.#clock.run(); // a browser that never said that it began
      this.#hand(data, segment, mime(), isCurrent);
    };
    recorder.onerror = () => this.#recorder === recorder && this.#renew();
    recorder.onstop = () => {
      // By itself: the device is gone, and its track has not said so yet or never will.
      if (this.#recorder === recorder && this.#state === "recording") this.#lost();
    };
    this.#recorder = recorder;
    recorder.start(this.timeslice_ms);
    this.#note();
    return mime();
  }

  /** The recorder at hand records from this moment on. */
  #started() {
    if (this.#state === "paused" || this.#state === "stopping") return;
    this.#clock.run();
    this.#note();
  }

  /** Begin another segment; where that fails, on a stream that is asked for anew. */
  #renew() {
    this.#drop();
    try {
      this.#begin();
    } catch {
      void this.#reconnect();
    }
  }

  /** Let the recorder at hand end, and give out what it still has. */
  #drop() {
    const recorder = this.#recorder;
    [this.#recorder, this.#segment, this.#dropped_ms] = [null, { bytes: 0, ms: 0 }, this.#clock.ms];
    if (recorder && recorder.state !== "inactive") recorder.stop();
  }

  /** @param {Blob} data @param {Segment} segment @param {string} mime @param {boolean} isCurrent */
  #hand(data, segment, mime, isCurrent) {
    if (isCurrent) this.#measure(data.size);
    const recorded_ms = isCurrent ? this.#clock.ms : this.#dropped_ms;
    const [unread_ms, clock] = [this.#unread_ms, this.#clock];
    const work = async () => {
      const bytes = segment.isHeadless ? null : await bytesOf(data).catch(console.error);
      if (this.#clock !== clock) return; // another recording has begun
      // Less what was lost meanwhile: the clock had counted it when this piece came.
      const until_ms = Math.max(this.#handed_ms, recorded_ms - (this.#unread_ms - unread_ms));
      if (!bytes) return this.#lose(segment, until_ms);
      const opens = segment.isOpen ? null : mime;
      segment.isOpen = true;
      this.#handed_ms = until_ms;
      this.#emit("piece", { opens, recorded_ms: Math.round(until_ms), data: bytes });
    };
    this.#handed = this.#handed.then(work).catch(console.error);
  }

  /**
   * Mark a piece that could not be read as a gap, say so, and go on in a new segment.
   * In a segment whose beginning was handed out, times are absolute: a hole in its middle is silence, and what follows
   * keeps its place. A segment whose beginning is lost cannot be decoded: its time is taken back.
   * @param {Segment} segment @param {number} until_ms how much was recorded at its end
   */
  #lose(segment, until_ms) {
    const [at_ms, length_ms] = [this.#handed_ms, until_ms - this.#handed_ms];
    segment.isHeadless ||= !segment.isOpen;
    if (segment.isHeadless) this.#takeBack(length_ms);
    else this.#handed_ms = until_ms;
    const cause = segment.isHeadless ? "frozen" : "unheard";
    if (length_ms > 0) this.#emit("gap", { at_ms: Math.round(at_ms), length_ms: Math.round(length_ms), cause });
    this.#sayUnread();
    if (this.#recorder !== segment.recorder) return;
    if (this.#state === "recording") this.#renew();
    else if (this.#state === "paused") this.#drop();
  }

  /** Take time back that was counted, and from all that was noted since. @param {number} ms */
  #takeBack(ms) {
    this.#clock.back(ms);
    this.#unread_ms += ms;
    this.#dropped_ms -= ms;
    for (const mark of [this.#heard, this.#muted, this.#away]) if (mark) mark.ms = Math.max(0, mark.ms - ms);
  }

  /** Say that a piece could not be read, unless there is something graver to say. */
  #sayUnread() {
    if (this.#state !== "recording" || (this.interruption && this.interruption !== UNREAD)) return;
    this.#interrupt(UNREAD);
    clearTimeout(this.#unread_timer);
    this.#unread_timer = setTimeout(() => this.interruption === UNREAD && this.#interrupt(null), UNREAD_MS);
  }

  /** A piece that comes late with little in it tells of a page or a machine that slept. @param {number} bytes */
  #measure(bytes) {
    const passed = { wall_ms: Date.now() - this.#heard.at, clock_ms: this.#clock.ms - this.#heard.ms };
    const lost = passed.wall_ms < FROZEN * this.timeslice_ms ? null : unheard(passed, bytes, this.#segment);
    if (lost) {
      this.#clock.back(lost.clock_ms);
      const isKnown = this.#muted !== null || this.#unmuted_at > this.#heard.at;
      if (!isKnown) this.#emit("gap", { at_ms: Math.round(this.#heard.ms), length_ms: lost.wall_ms, cause: "frozen" });
    }
    this.#segment.bytes += bytes;
    this.#segment.ms += this.#clock.ms - this.#heard.ms;
    this.#note();
  }

  /** Something was heard at this moment. */
  #note() {
    this.#suspected = false;
    this.#heard = { at: Date.now(), ms: this.#clock.ms };
  }

  // -- interruptions -------------------------------------------------------------------------------------------

  /** @param {MediaStream} stream of a microphone */
  #listen(stream) {
    const before = this.#sources.microphone;
    this.#sources.hear(stream);
    // Its recorder still gives out the last of it.
    if (before) setTimeout(() => release(before), LAST_PIECE_MS);
    this.#unmute();
    const [track] = stream.getAudioTracks();
    const isOurs = () => this.#sources.microphone === stream && this.recording;
    track.onmute = () => isOurs() && this.#mute();
    track.onunmute = () => isOurs() && this.#unmute();
    track.onended = () => {
      if (!isOurs()) return;
      if (this.#sources.isMixed && this.#sources.shared) void this.#regain();
      else if (this.#state === "recording") void this.#reconnect();
    };
    if (track.muted) this.#mute();
  }

  get #isMuted() {
    return this.#sources.microphone?.getAudioTracks()[0]?.muted ?? false;
  }

  /** The shared sound is over. Beside a microphone that goes on; alone, nothing is recorded that nobody asked for. */
  #unshared() {
    if (!this.recording) return;
    if (!this.#hasMicrophone) this.pause();
    this.#patience.wake();
    this.#emit("shared", null);
  }

  /** The recorder has stopped by itself. */
  #lost() {
    if (this.#hasMicrophone) void this.#reconnect();
    else if (this.#sources.isLive) this.#renew();
    else this.#sources.share(null), this.#unshared();
  }

  /** The shared sound goes on while a microphone is waited for: no time is lost, and no segment is begun. */
  async #regain() {
    const since = { at: Date.now(), ms: this.#clock.ms };
    this.#sources.hear(null);
    this.#interrupt(UNPLUGGED_BESIDE);
    while (this.recording && this.#state !== "stopping" && !this.#sources.microphone) {
      // A pause ends with a look at what is heard.
      if (!this.#sources.shared) return this.#state === "recording" ? void this.#reconnect("interrupted", since) : undefined;
      try {
        const stream = await openOrAny(this.#device);
        if (!this.recording || this.#sources.microphone || !this.#sources.shared) release(stream);
        else this.#regained(stream, since);
      } catch {
        await this.#patience.wait();
      }
    }
  }

  /** @param {MediaStream} stream @param {{at: number, ms: number}} since */
  #regained(stream, since) {
    this.#listen(stream);
    this.#gap("muted", since);
    this.#patience.reset();
    this.#emit("stream", stream);
    this.#interrupt(this.#muted ? MUTED : null);
  }

  #mute() {
    if (this.#state === "paused") return;
    this.#muted ??= { at: Date.now(), ms: this.#clock.ms };
    this.#interrupt(MUTED);
  }

  #unmute() {
    if (!this.#muted) return;
    if (Date.now() - this.#muted.at > BLINK_MS) this.#gap("muted", this.#muted);
    [this.#muted, this.#unmuted_at] = [null, Date.now()];
    this.#interrupt(null);
  }

  #look() {
    const silent_ms = Date.now() - Math.max(this.#heard.at, this.#unmuted_at);
    if (this.#state === "recording" && this.#sources.isStalled && silent_ms >= FROZEN * this.timeslice_ms) return this.#unmix();
    if (this.#state !== "recording" || this.#muted || silent_ms < FROZEN * this.timeslice_ms) return;
    // A page that was asleep gets first what has come for it meanwhile.
    if (!this.#suspected) {
      this.#suspected = true;
      return this.flush();
    }
    const [since, isNew] = [this.#heard, this.#segment.bytes === 0];
    this.#clock.back(this.#clock.ms - since.ms);
    // A segment that never gave anything: it is not the recorder, it is the mixer or the microphone.
    if (isNew && this.#sources.isMixed && this.#sources.microphone) return this.#unmix(since);
    if (isNew && this.#hasMicrophone) return void this.#reconnect("frozen", since);
    this.#renew();
    this.#gap("frozen", since);
  }

  /** The mixer gives nothing: the microphone goes on without it. @param {{at: number, ms: number}} since */
  #unmix(since = this.#heard) {
    const isTold = this.#muted !== null;
    this.#clock.back(this.#clock.ms - since.ms);
    if (this.#muted) this.#muted.ms = Math.min(this.#muted.ms, since.ms);
    this.#unmute();
    if (!isTold) this.#gap("frozen", since);
    this.#sources.unmix();
    this.#emit("shared", null);
    if (this.#sources.isLive) this.#renew();
    else void this.#reconnect("frozen", since);
  }

  /**
   * Wait for a microphone, the same one or any, and go on in a new segment.
   * @param {Gap["cause"]} cause @param {{at: number, ms: number}} [since]
   */
  async #reconnect(cause = "interrupted", since = { at: Date.now(), ms: this.#clock.ms }) {
    this.#clock.halt();
    this.#unmute();
    this.#drop();
    this.#away = since;
    this.#become("reconnecting");
    this.#interrupt(UNPLUGGED);
    this.#hasMicrophone = true;
    while (this.#state === "reconnecting") {
      try {
        const stream = await openOrAny(this.#device);
        if (this.#state !== "reconnecting") return release(stream);
        this.#listen(stream);
        this.#begin();
        this.#become("recording");
        this.#gap(cause, since);
        this.#away = null;
        this.#patience.reset();
        this.#emit("stream", stream);
        this.#interrupt(this.#muted ? MUTED : null);
      } catch (error) {
        this.#clock.halt();
        this.#interrupt([DISCONNECTED, refusal(error, { code: "microphone.byItself" })]);
        await this.#patience.wait();
      }
    }
  }

  /** @param {Reason|null} reason */
  #interrupt(reason) {
    this.interruption = reason;
    this.#emit("interruption", reason);
  }

  #wake = () => this.#patience.wake();

  /** Tell of a gap that ends now. @param {Gap["cause"]} cause @param {{at: number, ms: number}} since */
  #gap(cause, { at, ms }) {
    this.#emit("gap", { at_ms: Math.round(ms), length_ms: Math.max(0, Date.now() - at), cause });
  }

  // -- the end -------------------------------------------------------------------------------------------------

  #stop() {
    this.#clock.halt();
    this.#unmute();
    this.#become("stopping");
    clearInterval(this.#watch);
    navigator.mediaDevices.removeEventListener?.("devicechange", this.#wake);
    this.#patience.wake();
    const recorder = this.#recorder;
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      void this.#handed.then(() => this.#end());
    };
    if (!recorder || recorder.state === "inactive") return over();
    recorder.onstop = over;
    setTimeout(over, LAST_PIECE_MS);
    recorder.stop();
  }

  #end() {
    this.#sources.release();
    this.#recorder = null;
    this.#become("idle");
    this.#emit("end", null);
  }

  /** @param {State} state */
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#emit("state", state);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
