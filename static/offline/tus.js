/** The protocol of resumable uploads, tus 1.0.0 (https://tus.io/protocols/resumable-upload), and nothing else. */

import { Problem, problemOf, reach } from "../shared/api.js";

const ADDRESS = "/api/uploads";

/** A request that is not answered for so long is dead, though no end of the connection says so. */
const STALLED_MS = 30_000;

/**
 * What is to be uploaded. `segment` is null for a file, which becomes a clip with its last byte; `length` is null as
 * long as nobody knows it. A file has no `recorded_at` but says when it was changed last: its own date is better.
 * @typedef {{clip_id: string, segment: number|null, name: string, name_origin?: "default", mime: string, length: number|null,
 *   recorded_at?: string, last_modified?: string, language?: string, library?: string, key?: string}} Wanted
 */

/** What lets one recording be sent to its end, though nobody is signed in any more. */
const KEY = "Upload-Key";

export class Tus {
  /** The most that one request may carry through what is between us and the server, as far as anybody has learned. */
  limit_bytes = Infinity;

  /** @param {{stalled_ms?: number}} [options] */
  constructor({ stalled_ms = STALLED_MS } = {}) {
    this.stalled_ms = stalled_ms;
  }

  /**
   * Begin an upload, or find the one that was begun: twice is once.
   * @param {Wanted} wanted `library`: another than one's own; `key`: of this recording
   * @returns {Promise<{url: string, offset: number, key?: string}>}
   */
  async create({ segment, mime, length, library, key, ...said }) {
    const about = { ...said, filetype: mime, ...(segment === null ? {} : { segment }) };
    /** @type {Record<string, string>} */
    const size = length === null ? { "Upload-Defer-Length": "1" } : { "Upload-Length": String(length) };
    const address = library ? `${ADDRESS}?library=${encodeURIComponent(library)}` : ADDRESS;
    const response = await this.#ask("POST", address, { "Upload-Metadata": metadata(about), ...size, ...keyed(key) });
    const url = response.headers.get("Location");
    if (!url) throw new Problem({ code: "server.unreadable" }, 502);
    const given = response.headers.get(KEY);
    const offset = response.headers.has("Upload-Offset") ? offsetOf(response) : 0;
    return { url, offset, ...(given ? { key: given } : {}) };
  }

  /** How many bytes have arrived. @param {string} url @param {string} [key] */
  async head(url, key) {
    return offsetOf(await this.#ask("HEAD", url, keyed(key)));
  }

  /**
   * Send the bytes that follow, and how many there are in all once that is known.
   * @param {string} url @param {number} offset @param {ArrayBuffer} data
   * @param {{length?: number|null, recorded_ms?: number|null, key?: string}} [about]
   * @returns {Promise<{offset: number, taken: boolean}>} where the upload ends now; not taken: it ended elsewhere
   */
  async send(url, offset, data, { length = null, recorded_ms = null, key } = {}) {
    /** @type {Record<string, string>} */
    const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream", ...keyed(key) };
    if (length !== null) headers["Upload-Length"] = String(length);
    if (recorded_ms !== null) headers["Recorded-Ms"] = String(recorded_ms);
    // Pages that came over plain HTTP have no crypto.subtle.
    if (data.byteLength && crypto.subtle) {
      headers["Upload-Checksum"] = `sha256 ${base64(new Uint8Array(await crypto.subtle.digest("SHA-256", data)))}`;
    }
    const response = await this.#ask("PATCH", url, headers, data);
    const taken = response.status !== 409;
    const now = offsetOf(response);
    // Such an answer would be repeated for ever.
    if (!taken && now === offset) throw new Problem({ code: "server.unreadable" }, 502);
    return { offset: now, taken };
  }

  /**
   * @param {string} method @param {string} url @param {Record<string, string>} [headers] @param {ArrayBuffer} [body]
   */
  async #ask(method, url, headers, body) {
    const signal = AbortSignal.timeout(this.stalled_ms);
    const response = await reach(url, { method, headers: { "Tus-Resumable": "1.0.0", ...headers }, body, signal });
    // A wrong offset comes with the right one, and is an answer to go on from.
    if (response.ok || (response.status === 409 && response.headers.has("Upload-Offset"))) return response;
    throw await problemOf(response);
  }
}

/** @param {string} [key] @returns {Record<string, string>} */
export const keyed = (key) => (key ? { [KEY]: key } : {});

/** @param {Response} response */
function offsetOf(response) {
  const told = response.headers.get("Upload-Offset");
  if (!told || !/^\d+$/.test(told)) throw new Problem({ code: "server.unreadable" }, 502);
  return Number(told);
}

/** Write the `Upload-Metadata` header. @param {Record<string, unknown>} about */
export function metadata(about) {
  const encoder = new TextEncoder();
  return Object.entries(about).map(([key, value]) => `${key} ${base64(encoder.encode(String(value)))}`).join(",");
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
