/** The server's HTTP interface. Every method answers what was asked for or throws a `Problem`. */

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {import("./types.js").Page} Page */

/** An upload of which nothing moves for so long is dead, though no end of the connection says so. */
const STALLED_MS = 60_000;

/** How long the server may take to answer what it has received: it checks the sound and stores it elsewhere. */
const ANSWER_MS = 300_000;

/** Refusals that pass by themselves: sign in again, time-outs, too early, too many, the disk of the server is full. */
const PASSING = new Set([401, 403, 408, 425, 429]);

/** What went wrong, in a sentence that may be shown. */
export class Problem extends Error {
  /** @param {string} message @param {number} [status] 0: no answer came @param {number} [retry_ms] */
  constructor(message, status = 0, retry_ms = 0) {
    super(message);
    this.status = status;
    this.retry_ms = retry_ms;
  }

  /** Whether asking again with the same words must fail again. */
  get definite() {
    return this.status >= 400 && this.status < 500 && !PASSING.has(this.status);
  }
}

const UNREACHABLE = "The server cannot be reached.";

/**
 * Read a problem document (RFC 9457), or say what came in its place.
 * @param {number} status @param {string} body @param {string|null} retry_after seconds
 */
export function problemOf(status, body, retry_after) {
  let detail = "";
  try {
    const said = JSON.parse(body);
    detail = said.detail || said.title || "";
  } catch {
    // A proxy answered, not our server.
  }
  return new Problem(detail || `The server answered with ${status}.`, status, Number(retry_after) * 1000 || 0);
}

export class Api {
  /** One page of the list, newest first. @param {string|null} [cursor] @returns {Promise<Page>} */
  async list(cursor = null) {
    return this.#json(`/api/clips${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
  }

  /** @param {string} id @returns {Promise<Clip>} */
  async get(id) {
    return this.#json(address(id));
  }

  /**
   * Change a clip's name or words; with `version`, only that version of it.
   * @param {string} id @param {{name?: string, text?: string}} change @param {number} [version]
   * @returns {Promise<Clip>}
   */
  async patch(id, change, version) {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (version) headers.set("If-Match", `"${version}"`);
    // keepalive: a name that was typed just before the page went away still arrives; browsers allow it up to 64 KiB.
    const body = JSON.stringify(change);
    return this.#json(address(id), { method: "PATCH", headers, body, keepalive: body.length < 10_000 });
  }

  /** Into the bin. @param {string} id */
  async delete(id) {
    await this.#send(address(id), { method: "DELETE", keepalive: true });
  }

  /** Out of the bin. @param {string} id @returns {Promise<Clip>} */
  async restore(id) {
    return this.#json(`${address(id)}/restore`, { method: "POST" });
  }

  /** @param {string} id @returns {Promise<Clip>} */
  async transcribe(id) {
    return this.#json(`${address(id)}/transcription`, { method: "POST" });
  }

  /** Where a clip's audio is. @param {string} id */
  audio(id) {
    return `${address(id)}/audio`;
  }

  /**
   * Store a recording under its id; twice is once. XMLHttpRequest, since fetch tells no progress of what it sends.
   * @param {string} id @param {Blob} blob @param {{name: string, duration_ms: number|null}} about
   * @param {(part: number) => void} progress from 0 to 1 @returns {Promise<Clip>}
   */
  put(id, blob, { name, duration_ms }, progress) {
    const query = new URLSearchParams({ name });
    if (duration_ms) query.set("duration_ms", String(Math.round(duration_ms)));
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      let watch = setTimeout(() => request.abort(), STALLED_MS);
      const giveIt = (/** @type {number} */ ms) => {
        clearTimeout(watch);
        watch = setTimeout(() => request.abort(), ms);
      };
      request.upload.onload = () => giveIt(ANSWER_MS);
      request.upload.onprogress = (event) => {
        giveIt(event.loaded < event.total ? STALLED_MS : ANSWER_MS);
        progress(event.total ? event.loaded / event.total : 0);
      };
      request.onload = () => {
        const fine = request.status >= 200 && request.status < 300;
        try {
          if (fine) return resolve(JSON.parse(request.responseText));
        } catch {
          return reject(new Problem("The server's answer could not be read.", 502));
        }
        reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      };
      request.onerror = () => reject(new Problem(UNREACHABLE));
      request.onabort = () => reject(new Problem("The upload stood still."));
      request.onloadend = () => clearTimeout(watch);
      request.open("PUT", `${address(id)}?${query}`);
      request.setRequestHeader("Content-Type", blob.type || "application/octet-stream");
      request.send(blob);
    });
  }

  /** @param {string} url @param {RequestInit} [options] */
  async #json(url, options) {
    return (await this.#send(url, options)).json();
  }

  /** @param {string} url @param {RequestInit} [options] */
  async #send(url, options) {
    const response = await fetch(url, options).catch(() => {
      throw new Problem(UNREACHABLE);
    });
    if (response.ok) return response;
    throw problemOf(response.status, await response.text().catch(() => ""), response.headers.get("Retry-After"));
  }
}

/** @param {string} id */
function address(id) {
  return `/api/clips/${encodeURIComponent(id)}`;
}
