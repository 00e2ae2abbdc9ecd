/** The button that never moves, and the view of a recording while it is made: its words, its level, its proof. */

import { viewOf } from "../shared/clip-state.js";
import { part } from "../shared/element.js";
import { clock, spoken } from "../shared/format.js";
import { LiveWords } from "../shared/live-words.js";
import { titleRecording } from "../shared/page-title.js";
import { sentenceOf } from "../shared/sentences.js";
import { language, words } from "../shared/words.js";
import { Player } from "../player/player.js";
import { adviceFor, device } from "./advice.js";
import { AnnotationsView } from "./annotations-view.js";
import { LevelView } from "./level-view.js";
import { Proof } from "./proof.js";
import { refusal, unshared } from "./refusals.js";
import { SourceMenu } from "./source-menu.js";
import { openShared } from "./sources.js";
import { late } from "../shared/late.js";

const titles = late(() => import("../shared/titles.js"));

/** @typedef {import("../shared/problem.js").Reason} Reason */
/** @typedef {import("../offline/persistence.js").Persistence} Persistence */
/** @typedef {"idle"|"asking"|"recording"|"paused"|"reconnecting"|"unable"} State */
/** @typedef {import("../shared/types.js").Marker} Marker */
/** @typedef {{stream: MediaStream|null, shared: MediaStream|null, title: string, notes: string, markers: Marker[]}} Began */
/** @typedef {{id: string, name: string, title: string, duration_ms: number, empty: boolean}} Ended */

/** The timer is drawn more often than it changes, so that no second is skipped. */
const TICK_MS = 200;

/** How long nothing is typed before a title is kept. */
const TYPED_MS = 500;

/** Emits `begin` when a recording begins, `end` with its id when it is over ("": nothing came of it), and `show` when somebody wants to see it. */
export class RecorderPanel extends EventTarget {
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #ticking;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #typing;
  #behind = false;
  /** How long this browser keeps what is not sent. @type {Persistence} */
  #persistence = "untilFull";
  /** Why the server does not take it at the moment. @type {Reason|null} */
  #problem = null;
  /** What is wrong now, by what it is about. @type {Map<string, string>} */
  #troubles = new Map();
  /** The title that a person gave to a recording of which nothing came: the next one has it. */
  #kept = "";
  /** What was heard from the beginning, or nothing if that was missed. */
  #heard = "";
  /** Comes while a recording runs. @type {typeof import("../shared/titles.js")|null} */
  #titles = null;

  /**
   * @param {HTMLElement} element the page: the button stands below the list, the rest is a place of its own
   * @param {import("./capture.js").Capture} capture @param {(words: string) => void} announce
   */
  constructor(element, capture, announce) {
    super();
    this.element = element;
    this.capture = capture;
    this.announce = announce;
    this.button = part(element, "record", HTMLButtonElement);
    this.pause = part(element, "pause", HTMLButtonElement);
    this.timer = part(element, "timer", HTMLElement);
    this.title = part(element, "recording-title", HTMLInputElement);
    this.hint = part(element, "hint", HTMLElement);
    this.notice = part(element, "notice", HTMLElement);
    this.back = part(element, "to-recording", HTMLElement);
    this.proof = new Proof(element);
    this.captions = new LiveWords(part(element, "captions", HTMLElement));
    this.level = new LevelView(part(element, "level", HTMLElement), "microphone");
    this.otherLevel = new LevelView(part(element, "other-level", HTMLElement), "other");
    this.sources = new SourceMenu(part(element, "sources", HTMLButtonElement), capture, {
      begin: (alone) => this.#share((shared) => this.#beginWith(shared, alone)),
      add: () => this.#share((shared) => capture.recorder.share(shared)),
      leave: () => capture.recorder.unshare(),
      failed: (error) => this.say(sentenceOf(refusal(error))),
      why: (sentence) => this.say(sentence),
    });
    this.annotations = new AnnotationsView(element);
    this.#listen();
    this.#follow();
    this.#speak();
  }

