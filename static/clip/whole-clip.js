/**
 * All of a clip: its outline, its words with their times, and what can be done with both. It comes when somebody first
 * opens or plays a clip; what it needs of the server is fetched then, and kept.
 */

import { day, dayTitle } from "../shared/format.js";
import { words } from "../shared/words.js";
import { introduce, report } from "../player/lock-screen.js";
import { isSpoken } from "./remarks.js";
import { behind, pauses, Timing } from "./word-timings.js";
import { part } from "../shared/element.js";
import { Preparing } from "../player/preparing.js";
import { Remarks } from "./remarks-view.js";
import { Tools } from "./tools.js";
import { Transcript } from "./transcript.js";
import { Waveform } from "../player/waveform.js";

/** @typedef {import("../shared/types.js").Clip} Clip */

/** Not measured yet, and of which nobody has heard all. @type {Set<Clip["status"]>} */
const EARLY = new Set(["recording", "pending"]);

export class WholeClip {
  /** @type {number[]} */
  #peaks = [];
  /** Which track they are of. @type {number|null} */
  #track = null;
  /** The version that has no outline. */
  #unmeasured = 0;
  /** Of the text that it holds, which may be an older one. @type {Timing|null} */
  timing = null;
  #text = "";
  /** @type {import("./word-timings.js").Pause[]} */
  #pauses = [];

  /** @param {import("../list/clip-row.js").ClipRow} row */
  constructor(row) {
    this.row = row;
    const { player, element, id } = row;
    this.waveform = new Waveform(part(element, "track", HTMLElement), (ms) => player.seek(ms));
    this.remarks = new Remarks(element, player);
    this.transcript = new Transcript(element, id, {
      save: (text, base) => row.saving(row.actions.rewrite(id, text, base)),
      failed: (error) => row.unsaved(error, this.transcript.editable),
      edits: (editing) => this.tools.edits(editing),
      seek: (ms) => player.seek(ms),
      play: (ms) => player.playFrom(ms),
    });
    this.preparing = new Preparing(part(element, "bar", HTMLElement), row.list.announce);
    this.tools = new Tools(element, id, {
      at_ms: () => player.at_ms,
      edit: () => this.transcript.toggle(),
      announce: row.list.announce,
      actions: row.actions,
      failed: (error) => row.note.say(error instanceof Error ? error.message : String(error)),
    });
  }

  /** Show what the clip says now, and fetch what there is of it and is not here yet. @param {Clip|null} clip */
  async show(clip) {
    const text = clip?.text ?? "";
    this.remarks.show(clip);
    this.transcript.show(text);
    this.transcript.field.lang = clip?.language ?? "";
    // Where nothing was heard, a person may have words for it.
    this.transcript.writable = Boolean(text) || clip?.status === "done";
    this.tools.show(clip);
    this.tools.edit.hidden = !this.transcript.writable && !this.transcript.editing;
    if (!clip || EARLY.has(clip.status)) return;
    await Promise.all([this.#outline(clip), this.#words(text)]);
    const quiet = pauses(this.timing, this.#peaks, clip.duration_ms ?? 0);
    this.#pauses = quiet.filter((pause) => !isSpoken(clip.remarks ?? [], pause));
    this.moved(this.row.player.at_ms, this.row.player.whole_ms);
  }

  /** @param {boolean} open */
  unfold(open) {
    this.transcript.unfold(open);
    this.moved(this.row.player.at_ms, this.row.player.whole_ms);
  }

  /** @param {number} at_ms @param {number} whole_ms */
  moved(at_ms, whole_ms) {
    this.waveform.move(at_ms, whole_ms);
    this.remarks.moved(at_ms);
    this.transcript.follow(at_ms, this.row.player.playing);
  }

  /** The sound has to be made first, or is there. @param {boolean} waits */
  waits(waits) {
    part(this.row.element, "bar", HTMLElement).hidden = !waits && !this.row.open && !this.row.player.playing;
    this.preparing.show(waits ? words.player.preparing : "");
  }

  /** Where to go on from a pause; null: there is none. @param {number} ms */
  skip(ms) {
    return behind(this.#pauses, ms);
  }

  /** Tell the lock screen what plays. */
  introduce() {
    const name = part(this.row.element, "name", HTMLInputElement).value;
    introduce({ name, at: dayTitle(day(this.row.at)) }, this.row.player);
    this.report();
  }

  /** Tell the lock screen how far it is. */
  report() {
    report(this.row.player);
  }

  close() {
    this.waveform.close();
    this.transcript.close();
    this.tools.close();
  }

  /** @param {Clip} clip */
  async #outline({ id, version, track_set: track = null }) {
    if ((this.#peaks.length && this.#track === track) || this.#unmeasured === version) return;
    this.#unmeasured = version;
    try {
      this.#peaks = (await this.row.actions.api.waveform(id)).peaks;
      this.#track = track;
      this.waveform.show(this.#peaks);
    } catch {
      // The plain line stays; it may be measured in the next version.
    }
  }

  /** @param {string} text */
  async #words(text) {
    if (text === this.#text) return;
    this.#text = text;
    try {
      const known = text ? await this.row.actions.api.words(this.row.id) : { text, words: [] };
      // Changed on its way: the clip with that text comes, too.
      if (known.text !== this.#text) return void (this.#text = "");
      this.timing = new Timing(text, known.words);
      this.transcript.know(this.timing);
    } catch {
      this.#text = "";
    }
  }
}
