/** Sound that comes in as files: kept on the device like a recording, then sent the same way. */

import { mimeOf } from "../shared/format.js";
import { late } from "../shared/late.js";
import { newRow } from "./journal.js";

const formats = late(() => import("./audio-formats.js"));

/** A piece of a file in the journal: few rows, and little memory while it is copied. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** How long a browser may take to tell a file's duration before we go on without; the server finds out anyway. */
const LOOK_MS = 3_000;

/** How long the server may take to say what a file is; then it is taken, and its upload is refused in the same words. */
const ASK_MS = 3_000;

/** Characters of a name, as the server counts them. */
const MOST_NAME = 255;

export class Intake {
  /** Largest file that the server takes; unknown until the list was read. */
  limit_bytes = Infinity;
  #copying = 0;
  /** Resolves when all that was taken so far is on this device. @type {Promise<unknown>} */
  copied = Promise.resolve();

  /** @param {import("./journal.js").Journal} journal @param {import("./outbox.js").Outbox} outbox */
  constructor(journal, outbox, ask = askServer) {
    this.journal = journal;
    this.outbox = outbox;
    this.ask = ask;
  }

  /**
   * Take files in, one after another.
   * @param {Iterable<File>} files @returns {Promise<import("../shared/problem.js").Reason[]>} a reason for each that was not taken
   */
  async take(files) {
    const refused = [];
    let isAnswered = true;
    for (const file of files) {
      /** @type {import("../shared/problem.js").Reason|null} */
      let reason = this.#refusal(file);
      // Without an answer everything is taken, and nobody waits for the next one.
      /** @type {Awaited<ReturnType<typeof askServer>>} */
      const answer = reason || !isAnswered ? null : await this.ask(file);
      isAnswered &&= reason !== null || answer !== null;
      reason ??= answer?.refusal ?? null;
      if (reason) refused.push(reason);
      else await this.#keep(file, answer?.mime ?? typeOf(file));
    }
    return refused;
  }

  /** @param {File} file */
  #refusal(file) {
    if (file.size === 0) return { code: "device.emptyFile", values: [file.name] };
    if (file.size > this.limit_bytes) {
      return { code: "device.largeFile", values: [file.name, { bytes: file.size }, { bytes: this.limit_bytes }] };
    }
    return null;
  }

  /** Whether files are still being copied to this device: they are not kept before all of them is here. */
  get busy() {
    return this.#copying > 0;
  }

  /** @param {File} file @param {string} mime */
  async #keep(file, mime) {
    const name = file.name.replace(/\.[^.]{1,5}$/, "").slice(0, MOST_NAME) || file.name;
    const duration_ms = await durationOf(file);
    // A clock that was wrong must not keep a file away: some dates have years that others cannot read.
    const modified_at = new Date(Math.max(0, Math.min(file.lastModified, Date.now()))).toISOString();
    const row = newRow({ name, mime, duration_ms, modified_at, state: "copying", is_file: true });
    this.#copying += 1;
    await this.outbox.begin(row, () => {
      const copy = this.#copy(row.id, file).finally(() => (this.#copying -= 1));
      this.copied = Promise.allSettled([this.copied, copy]);
      return copy;
    });
  }

  /** @param {string} id @param {File} file */
  async #copy(id, file) {
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      await this.journal.append(id, file.slice(at, at + PIECE_BYTES));
    }
    await this.journal.update(id, { state: "ready" });
  }
}

/**
 * What the server says of a file; null if it does not answer in time, though it be with the script that asks.
 * @param {File} file
 */
function askServer(file) {
  const signal = AbortSignal.timeout(ASK_MS);
  const end = new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
  return Promise.race([formats().then(({ ask }) => ask(file, signal), () => null), end]);
}

/** What the browser or the file's ending says of its type: either may be wrong. @param {File} file */
function typeOf({ type, name }) {
  return /^(audio|video)\//.test(type) ? type : mimeOf(name);
}

/** A file's duration as the browser finds it, or null. @param {File} file @returns {Promise<number|null>} */
async function durationOf(file) {
  const audio = new Audio();
  const url = URL.createObjectURL(file);
  const known = new Promise((resolve) => {
    audio.onloadedmetadata = () => resolve(Number.isFinite(audio.duration) ? Math.round(audio.duration * 1000) : null);
    audio.onerror = () => resolve(null);
    setTimeout(() => resolve(null), LOOK_MS);
  });
  audio.preload = "metadata";
  audio.src = url;
  const duration_ms = await known;
  audio.removeAttribute("src");
  URL.revokeObjectURL(url);
  return duration_ms;
}
