/** The server's HTTP interface. Every method answers what was asked for or throws a `Problem`. */

import { uuid } from "./format.js";
import { Problem, refusals } from "./problem.js";

export { Problem };

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {import("./types.js").Marker} Marker */
/** @typedef {import("./types.js").Page} Page */
/** @typedef {import("./types.js").Tag} Tag */
/** @typedef {import("./types.js").Wish} Wish */
/** @typedef {import("./types.js").Revision} Revision */

/** What one person saves in this visit. The server makes one revision of it, and never one of two people's words. */
let sitting = uuid();

/** From here on, what is saved is another revision: it can be told from what was typed before, and taken back. */
export function beginSitting() {
  sitting = uuid();
}

/**
 * Ask, and get any answer. Throws a `Problem` when none comes.
 * @param {string} url @param {RequestInit} [options]
 */
export function reach(url, options) {
  return fetch(url, options).catch((error) => {
    throw new Problem({ code: error?.name === "TimeoutError" ? "server.silent" : "server.unreachable" });
  });
}

/** Read a problem document (RFC 9457), or say what came in its place. @param {Response} response */
export async function problemOf(response) {
  let [detail, kind] = ["", ""];
  try {
    const said = await response.json();
    detail = said.detail || said.title || "";
    kind = /^urn:dictaphone:problem:(.+)/.exec(String(said.type))?.[1] ?? "";
  } catch {
    // A proxy answered, not our server; or it was asked for headers alone.
  }
  const { status, headers } = response;
  // Of an answer to HEAD nobody sees more than its headers.
  if (status === 401 && headers.get("WWW-Authenticate")?.includes("dictaphone")) kind ||= "sign-in";
  const isStranger = (status === 401 || status === 403) && !kind;
  const answer = detail ? { said: detail } : { code: "server.answered", values: [status] };
  const reason = isStranger ? [{ code: "server.signIn" }, answer] : answer;
  const retry_ms = Number(headers.get("Retry-After")) * 1000 || 0;
  const problem = new Problem(kind === "sign-in" ? { code: "server.signedOut" } : reason, status, retry_ms, kind);
  if (problem.isSignedOut) refusals.dispatchEvent(new Event("sign-in"));
  return problem;
}

export class Api {
  /**
   * One page of the list, newest first, or of the bin, last deleted first; or of what is wished for.
   * @param {string|null} [cursor] @param {Wish & {signal?: AbortSignal, whole?: boolean}} [wish] `whole`: with all words
   * @returns {Promise<Page>}
   */
  async list(cursor = null, { signal, whole = false, ...wish } = {}) {
    const query = new URLSearchParams();
    // Rows show the first words; the whole of a clip is asked for where it is read.
    for (const [name, value] of Object.entries({ form: whole ? null : "short", cursor, ...wish })) {
      for (const one of [value].flat()) if (one || one === 0) query.append(name, String(one));
    }
    return this.#json(`/api/clips${query.size ? `?${query}` : ""}`, { signal });
  }

