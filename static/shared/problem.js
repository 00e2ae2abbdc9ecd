/**
 * What went wrong, as a code. Modules without a view give codes; `sentenceOf` (static/shared/sentences.js) says them in
 * the language of the reader, at the moment in which they are shown.
 */

/**
 * `code` is the place of a sentence in the words (`server.silent`), and `values` go into it. `said` was written by
 * somebody else, as the server. A list is said one behind the other. It can be kept in IndexedDB.
 * @typedef {{code: string, values?: (string|number|null|{bytes: number}|Reason)[]}|{said: string}|Reason[]} Reason
 */

/** Emits `sign-in` when our server says that it does not know us. */
export const refusals = new EventTarget();

/** Refusals that pass: sign in again, time-outs, too early, too many, bytes that changed on their way (tus). */
const PASSING = new Set([401, 403, 408, 425, 429, 460]);

/** A reason in a log. @param {Reason} reason @returns {string} */
function plain(reason) {
  if (Array.isArray(reason)) return reason.map(plain).join(" ");
  return "said" in reason ? reason.said : reason.code;
}

export class Problem extends Error {
  /**
   * @param {Reason|string} reason a view may give its own sentence @param {number} [status] 0: no answer came
   * @param {number} [retry_ms] @param {string} [kind] what our server calls it; empty: something in front of it said it
   */
  constructor(reason, status = 0, retry_ms = 0, kind = "") {
    const given = typeof reason === "string" ? { said: reason } : reason;
    super(plain(given));
    this.reason = given;
    this.status = status;
    this.retry_ms = retry_ms;
    this.kind = kind;
  }

  /** Whether our server said it, and nothing in front of it. */
  get isOurs() {
    return this.kind !== "";
  }

  /** Whether our server does not know who asks: what was asked is kept until somebody has signed in. */
  get isSignedOut() {
    return this.status === 401 && this.kind === "sign-in";
  }

  /** Whether asking again with the same words must fail again. */
  get definite() {
    // They may read this library, and not change it.
    if (this.kind === "not-allowed") return true;
    return this.status >= 400 && this.status < 500 && !PASSING.has(this.status);
  }
}

/** The reason of whatever was thrown. @param {unknown} error @returns {Reason} */
export function reasonOf(error) {
  if (error instanceof Problem) return error.reason;
  return { said: error instanceof Error ? error.message : String(error) };
}
