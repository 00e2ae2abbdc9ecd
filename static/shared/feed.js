/** The server's events: connected as long as the page lives, from where it left off. */

import { Backoff } from "./backoff.js";

/** @typedef {import("./types.js").Realtime} Realtime */

/** First wait after a lost connection, and the longest: a deploy takes seconds, and somebody may be watching. */
const FIRST_MS = 300;
const MOST_MS = 15_000;

/** A connection that held so long was a good one: the next wait is short again. */
const SETTLED_MS = 5_000;

/** A server that is there answers a handshake within this, */
const GREETING_MS = 10_000;

/** and says something at least every 20 s. */
const SILENCE_MS = 45_000;

/** The server's close code for a socket whose ticket is not good, or not any more: the api says whether one is signed in. */
const ASK_AGAIN = 4401;

/** How long a socket may be left unseen: a phone that slept longer has lost it without being told. */
const SUSPECT_MS = 30_000;

/**
 * Resolve a socket's address, which may be a path, with the place to go on from.
 * @param {string} url @param {string|null} cursor @param {string} base
 */
export function socketAddress(url, cursor, base) {
  const address = new URL(url, base);
  address.protocol = address.protocol.replace("http", "ws");
  address.searchParams.set("since", cursor ?? "");
  return address.href;
}

/**
 * Emits `clip` with a clip, `gone` with the id of one that was deleted for good, `progress` with how far a transcription
 * is, `caption` with words of a recording, `resync` (read the list again: events were missed, or the server wants to
 * know who asks), `looking` with the number of pages that are open anywhere, `open` and `close`.
 */
export class Feed extends EventTarget {
  /** @type {WebSocket|null} */
  #socket = null;
  #url = "";
  /** @type {string|null} */
  #cursor = null;
  #started = false;

  /**
   * @param {{base: string, connect?: (url: string) => WebSocket, backoff?: Backoff, greeting_ms?: number,
   *   silence_ms?: number}} options
   */
  constructor({
    base,
    connect = (url) => new WebSocket(url),
    backoff,
    greeting_ms = GREETING_MS,
    silence_ms = SILENCE_MS,
  }) {
    super();
    this.base = base;
    this.connect = connect;
    this.greeting_ms = greeting_ms;
    this.silence_ms = silence_ms;
    this.backoff = backoff ?? new Backoff({ first_ms: FIRST_MS, max_ms: MOST_MS });
  }

  get connected() {
    return this.#socket?.readyState === 1;
  }

  /** Stay connected from now on. @param {Realtime} realtime */
  start({ url, cursor }) {
    this.#url = url;
    this.#cursor ??= cursor;
    if (this.#started) return;
    this.#started = true;
    void this.#run();
  }

  /**
   * Connect at once, if not connected.
   * @param {number} [unseen_ms] how long nobody could have noticed that the socket died
   */
  wake(unseen_ms = 0) {
    if (unseen_ms > SUSPECT_MS) this.drop();
    this.backoff.wake();
  }

  /** Let go of the socket: the network is gone, and no end of the connection will ever say so. */
  drop() {
    this.#socket?.dispatchEvent(new Event("lost"));
  }

  async #run() {
    for (;;) {
      await this.#connection();
      await this.backoff.wait();
    }
  }

  /** One connection, from its attempt to its end. */
  #connection() {
    const socket = this.connect(socketAddress(this.#url, this.#cursor, this.base));
    this.#socket = socket;
    let opened = Infinity;
    // A line that a proxy forgot ends without a word: the server says something every twenty seconds.
    let silence = this.#timer(socket, this.greeting_ms);
    const heard = () => {
      clearTimeout(silence);
      silence = this.#timer(socket, this.silence_ms);
    };
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        socket.addEventListener("open", () => {
          opened = Date.now();
          heard();
          this.#emit("open");
        });
        socket.addEventListener("message", ({ data }) => {
          if (this.#socket !== socket) return;
          heard();
          this.#take(data);
        });
        const over = () => {
          if (this.#socket !== socket) return;
          this.#socket = null;
          clearTimeout(silence);
          socket.close();
          if (Date.now() - opened > SETTLED_MS) this.backoff.reset();
          this.#emit("close");
          resolve();
        };
        socket.addEventListener("close", (event) => {
          if (this.#socket !== socket) return;
          over();
          if (/** @type {CloseEvent} */ (event).code === ASK_AGAIN) this.#emit("resync");
        });
        socket.addEventListener("lost", over);
      })
    );
  }

  /** @param {WebSocket} socket @param {number} after_ms */
  #timer(socket, after_ms) {
    return setTimeout(() => socket.dispatchEvent(new Event("lost")), after_ms);
  }

  /** @param {string} data */
  #take(data) {
    const frame = JSON.parse(data);
    if (frame.id) this.#cursor = frame.id;
    if (frame.type === "clip") this.#emit("clip", frame.clip);
    if (frame.type === "gone") this.#emit("gone", frame.clip.id);
    if (frame.type === "resync") this.#emit("resync");
    if (frame.type === "progress" || frame.type === "caption") this.#emit(frame.type, frame);
    if (frame.type === "presence") this.#emit("looking", frame.looking);
  }

  /** @param {string} type @param {unknown} [detail] */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