  /** Every tag, most used first. @returns {Promise<Tag[]>} */
  async tags() {
    return (await this.#json("/api/tags")).tags;
  }

  /** @param {string} id @returns {Promise<Clip>} */
  async get(id) {
    return this.#json(address(id));
  }

  /**
   * Change what a clip is called or what is said of it; with `version`, only that version of it.
   * @param {string} id @param {Partial<{name: string, name_origin: string, text: string|null, tags: string[], language: string|null,
   *   starred: boolean, notes: string, markers: {set: Marker[], remove: string[]}}>} change
   * @param {number} [version]
   * @returns {Promise<Clip>}
   */
  async patch(id, change, version) {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (version) headers.set("If-Match", `"${version}"`);
    if ("text" in change) headers.set("Sitting", sitting);
    // keepalive: a name that was typed just before the page went away still arrives; browsers allow it up to 64 KiB.
    const body = JSON.stringify(change);
    return this.#json(address(id), { method: "PATCH", headers, body, keepalive: body.length < 10_000 });
  }

  /** Into the bin. @param {string} id */
  async delete(id) {
    await this.#send(address(id), { method: "DELETE", keepalive: true });
  }

  /** Out of the bin, for good. @param {string} id */
  async erase(id) {
    await this.#send(`${address(id)}?forever=true`, { method: "DELETE" });
  }

  /** Delete all that is in the bin, for good. */
  async emptyBin() {
    // A full bin takes the server several turns; one that takes nothing more out would go on for ever.
    for (let [clips, left] = [1, 1]; clips && left; ) ({ clips, left } = await this.#json("/api/bin", { method: "DELETE" }));
  }

  /** What the server is, and what it takes. @returns {Promise<{version: string, limits: import("./server-facts.js").Limits}>} */
  async about() {
    return this.#json("/api/about");
  }

  /** How much the library holds. @returns {Promise<import("./server-facts.js").Storage>} */
  async storage() {
    return this.#json("/api/storage");
  }

  /** Out of the bin. @param {string} id @returns {Promise<Clip>} */
  async restore(id) {
    return this.#json(`${address(id)}/restore`, { method: "POST" });
  }

  /**
   * Again, and perhaps another track from now on. @param {string} id @param {number|"all"|null} [track] from 1
   * @returns {Promise<Clip>}
   */
  async transcribe(id, track = null) {
    return this.#json(`${address(id)}/transcription${track ? `?track=${track}` : ""}`, { method: "POST" });
  }

  /** Have these stretches cut out, and no others. @param {string} id @param {[number, number][]} cuts @returns {Promise<Clip>} */
  async cut(id, cuts) {
    return this.#json(`${address(id)}/cuts`, { method: "PUT", ...json({ cuts }) });
  }

  /** Make two clips of one. @param {string} id @param {{id: string, at_ms: number}} second @returns {Promise<{clips: Clip[]}>} */
  async split(id, second) {
    return this.#json(`${address(id)}/split`, { method: "POST", ...json(second) });
  }

  /** Make a new clip of several, one behind the other. @param {{id: string, ids: string[], name?: string}} joined @returns {Promise<Clip>} */
  async join(joined) {
    return this.#json("/api/clips/join", { method: "POST", ...json(joined) });
  }

  /** Where a clip's audio is; until its segments are joined, each is a sound of its own. @param {string} id */
  audio(id, segment = 0) {
    return `${address(id)}/audio${segment ? `?segment=${segment}` : ""}`;
  }

  /** The outline of a clip's sound, 0 to 255. @param {string} id @returns {Promise<{peaks: number[]}>} */
  async waveform(id) {
    return this.#json(`${address(id)}/waveform`);
  }

  /**
   * The text of a clip with the time of each word. @param {string} id
   * @returns {Promise<{text: string, words: import("./types.js").TimedWord[]}>}
   */
  async words(id) {
    return this.#json(`${address(id)}/transcript.json`);
  }

  /** The versions of a clip's words, newest first. @param {string} id @returns {Promise<{revisions: Revision[]}>} */
  async revisions(id) {
    return this.#json(`${address(id)}/revisions`);
  }

  /** @param {string} id @param {number} revision @returns {Promise<Revision & {text: string}>} */
  async revision(id, revision) {
    return this.#json(`${address(id)}/revisions/${revision}`);
  }

  /** Show the words of a revision again, as a new one. @param {string} id @param {number} revision @returns {Promise<Clip>} */
  async restoreRevision(id, revision) {
    return this.#json(`${address(id)}/revisions/${revision}/restore`, { method: "POST" });
  }

  /**
   * All of a recording has been sent, or, without `about`, what has arrived will do; twice is once. @param {string} id
   * @param {{segments: number, duration_ms: number, gaps: import("./types.js").Gap[]}} [about]
   * @param {string} [key] of this recording, though nobody is signed in any more
   * @returns {Promise<Clip>}
   */
  async finish(id, about, key) {
    const { headers = {}, ...said } = about ? json(about) : {};
    const all = { ...headers, ...(key ? { "Upload-Key": key } : {}) };
    return this.#json(`${address(id)}/finish`, { method: "POST", ...said, headers: all });
  }

  /** Who we are. @returns {Promise<import("./session.js").Known>} */
  async session() {
    return this.#json("/api/session");
  }

  /**
   * Ask for what belongs to one's account, or change it: static/settings/account.js. @param {string} path
   * @param {{method?: string, body?: unknown}} [wanted] @returns {Promise<any>} null: there is nothing to say
   */
  async account(path, { method = "GET", body } = {}) {
    const response = await this.#send(path, { method, ...(body === undefined ? {} : json(body)) });
    return response.status === 204 ? null : response.json().catch(() => null);
  }

  /** @param {string} url @param {RequestInit} [options] */
  async #json(url, options) {
    const response = await this.#send(url, options);
    return response.json().catch(() => {
      // It broke off, or somebody else answered: a page to sign in to a network says 200.
      throw new Problem({ code: "server.unreadable" });
    });
  }

  /** @param {string} url @param {RequestInit} [options] */
  async #send(url, options) {
    const response = await reach(url, options);
    if (response.ok) return response;
    throw await problemOf(response);
  }
}

/** @param {string} id */
function address(id) {
  return `/api/clips/${encodeURIComponent(id)}`;
}

/** @param {unknown} body */
function json(body) {
  return { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}
