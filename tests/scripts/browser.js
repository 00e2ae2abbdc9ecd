/** What a browser and a server are to a page that sends: tabs that die, locks, and answers that are lost. */

import { Problem } from "../../static/shared/api.js";
import { Backoff } from "../../static/shared/backoff.js";
import { Journal, newRow } from "../../static/offline/journal.js";
import { Outbox } from "../../static/offline/outbox.js";
import { clip, until } from "./clips.js";

const never = () => new Promise(() => {});

/** Web Locks of one browser: who asks for a lock waits for its holder, and a tab that dies lets go. */
export class Locks {
  /** @type {Map<string, Promise<unknown>>} */
  #last = new Map();
  held = new Set();

  /** @param {Promise<unknown>} death of the tab that asks */
  of(death) {
    return async (id, work, now = false) => {
      if (now && this.held.has(id)) return work(false);
      const mine = (this.#last.get(id) ?? Promise.resolve()).then(async () => {
        this.held.add(id);
        await Promise.race([work(true), death]).finally(() => this.held.delete(id));
      });
      this.#last.set(
        id,
        mine.catch(() => {}),
      );
      return mine;
    };
  }
}

/**
 * A server that keeps what the tus protocol and the clips' interface promise, and fails as it is told to. A fault is
 * `[pattern, fault]`: the first call that matches is refused with the fault if it is a `Problem`; "lose": done, but its
 * answer is lost; a number: so many bytes are taken before the line breaks.
 */
export class FakeServer {
  /** @type {Map<string, any>} */
  clips = new Map();
  /** @type {Map<string, {clip_id: string, segment: number, length: number|null, data: string, about: any}>} */
  uploads = new Map();
  /** @type {string[]} */
  asked = [];
  /** @type {[RegExp, Problem|"lose"|number][]} */
  faults = [];
  /** What the page has learned of the way here, as `Tus` keeps it. */
  limit_bytes = Infinity;
  /** The most that a proxy in front of it lets through in one request. */
  proxy_bytes = Infinity;
  made = 0;
  /** Whether the session of the tab has ended: then it answers those alone who have the key of a recording. */
  isSignedOut = false;
  /** How often it was told of the end before it had all. */
  early = 0;
  /** Lets a call wait. @type {(call: string) => Promise<unknown>|undefined} */
  delay = () => undefined;

  async #answer(call, work, key) {
    this.asked.push(call);
    await this.delay(call);
    if (this.isSignedOut && !key) throw new Problem("Sign in.", 401, 0, "sign-in");
    const at = this.faults.findIndex(([pattern]) => pattern.test(call));
    const [[, fault]] = at < 0 ? [[null, null]] : this.faults.splice(at, 1);
    if (fault instanceof Error) throw fault;
    const answer = work(typeof fault === "number" ? fault : Infinity);
    if (fault !== null) throw new Problem("The line broke.");
    // What is answered is as it was, whatever comes next.
    return structuredClone(answer);
  }

  #upload(url) {
    const upload = this.uploads.get(url);
    if (!upload) throw new Problem("There is no upload at this address.", 404);
    if (upload.data === null) throw new Problem("It is gone.", 410);
    return upload;
  }

  #clip(id) {
    const known = this.clips.get(id);
    if (!known) throw new Problem("There is no clip with this id.", 404);
    return known;
  }

  create(about) {
    const { clip_id, segment, name, name_origin = "person", length, key } = about;
    return this.#answer(`create ${clip_id} ${segment} ${name}`, () => {
      for (const [url, one] of this.uploads) {
        if (one.clip_id === clip_id && one.segment === segment) return { url, offset: this.#upload(url).data.length, key: `key ${clip_id}` };
      }
      const url = `/api/uploads/${++this.made}`;
      this.uploads.set(url, { clip_id, segment, length, data: "", about });
      if (segment !== null && !this.clips.has(clip_id)) {
        this.clips.set(clip_id, clip(clip_id, { name, name_origin, status: "recording" }));
      }
      return { url, offset: 0, key: `key ${clip_id}` };
    }, key);
  }

  head(url, key) {
    return this.#answer(`head ${url}`, () => this.#upload(url).data.length, key);
  }

  send(url, offset, data, { length = null, recorded_ms = null, key } = {}) {
    const text = new TextDecoder().decode(data);
    if (data.byteLength > this.proxy_bytes) return Promise.reject(new Problem("The server answered with 413.", 413));
    return this.#answer(`send ${url} ${offset} ${text} ${length} ${recorded_ms}`, (most) => {
      const upload = this.#upload(url);
      if (offset !== upload.data.length) return { offset: upload.data.length, taken: false };
      upload.data += text.slice(0, most);
      if (most < text.length) return null;
      upload.length = length ?? upload.length;
      if (upload.length !== null && upload.length < upload.data.length) throw new Problem("Too long.", 400);
      if (upload.segment === null && upload.data.length === upload.length) {
        this.clips.set(upload.clip_id, clip(upload.clip_id, { name: upload.about.name }));
      }
      return { offset: upload.data.length, taken: true };
    }, key);
  }

  finish(id, about, key) {
    return this.#answer(`finish ${id} ${JSON.stringify(about)}`, () => {
      const all = [...this.uploads.values()].filter(({ clip_id }) => clip_id === id);
      const isWhole = all.length === about.segments && all.every(({ length, data }) => length === data?.length);
      if (!isWhole) {
        this.early += 1;
        throw new Problem("A segment has not arrived.", 409);
      }
      return Object.assign(this.#clip(id), { status: "pending", gaps: about.gaps, duration_ms: about.duration_ms });
    }, key);
  }

  get(id) {
    return this.#answer(`get ${id}`, () => this.#clip(id));
  }

  patch(id, { name, ...more }) {
    const said = [name, Object.keys(more).length && JSON.stringify(more)].filter(Boolean).join(" ");
    return this.#answer(`patch ${id} ${said}`, () => {
      const clip = this.#clip(id);
      const { name_origin = "person", notes = clip.notes, markers } = more;
      const others = (clip.markers ?? []).filter(
        (known) => ![...(markers?.set ?? []).map((marker) => marker.id), ...(markers?.remove ?? [])].includes(known.id),
      );
      const set = [...others, ...(markers?.set ?? [])];
      return Object.assign(clip, name ? { name, name_origin } : {}, { notes, markers: set });
    });
  }

  delete(id) {
    return this.#answer(`delete ${id}`, () => void (this.#clip(id).deleted_at = "2026-11-22T10:00:00.000Z"));
  }

  restore(id) {
    return this.#answer(`restore ${id}`, () => Object.assign(this.#clip(id), { deleted_at: null }));
  }

  /** What has arrived of a clip, a string for each segment. @param {string} id */
  sound(id) {
    const all = [...this.uploads.values()].filter(({ clip_id }) => clip_id === id);
    return all.sort((a, b) => a.segment - b.segment).map(({ data }) => data);
  }
}

