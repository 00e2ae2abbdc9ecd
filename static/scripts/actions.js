/** What a person does to a clip, wherever it is: on this device still, or on the server. */

import { Problem } from "./api.js";
import { fileName } from "./format.js";
import { words } from "./words.js";

/** @typedef {import("./types.js").Entry} Entry */

/** Somebody else changed the words that a person was editing. */
export class Conflict extends Error {}

export class Actions {
  /**
   * @param {import("./library.js").Library} library @param {import("./api.js").Api} api
   * @param {import("./outbox.js").Outbox} outbox
   */
  constructor(library, api, outbox) {
    this.library = library;
    this.api = api;
    this.outbox = outbox;
  }

  /** @param {string} id @param {string} name */
  async rename(id, name) {
    if (this.#local(id) && (await this.outbox.rename(id, name))) return;
    this.library.apply(await this.api.patch(id, { name }));
  }

  /**
   * Correct the words, if they still are what the person began with or what they want. Throws `Conflict` otherwise.
   * @param {string} id @param {string} text @param {string} base what it was when they began
   */
  async rewrite(id, text, base) {
    for (;;) {
      const clip = this.library.get(id)?.clip;
      if (!clip) return;
      if (clip.text !== base && clip.text !== text) throw new Conflict();
      try {
        return void this.library.apply(await this.api.patch(id, { text }, clip.version));
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 412) throw error;
        // Something changed; if it was not the words (a new name), the next attempt stands on the new version.
        this.library.apply(await this.api.get(id));
      }
    }
  }

  /** Say what is spoken, or have it found out: it is heard again. @param {string} id @param {string|null} code */
  async speak(id, code) {
    this.library.apply(await this.api.patch(id, { language: code }));
  }

  /**
   * Change the tags; what others did to them meanwhile stays.
   * @param {string} id @param {(tags: string[]) => string[]} change
   */
  async retag(id, change) {
    for (;;) {
      const clip = this.library.get(id)?.clip;
      if (!clip) return;
      try {
        return void this.library.apply(await this.api.patch(id, { tags: change(clip.tags) }, clip.version));
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 412) throw error;
        this.library.apply(await this.api.get(id));
      }
    }
  }

  /** Into the bin. @param {string} id */
  async remove(id) {
    if (this.#local(id) && (await this.outbox.discard(id, new Date().toISOString()))) return;
    await this.api.delete(id);
    this.library.bin(id);
  }

  /** Out of the bin. @param {string} id */
  async restore(id) {
    if (this.#local(id) && (await this.outbox.discard(id, null))) return;
    this.library.apply(await this.api.restore(id));
  }

  /** Try again what failed: sending, or transcribing. @param {string} id */
  async retry(id) {
    if (this.#local(id)) await this.outbox.finish(id);
    else this.library.apply(await this.api.transcribe(id));
  }

  /**
   * No more will be recorded: what this device has of it, or what the server has, is all. @param {string} id
   */
  async finish(id) {
    if (this.#local(id)) await this.outbox.finish(id);
    else this.library.apply(await this.api.finish(id));
  }

  /**
   * The address of a clip's audio. Of a recording that is partly sent, the server plays what it has: what is left here
   * has lost its beginning, though it is all that can be saved of one that was refused.
   * @param {Entry} entry @param {number} [segment] of a clip that is not joined yet @returns {Promise<string>}
   */
  async audio({ id, clip, local }, segment) {
    const kept = local && (!local.sent_bytes || local.state === "refused") && (await this.outbox.audio(id));
    if (kept) return URL.createObjectURL(kept);
    if (!clip && !this.library.get(id)?.clip) throw new Problem(words.device.audioGone);
    return this.api.audio(id, segment);
  }

  /** Save the audio as a file. @param {Entry} entry */
  async download(entry) {
    const link = document.createElement("a");
    const { name, mime } = entry.local ?? entry.clip ?? { name: "", mime: "" };
    link.href = await this.audio(entry);
    link.download = fileName(name, mime);
    link.click();
    // The browser reads the blob while it saves it; a minute is enough to begin.
    if (link.href.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** @param {string} id */
  #local(id) {
    return this.library.get(id)?.local ?? null;
  }
}
