/** What this page knows of the clips: the server's truth by version, and what this device has not sent yet. */

import { caption } from "./captions.js";
import { changed } from "../offline/changes.js";

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {import("./types.js").Local} Local */
/** @typedef {import("./types.js").Change} Change */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Progress} Progress */

/**
 * Emits `change` with `{id, before}` for each entry that came, changed or went. Nothing is ever sorted in place: an
 * entry keeps the moment (`at`) by which it first took its place in the list, so that no row moves under a hand.
 */
export class Library extends EventTarget {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** As the server has them. @type {Map<string, Clip>} */
  #truth = new Map();
  /** What this device did to clips and the server does not know. @type {Map<string, Change[]>} */
  #changes = new Map();
  /** Shown as they were at an earlier visit: the server has not been heard of them since. @type {Set<string>} */
  #recalled = new Set();

  /** @param {string} id */
  get(id) {
    return this.#entries.get(id);
  }

  /** A clip as the server has it, as far as we know. @param {string} id */
  truth(id) {
    return this.#truth.get(id) ?? null;
  }

  /** Show what was done here and is not sent yet. @param {string} id @param {Change[]} changes */
  change(id, changes) {
    const before = this.#changes.get(id) ?? [];
    if (JSON.stringify(before) === JSON.stringify(changes)) return;
    if (changes.length) this.#changes.set(id, changes);
    else this.#changes.delete(id);
    const known = this.#known(id);
    if (known) this.#set(known);
  }