  #listen() {
    const { capture } = this;
    this.button.addEventListener("click", () => void this.press());
    this.pause.addEventListener("click", () => (this.#state === "paused" ? capture.resume() : capture.pause()));
    part(this.element, "mark", HTMLElement).addEventListener("click", () => this.mark());
    this.title.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#name(), TYPED_MS);
    });
    this.title.addEventListener("change", () => this.#name());
    this.title.addEventListener("keydown", (event) => event.key === "Enter" && this.title.blur());
    this.annotations.addEventListener("change", (event) => capture.annotate(/** @type {CustomEvent} */ (event).detail));
    language.addEventListener("change", () => this.#speak());
  }

  /** Say what is wrong, or that nothing is any more. @param {string|null} sentence @param {string} [about] */
  say(sentence, about = "page") {
    if (sentence) this.#troubles.set(about, sentence);
    else this.#troubles.delete(about);
    const sentences = [...this.#troubles.values()].join("\n");
    if (this.notice.textContent !== sentences) this.notice.textContent = sentences;
    this.notice.hidden = !sentences;
  }

  /** Save what is typed: the page goes out of sight, and may not come back. */
  flush() {
    if (!this.isLive) return;
    this.#name();
    this.annotations.flush();
  }

  /** This browser cannot record; the rest of the page works. @param {string} sentence */
  disable(sentence) {
    this.button.disabled = true;
    this.#enter("unable");
    this.say(sentence);
  }

  /** Go on with a recording whose tab was closed. @param {string} id */
  async continue(id) {
    if (this.capture.recorder.recording) return this.say(words.recorder.stopFirst);
    await this.#start(() => this.capture.continue(id, this.sources.chosen));
    // Its row is gone from the list, and with it the button that was pressed.
    this.button.focus();
  }

  /** Show what was heard so far. @param {import("../shared/types.js").Entry} entry */
  hear(entry) {
    const view = viewOf(entry);
    this.#heard = entry.captions?.missing ? "" : view.settled;
    this.#showWords(view);
  }

  #follow() {
    /** @template T @param {string} type @param {(detail: T) => void} work */
    const on = (type, work) =>
      this.capture.addEventListener(type, (event) => work(/** @type {CustomEvent<T>} */ (event).detail));
    on("begin", (/** @type {Began} */ began) => this.#begin(began));
    on("stream", (/** @type {{stream: MediaStream}} */ { stream }) => void this.#show(stream));
    on("state", (/** @type {State} */ state) => this.#change(state));
    on("progress", (/** @type {import("./proof.js").Progress & {problem: Reason|null}} */ { problem, ...figures }) => {
      this.proof.show(figures);
      this.#problem = problem;
    });
    on("shared", (/** @type {{shared: MediaStream|null}} */ { shared }) => this.#showShared(shared));
    on("interruption", (/** @type {Reason|null} */ reason) => this.say(sentenceOf(reason), "interruption"));
    on("persistence", (/** @type {Persistence} */ persistence) => (this.#persistence = persistence));
    on("storage", (/** @type {Reason|null} */ reason) => this.say(sentenceOf(reason), "storage"));
    on("end", (/** @type {Ended} */ ended) => this.#end(ended));
  }

  /** Whether a recording runs, or is paused. */
  get isLive() {
    return this.element.hasAttribute("data-live");
  }

  /** Begin to record, or stop: what the button does. */
  press() {
    return this.capture.recorder.recording ? this.#stop() : this.begin();
  }

  /** Begin to record. A stray key must not end a recording: one that runs is shown. */
  begin() {
    if (this.button.disabled) return;
    if (this.isLive) return void this.dispatchEvent(new Event("show"));
    return this.#start(() => this.capture.start(this.sources.chosen, this.#kept));
  }

  /** Mark this moment of the recording. @returns {boolean} false: none runs */
  mark() {
    if (!this.isLive) return false;
    const at_ms = this.capture.recorder.elapsed_ms;
    const isMarked = this.annotations.mark(at_ms);
    this.announce(isMarked ? words.recorder.markerAt(clock(at_ms)) : words.recorder.manyMarkers);
    return true;
  }

  #stop() {
    this.flush();
    if (!this.title.value.trim()) this.capture.suggest(this.#titles?.suggestTitle(this.#heard) ?? null);
    return this.capture.stop();
  }

  /** Keep the title that is typed. */
  #name() {
    clearTimeout(this.#typing);
    const name = this.title.value.trim();
    if (name && this.isLive) this.capture.rename(name);
  }

  /**
   * Ask for the sound of a tab or of the computer: first of all, since a browser does so only just after a press.
   * @param {(shared: MediaStream) => unknown} work
   */
  async #share(work) {
    this.say(null);
    try {
      await work(await openShared());
    } catch (error) {
      this.say(sentenceOf(unshared(error)));
    }
  }

  /** A recording may have begun while a person chose. @param {MediaStream} shared @param {boolean} alone */
  #beginWith(shared, alone) {
    const { capture } = this;
    if (capture.recorder.recording || this.#state === "asking") return capture.recorder.share(shared);
    return this.#start(() => capture.start(this.sources.chosen, this.#kept, { shared, alone }));
  }

  /** @param {MediaStream|null} shared */
  #showShared(shared) {
    const isOver = !shared && !this.otherLevel.element.hidden;
    this.otherLevel.element.hidden = !shared;
    this.otherLevel.listen(shared, words.sources.other);
    if (!isOver) return this.say(null, "sharing");
    this.say(words.sources[this.level.element.hidden ? "endedAlone" : "ended"], "sharing");
  }

  /** @param {() => Promise<unknown>} begin */
  async #start(begin) {
    if (this.#state === "asking") return;
    this.say(null);
    Player.hush();
    this.#enter("asking");
    try {
      await begin();
    } catch (error) {
      this.#enter("idle");
      this.say(sentenceOf(refusal(error)));
    }
  }

  /** @param {Began} began */
  #begin({ stream, shared, title, notes, markers }) {
    this.element.toggleAttribute("data-live", true);
    this.#enter("recording");
    this.proof.reset();
    this.title.value = title;
    this.annotations.show({ notes, markers });
    this.#forget();
    this.level.element.hidden = !stream;
    if (stream) void this.#show(stream);
    this.#showShared(shared);
    void titles().then((titles) => (this.#titles = titles), () => {});
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.say(adviceFor(device()).map((code) => words.advice[code]).join(" "), "advice");
    this.announce(words.recorder.begun);
    this.dispatchEvent(new Event("begin"));
  }

  /** Show another sound. @param {MediaStream} stream */
  async #show(stream) {
    this.level.element.hidden = false;
    this.level.listen(stream, this.sources.name);
    await this.sources.refresh(stream);
    this.level.name.textContent = this.sources.name;
  }

  /** @param {State} state */
  #change(state) {
    const again = this.#state === "paused" && state === "recording";
    this.#enter(state);
    if (state !== "recording") this.announce(words.recorder[state]);
    else if (again) this.announce(words.recorder.again);
  }

  /** @param {Ended} ended */
  #end({ id, name, title, duration_ms, empty }) {
    clearInterval(this.#ticking);
    this.level.listen(null);
    this.otherLevel.element.hidden = true;
    this.otherLevel.listen(null);
    this.sources.release();
    this.element.removeAttribute("data-live");
    this.element.removeAttribute("data-behind");
    this.#behind = false;
    this.#enter("idle");
    titleRecording("");
    for (const about of ["interruption", "storage", "sending", "sharing", "advice", "persistence"]) this.say(null, about);
    this.#kept = empty ? title : "";
    // What is wrong is read out as an alert.
    if (empty) this.say(words.recorder.nothing(title));
    else this.announce(words.recorder.ended(spoken(duration_ms), name));
    this.#forget();
    this.dispatchEvent(new CustomEvent("end", { detail: empty ? "" : id }));
  }

  /** No word of a recording before stays. */
  #forget() {
    this.#heard = "";
    this.#showWords({ settled: "", tentative: "" });
  }

  /** @param {{settled: string, tentative: string}} heard */
  #showWords(heard) {
    this.captions.show(heard);
    part(this.element, "captions-hint", HTMLElement).hidden = !this.captions.element.hidden;
  }

  #tick() {
    const recorded_ms = this.capture.recorder.elapsed_ms;
    this.#write(clock(recorded_ms));
    this.proof.show({ recorded_ms });
    this.say(this.proof.behind ? sentenceOf(this.#problem) : null, "sending");
    if (this.proof.behind === this.#behind) return;
    this.#behind = this.proof.behind;
    const isForgotten = this.#behind && this.#persistence === "sevenDays";
    this.say(isForgotten ? words.persistence.sevenDays : null, "persistence");
    this.element.toggleAttribute("data-behind", this.#behind);
    this.#enter(this.#state);
    this.announce(words.recorder[this.#behind ? "behind" : "caughtUp"]);
  }

  /** Write the time wherever it stands. @param {string} time */
  #write(time) {
    if (this.timer.textContent !== time) this.timer.textContent = time;
    const state = words.recorder[this.#state];
    const line = words.recorder.back(state, time);
    const there = part(this.back, "to-recording-words", HTMLElement);
    if (there.textContent !== line) there.textContent = line;
    titleRecording(this.#state === "recording" ? `● ${time}` : line);
  }

  #speak() {
    this.title.placeholder = words.recorder.untitled;
    part(this.element, "recording-notes", HTMLTextAreaElement).placeholder = words.markers.hint;
    this.#enter(this.#state ?? "idle");
    this.proof.speak();
    this.level.speak();
    this.otherLevel.speak();
  }

  /** @returns {State} */
  get #state() {
    return /** @type {State} */ (this.element.dataset.recorder);
  }

  /** @param {State} state */
  #enter(state) {
    const live = this.isLive;
    this.element.dataset.recorder = state;
    this.button.ariaLabel = words.recorder[live ? "stop" : "record"];
    part(this.button, "record-words", HTMLElement).textContent = this.button.ariaLabel;
    this.button.ariaBusy = String(state === "asking");
    this.back.hidden = !live;
    this.pause.hidden = !live || state === "reconnecting";
    this.pause.textContent = words.recorder[state === "paused" ? "resume" : "pause"];
    this.level.paused = this.otherLevel.paused = state !== "recording";
    this.hint.textContent = words.recorder[state] + (live && this.#behind ? ` · ${words.recorder.keptHere}` : "");
  }
}
