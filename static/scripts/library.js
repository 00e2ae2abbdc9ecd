/** What this page knows of the clips: the server's truth by version, and what this device has not sent yet. */

import { caption } from "./captions.js";

/** @typedef {import("./types.js").Clip} Clip */
/** @typedef {import("./types.js").Local} Local */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Progress} Progress */

/**
 * Emits `change` with `{id, before}` for each entry that came, changed or went. Nothing is ever sorted in place: an
 * entry keeps the moment (`at`) by which it first took its place in the list, so that no row moves under a hand.
 */
export class Library extends EventTarget {
  /** @type {Map<string, Entry>} */
  #entries = new Map();

  /** @param {string} id */
  get(id) {
    return this.#entries.get(id);
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
    const known = this.#entries.get(clip.id);
    if (known?.clip && known.clip.version >= clip.version) return false;
    // A recording that is renamed has not grown.
    const heard_ms = known?.clip?.duration_ms === clip.duration_ms ? known.heard_ms : now_ms;
    // What was being heard is over with the state in which it was.
    const same = known?.clip?.status === clip.status && known.clip.error === clip.error;
    const hearing = same ? known.hearing : undefined;
    const captions = clip.status === "done" ? undefined : known?.captions;
    const [at, local] = [known?.at ?? clip.created_at, known?.local ?? null];
    this.#set({ id: clip.id, at, clip, local, heard_ms, hearing, captions });
    return true;
  }

  /** Take how far a transcription is; late news of one that is over is none. @param {Progress} hearing */
  follow(hearing) {
    const known = this.#entries.get(hearing.clip.id);
    if (known?.clip?.status === "transcribing") this.#set({ ...known, hearing });
  }

  /** Take words of a recording that goes on, or is just over. @param {import("./types.js").Caption} told */
  caption(told) {
    const known = this.#entries.get(told.clip.id);
    if (known?.clip && known.clip.status !== "done") this.#set({ ...known, captions: caption(known.captions, told) });
  }

  /** Show a recording that this device keeps. @param {Local} local */
  keep(local) {
    const known = this.#entries.get(local.id);
    const heard_ms = known?.local?.duration_ms === local.duration_ms ? known.heard_ms : Date.now();
    const [at, clip] = [known?.at ?? local.created_at, known?.clip ?? null];
    this.#set({ ...known, id: local.id, at, clip, local, heard_ms });
  }

  /** The device keeps it no longer: the server has it, or a person threw it away. @param {string} id */
  release(id) {
    const known = this.#entries.get(id);
    if (!known?.local) return;
    if (known.clip) this.#set({ ...known, local: null });
    else this.#remove(id);
  }

  /**
   * A clip of ours went to the bin. No version is made up: whatever the server says next is higher.
   * @param {string} id
   */
  bin(id, now = new Date()) {
    const known = this.#entries.get(id);
    if (known?.clip && !known.clip.deleted_at) {
      this.#set({ ...known, clip: { ...known.clip, deleted_at: now.toISOString() } });
    }
  }

  /** Nobody looks at it any more, and no list has reached it: it comes again when one does. @param {string} id */
  forget(id) {
    if (!this.#entries.get(id)?.local) this.#remove(id);
  }

  /** The versions known now; take them before the list is asked for and hand them to `reconcile`. */
  snapshot() {
    return new Map([...this.#entries.values()].flatMap(({ id, clip }) => (clip ? [[id, clip.version]] : [])));
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
    for (const { id, clip } of [...this.#entries.values()]) {
      const unheard = clip && !clip.deleted_at && before.get(id) === clip.version;
      if (!unheard || listed.has(id)) continue;
      if (complete || clip.created_at > end) this.bin(id);
      else unknown.push(id);
    }
    this.add(clips);
    return unknown;
  }

  /** Take clips from a list, which says only by the server's clock when they changed. @param {Clip[]} clips */
  add(clips) {
    for (const clip of clips) this.apply(clip, Math.min(Date.now(), Date.parse(clip.updated_at)));
  }

  /** @param {Entry} entry */
  #set(entry) {
    const before = this.#entries.get(entry.id) ?? null;
    this.#entries.set(entry.id, entry);
    this.#tell(entry.id, before);
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
