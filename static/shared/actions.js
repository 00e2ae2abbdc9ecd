/** What a person does to a clip, wherever it is: on this device still, or on the server. */

import { Problem } from "./api.js";
import { fileName } from "./format.js";
import { playsOriginal } from "../player/playable.js";
import { late } from "./late.js";
import { words } from "./words.js";
import { remarked } from "../offline/changes.js";

/** @typedef {import("./types.js").Entry} Entry */

const renditions = late(() => import("../player/renditions.js"));

export { Conflict } from "../offline/changes.js";

export class Actions {
  /**
   * @param {import("./library.js").Library} library @param {import("./api.js").Api} api
   * @param {import("../offline/outbox.js").Outbox} outbox @param {import("../offline/changes.js").Changes} changes
   * @param {import("../offline/audio-cache.js").AudioCache} [sounds] kept on this device
   */
  constructor(library, api, outbox, changes, sounds) {
    this.library = library;
    this.api = api;
    this.outbox = outbox;
    this.changes = changes;
    this.sounds = sounds;
  }

  /** Clips that a person deleted on this page, and did not restore since. @type {Set<string>} */
  #removed = new Set();

  /** Whether a clip was deleted here, not elsewhere. @param {string} id */
  hasRemoved(id) {
    return this.#removed.has(id);
  }

  /** @param {string} id @param {string} name */
  async rename(id, name) {
    if (this.#local(id) && (await this.outbox.rename(id, name))) return;
    await this.changes.make(id, "name", name, this.library.get(id)?.clip?.name);
  }

  /**
   * Correct the words, if they still are what the person began with or what they want. Otherwise, the clip shows that
   * they are in conflict.
   * @param {string} id @param {string} text @param {string} base what it was when they began
   */
  async rewrite(id, text, base) {
    if (this.library.get(id)?.clip) await this.changes.make(id, "text", text, base);
  }

  /** Choose between two wordings. @param {import("./types.js").Change} conflict @param {"mine"|"theirs"} whose */
  async settle(conflict, whose) {
    await this.changes.settle(conflict, whose, { code: "offline.givenUp" });
  }

  /** Say what is spoken, or have it found out: it is heard again. @param {string} id @param {string|null} code */
  async speak(id, code) {
    await this.changes.make(id, "language", code);
  }

  /** Say which track is heard, or that all are: it is heard again. @param {string} id @param {number|null} track */
  async hearTrack(id, track) {
    this.library.apply(await this.api.transcribe(id, track ?? "all"));
  }

  /**
   * Change the tags; what others did to them meanwhile stays.
   * @param {string} id @param {(tags: string[]) => string[]} change
   */
  async retag(id, change) {
    const before = this.library.get(id)?.clip?.tags ?? [];
    const after = change(before);
    const [add, remove] = [after.filter((tag) => !before.includes(tag)), before.filter((tag) => !after.includes(tag))];
    if (add.length + remove.length) await this.changes.make(id, "tags", { add, remove });
  }

  /** Put a star on it, or take it away. @param {string} id @param {boolean} isStarred */
  async star(id, isStarred) {
    await this.changes.make(id, "starred", isStarred);
  }

  /**
   * Write notes, if they still are what the person began with. Otherwise, the clip shows that they are in conflict.
   * @param {string} id @param {string} notes @param {string} base what they were
   */
  async note(id, notes, base) {
    if (!this.library.get(id)?.clip) await this.outbox.annotate(id, { notes });
    else await this.changes.make(id, "notes", notes, base);
  }

  /** Set markers, and remove others. @param {string} id @param {import("./types.js").MarkerChanges} change */
  async mark(id, change) {
    const entry = this.library.get(id);
    if (entry && !entry.clip) await this.outbox.annotate(id, { markers: remarked(entry.local?.markers ?? [], change) });
    else await this.changes.make(id, "markers", change);
  }

  /** Have these stretches cut out, and no others. @param {string} id @param {[number, number][]} cuts of all sound */
  async cut(id, cuts) {
    this.library.apply(await this.api.cut(id, cuts));
  }

  /** Make two clips of one. @param {string} id @param {number} at_ms @param {string} second the id of what is behind */
  async split(id, at_ms, second) {
    const { clips } = await this.api.split(id, { id: second, at_ms });
    for (const clip of clips) this.library.apply(clip);
  }

  /** Make a new clip of several, in their order. @param {string[]} ids @param {string} id of the new one */
  async join(ids, id) {
    this.library.apply(await this.api.join({ id, ids }));
  }

  /** Into the bin. @param {string} id */
  async remove(id) {
    this.#removed.add(id);
    if (this.#local(id) && (await this.outbox.discard(id, new Date().toISOString()))) return;
    await this.changes.make(id, "delete");
  }

  /** Out of the bin. @param {string} id */
  async restore(id) {
    this.#removed.delete(id);
    if (this.#local(id) && (await this.outbox.discard(id, null))) return;
    await this.changes.make(id, "restore");
  }

  /** Try again what failed: sending, or transcribing. @param {string} id */
  async retry(id) {
    if (this.#local(id)) await this.outbox.finish(id);
    else await this.changes.make(id, "retry");
  }

  /**
   * No more will be recorded: what this device has of it, or what the server has, is all. @param {string} id
   */
  async finish(id) {
    if (this.#local(id)) await this.outbox.finish(id);
    else this.library.apply(await this.api.finish(id));
  }

  /**
   * The address of a clip's audio, in a form that this device can play, once it is there. Of a recording that is partly
   * sent, the server plays what it has: what is left here has lost its beginning, though it is all that can be saved of
   * one that was refused.
   * @param {Entry} entry @param {number} [segment] of a clip that is not joined yet
   * @param {import("../player/renditions.js").How} [how] @returns {Promise<string>}
   */
  async audio(entry, segment, how = {}) {
    const { id, clip } = entry;
    const kept = await this.#kept(entry);
    if (kept && !how.universal) return URL.createObjectURL(kept);
    const known = clip ?? this.library.get(id)?.clip;
    if (!known) throw new Problem(kept ? words.player.notSupported : words.device.audioGone);
    const sound = !segment && !how.universal && (await this.sounds?.find(known));
    if (sound) return URL.createObjectURL(sound);
    const isOriginal = !how.universal && (isUnjoined(known) || (await playsOriginal(known)));
    const source = isOriginal
      ? this.api.audio(id, segment)
      : await (await renditions()).playable(this.api, known, how);
    void this.sounds?.keep(known, source);
    return source;
  }

  /** Save the bytes that came as a file. @param {Entry} entry */
  async download(entry) {
    const link = document.createElement("a");
    const { name, mime } = entry.local ?? entry.clip ?? { name: "", mime: "" };
    const kept = await this.#kept(entry);
    link.href = kept ? URL.createObjectURL(kept) : `${this.api.audio(entry.id)}?download`;
    link.download = fileName(name, mime);
    link.click();
    // The browser reads the blob while it saves it; a minute is enough to begin.
    if (kept) setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** What this device has of a recording, unless the server has a part of it. @param {Entry} entry */
  async #kept({ id, local }) {
    return local && (!local.sent_bytes || local.state === "refused") ? this.outbox.audio(id) : null;
  }

  /** @param {string} id */
  #local(id) {
    return this.library.get(id)?.local ?? null;
  }
}

/** Whether each segment is still a sound of its own. @param {import("./types.js").Clip} clip */
export function isUnjoined({ status }) {
  return status === "recording" || status === "pending";
}