/** A tab of this browser; `die()` stops it wherever it is, and nothing of it is ever heard of again. */
export class Tab {
  told = [];
  dead = false;

  /** @param {Journal} journal @param {FakeServer} server @param {Locks} locks @param {any} [session] */
  constructor(journal, server, locks, session) {
    const death = new Promise((resolve) => (this.end = resolve));
    this.outbox = new Outbox(this.#mortal(journal), this.#mortal(server), this.#mortal(server), {
      lock: locks.of(death),
      backoff: new Backoff({ first_ms: 1, max_ms: 2 }),
      session,
    });
    this.journal = this.#mortal(journal);
    const tell = (words) => this.dead || this.told.push(words);
    this.outbox.addEventListener("change", ({ detail }) => tell(`${detail.state} ${detail.sending}`));
    this.outbox.addEventListener("sent", ({ detail }) => tell(`sent ${detail.name}`));
    this.outbox.addEventListener("gone", () => tell("gone"));
  }

  die() {
    this.dead = true;
    this.end();
  }

  /** @template {object} T @param {T} object @returns {T} */
  #mortal(object) {
    const tab = this;
    return new Proxy(object, {
      get(_, name) {
        const value = object[name];
        if (typeof value !== "function") return value;
        return (...given) => {
          if (tab.dead) return never();
          const answer = value.apply(object, given);
          if (!(answer instanceof Promise)) return answer;
          return new Promise((resolve, reject) =>
            answer.then(
              (result) => tab.dead || resolve(result),
              (error) => tab.dead || reject(error),
            ),
          );
        };
      },
    });
  }
}

export const bytes = (text) => new TextEncoder().encode(text).buffer;

export const rest = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

/** A recording that is made in a tab: what is said, a break, the end. */
export class Spoken {
  #ms = 0;

  constructor(here, id) {
    [this.here, this.id] = [here, id];
  }

  async begin(more = {}) {
    const row = newRow({ id: this.id, name: this.id, mime: "audio/webm", state: "recording", ...more });
    await this.here.outbox.begin(row, () => new Promise((resolve) => (this.made = resolve)));
    return this;
  }

  async continue() {
    return this.here.outbox.resume(this.id, new Promise((resolve) => (this.made = resolve)));
  }

  async say(text, opens = null) {
    await this.here.journal.append(this.id, bytes(text), { recorded_ms: (this.#ms += 3_000), opens });
    this.here.outbox.nudge(this.id);
  }

  async stop() {
    await this.here.outbox.stop(this.id);
    this.made();
  }
}

/** A browser that keeps nothing yet, a server that knows nothing yet, and what can be done with them. */
export function stage() {
  const [journal, server, locks] = [new Journal(null), new FakeServer(), new Locks()];
  return {
    ...{ journal, server },
    tab: (session = undefined) => new Tab(journal, server, locks, session),
    speak: (here, id = "a", more = {}) => new Spoken(here, id).begin(more),
    /** A recording that is complete on the device, and of which the server knows nothing. */
    keep: async (id, text = "one two", more = {}) => {
      await journal.create(newRow({ id, name: id, mime: "audio/webm", state: "recording", ...more }));
      for (const [i, word] of text.split(" ").entries()) {
        await journal.append(id, bytes(word), { recorded_ms: i * 3_000 });
      }
      await journal.update(id, { state: "ready" });
    },
    /** Whether this device keeps nothing. */
    empty: async () => (await journal.all()).length === 0,
    /** Wait until the server has this sound, segments with a bar between them. */
    has: (text, id = "a") => until(() => server.sound(id).join("|") === text),
  };
}
