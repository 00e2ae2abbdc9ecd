/**
 * What went wrong, as a code. Modules without a view give codes; `sentenceOf` (static/shared/sentences.js) says them in
 * the language of the reader, at the moment in which they are shown.
 */

/**
 * `code` is the place of a sentence in the words (`server.silent`), and `values` go into it. `said` was written by
 * somebody else, as the server. A list is said one behind the other. It can be kept in IndexedDB.
 * @typedef {{code: string, values?: (string|number|null|{bytes: number}|Reason)[]}|{said: string}|Reason[]} Reason
 */

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
   * @param {number} [retry_ms] @param {boolean} [isOurs] whether our server said it, and nothing in front of it
   */
  constructor(reason, status = 0, retry_ms = 0, isOurs = false) {
    const given = typeof reason === "string" ? { said: reason } : reason;
    super(plain(given));
    this.reason = given;
    this.status = status;
    this.retry_ms = retry_ms;
    this.isOurs = isOurs;
  }

  /** Whether asking again with the same words must fail again. */
  get definite() {
    return this.status >= 400 && this.status < 500 && !PASSING.has(this.status);
  }
}

/** The reason of whatever was thrown. @param {unknown} error @returns {Reason} */
export function reasonOf(error) {
  if (error instanceof Problem) return error.reason;
  return { said: error instanceof Error ? error.message : String(error) };
}