  /** Show clips as they were last seen here, until the server says more. @param {Clip[]} clips */
  recall(clips) {
    for (const clip of clips) {
      if (this.#truth.has(clip.id)) continue;
      this.#recalled.add(clip.id);
      const seen_ms = Date.parse(clip.updated_at);
      const then = clip.status === "recording" ? { heard_ms: seen_ms, cut_ms: seen_ms } : {};
      this.#set({ at: clip.created_at, local: null, ...this.#known(clip.id), ...then, id: clip.id, clip });
    }
  }

  /** When the oldest of the clips was made that are only recalled: so far down the list has to be read. */
  get recalled_since() {
    return [...this.#recalled].map((id) => this.#truth.get(id)?.created_at ?? "").sort()[0] ?? null;
  }

  /** Whether a clip is only known from an earlier visit. @param {string} id */
  isRecalled(id) {
    return this.#recalled.has(id);
  }

  /** Every entry that is to be shown, newest first, or some of them. @param {(entry: Entry) => boolean} [which] */
  shown(which = () => true) {
    return [...this.#entries.values()].filter((entry) => !gone(entry) && which(entry)).sort(newestFirst);
  }

  /** Every clip that is in the bin, as far as we know. */
  deleted() {
    return [...this.#entries.values()].filter(gone);
  }

  /**
   * Take what the server says, unless we know it or better.
   * @param {Clip} clip @param {number} [now_ms] when it was so, by the clock of this device
   * @returns {boolean} whether it was news
   */
  apply(clip, now_ms = Date.now()) {
    const known = this.#known(clip.id);
    // What is only recalled may be of another server, or of one that was set back.
    const isRecalled = this.#recalled.delete(clip.id) && known?.clip?.version !== clip.version;
    if (known?.clip && known.clip.version >= clip.version && !isRecalled && !this.#isFuller(clip)) return false;
    // A recording that is renamed has not grown; of anything else, each change is news.
    const isRenamed = clip.status === "recording" && known?.clip?.duration_ms === clip.duration_ms;
    const heard_ms = isRenamed ? known.heard_ms : now_ms;
    // What was being heard is over with the state in which it was.
    const same = known?.clip?.status === clip.status && known.clip.error === clip.error;
    const hearing = same ? known.hearing : undefined;
    const captions = clip.status === "done" ? undefined : known?.captions;
    const [at, local] = [known?.at ?? clip.created_at, known?.local ?? null];
    this.#set({ id: clip.id, at, clip, local, heard_ms, hearing, captions });
    return true;
  }

  /** Whether it is the whole of a clip of which we have the list's short form. @param {Clip} clip */
  #isFuller({ id, version, text }) {
    const truth = this.#truth.get(id);
    return text !== undefined && truth?.text === undefined && truth?.version === version;
  }

  /** Take how far a transcription is; late news of one that is over is none. @param {Progress} hearing */
  follow(hearing, now_ms = Date.now()) {
    const known = this.#known(hearing.clip.id);
    if (known?.clip?.status === "transcribing") this.#set({ ...known, hearing, heard_ms: now_ms });
  }

  /** Take words of a recording that goes on, or is just over. @param {import("./types.js").Caption} told */
  caption(told) {
    const known = this.#known(told.clip.id);
    if (known?.clip && known.clip.status !== "done") this.#set({ ...known, captions: caption(known.captions, told) });
  }

  /**
   * Nothing is heard of recordings elsewhere while this device is cut off, which says nothing about their recorders.
   * @param {boolean} isCut
   */
  cut(isCut, now_ms = Date.now()) {
    for (const { id, status } of [...this.#truth.values()]) {
      const known = status === "recording" ? this.#known(id) : undefined;
      if (!known || isCut === (known.cut_ms !== undefined)) continue;
      this.#set({ ...known, ...(isCut ? { cut_ms: now_ms } : { cut_ms: undefined, heard_ms: now_ms }) });
    }
  }

  /** Show a recording that this device keeps. @param {Local} local */
  keep(local) {
    const known = this.#known(local.id);
    const heard_ms = known?.local?.duration_ms === local.duration_ms ? known.heard_ms : Date.now();
    const [at, clip] = [known?.at ?? local.created_at, known?.clip ?? null];
    this.#set({ ...known, id: local.id, at, clip, local, heard_ms });
  }

  /** The device keeps it no longer: the server has it, or a person threw it away. @param {string} id */
  release(id) {
    const known = this.#known(id);
    if (!known?.local) return;
    if (known.clip) this.#set({ ...known, local: null });
    else this.#remove(id);
  }

  /**
   * A clip of ours went to the bin. No version is made up: whatever the server says next is higher.
   * @param {string} id
   */
  bin(id, now = new Date()) {
    const known = this.#known(id);
    if (known?.clip && !known.clip.deleted_at) {
      this.#set({ ...known, clip: { ...known.clip, deleted_at: now.toISOString() } });
    }
  }

  /** Nobody looks at it any more, and no list has reached it: it comes again when one does. @param {string} id */
  forget(id) {
    if (!this.#entries.get(id)?.local) this.#forget(id);
  }

  /** It was deleted for good: only what this device has not sent of it stays. @param {string} id */
  erase(id) {
    if (this.get(id)) this.#forget(id);
  }

  /** The versions known now; take them before the list is asked for and hand them to `reconcile`. */
  snapshot() {
    return new Map([...this.#truth.values()].map(({ id, version }) => [id, version]));
  }

  /**
   * Take a list that was read anew. Clips that it leaves out, though they are not older than its end, are gone, unless
   * an event told of them while the list was on its way.
   * @param {Clip[]} clips @param {Map<string, number>} before from `snapshot()`
   * @param {boolean} complete to the last clip
   * @returns {string[]} clips of which the list says nothing, since they are older than its end
   */
  reconcile(clips, before, complete) {
    const listed = new Set(clips.map((clip) => clip.id));
    const end = clips.at(-1)?.created_at ?? "";
    const unknown = [];
    for (const clip of [...this.#truth.values()]) {
      const { id } = clip;
      const isRecalled = this.#recalled.has(id);
      const unheard = isRecalled || (!clip.deleted_at && before.get(id) === clip.version);
      if (!unheard || listed.has(id)) continue;
      if (!complete && clip.created_at <= end) unknown.push(id);
      // Perhaps it never was on this server.
      else if (isRecalled) this.#forget(id);
      else this.bin(id);
    }
    this.add(clips);
    return unknown;
  }

  /** Take clips from a list, which says only by the server's clock when they changed. @param {Clip[]} clips */
  add(clips) {
    for (const clip of clips) this.apply(clip, Math.min(Date.now(), Date.parse(clip.updated_at)));
  }

  /** An entry without what waits on this device. @param {string} id @returns {Entry|undefined} */
  #known(id) {
    const known = this.#entries.get(id);
    return known && { ...known, clip: this.truth(id) };
  }

  /** @param {Entry} entry as the server has it */
  #set(entry) {
    const { id, clip } = entry;
    const before = this.#entries.get(id) ?? null;
    const changes = this.#changes.get(id);
    if (clip) this.#truth.set(id, clip);
    this.#entries.set(id, { ...entry, changes, clip: clip && changes ? changed(clip, changes) : clip });
    this.#tell(id, before);
  }

  /** @param {string} id */
  #forget(id) {
    this.#recalled.delete(id);
    const local = this.get(id)?.local;
    this.#truth.delete(id);
    if (local) this.#set({ .../** @type {Entry} */ (this.get(id)), clip: null });
    else this.#remove(id);
  }

  /** @param {string} id */
  #remove(id) {
    const before = this.#entries.get(id) ?? null;
    this.#entries.delete(id);
    this.#tell(id, before);
  }

  /** @param {string} id @param {Entry|null} before */
  #tell(id, before) {
    this.dispatchEvent(new CustomEvent("change", { detail: { id, before } }));
  }
}

/** Whether an entry is in the bin. @param {Entry} entry */
export function gone({ clip, local }) {
  return Boolean(local ? local.deleted_at : clip?.deleted_at);
}

/** @typedef {Pick<Entry, "id"|"at">} Placed */
/** @param {Placed} a @param {Placed} b */
export function newestFirst(a, b) {
  return a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1;
}
