/** What an open clip says of its sound: calm sentences above its words, and bands on its sound where words are missing. */

import { clock } from "../shared/format.js";
import { places, told } from "./remarks.js";
import { words } from "../shared/words.js";
import { part } from "../shared/element.js";

/** A player stands a little beside the moment that it was sent to, and tells of its way with each frame that is drawn. */
const NEAR_MS = 1_000;

export class Remarks {
  #shown = "";
  /** The stretch that somebody listens to. @type {{from_ms: number, to_ms: number}|null} */
  #listened = null;

  /** @param {HTMLElement} row @param {import("../player/player.js").Player} player */
  constructor(row, player) {
    this.player = player;
    this.list = document.createElement("ul");
    this.list.className = "remarks";
    this.bands = document.createElement("div");
    this.bands.className = "bands";
    this.bands.ariaHidden = "true";
    part(row, "heard", HTMLElement).before(this.list);
    part(row, "marks", HTMLElement).after(this.bands);
  }

  /** @param {import("../shared/types.js").Clip|null} clip */
  show(clip) {
    const remarks = clip?.remarks ?? [];
    const shown = JSON.stringify([remarks, clip?.duration_ms]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.list.replaceChildren(...told(remarks).map((each) => this.#sentence(each)));
    this.list.hidden = !this.list.childElementCount;
    this.bands.replaceChildren(
      ...places(remarks, clip?.duration_ms ?? 0).map(({ title, from, to }) => {
        const band = document.createElement("i");
        band.style.left = `${100 * from}%`;
        band.style.width = `${100 * (to - from)}%`;
        band.title = title;
        return band;
      }),
    );
  }

  /** Stop at the end of the stretch; who goes elsewhere meanwhile listens on. @param {number} at_ms */
  moved(at_ms) {
    if (!this.#listened) return;
    const { from_ms, to_ms } = this.#listened;
    if (at_ms >= from_ms - NEAR_MS && at_ms < to_ms) return;
    this.#listened = null;
    if (at_ms >= to_ms && at_ms < to_ms + NEAR_MS) this.player.pause();
  }

  /** @param {import("./remarks.js").Told} told */
  #sentence({ words: sentence, from_ms, to_ms }) {
    const item = document.createElement("li");
    item.append(sentence);
    if (from_ms !== null) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words.remarks.listen;
      button.title = words.player.playFrom(clock(from_ms));
      button.addEventListener("click", () => {
        this.#listened = { from_ms, to_ms };
        void this.player.playFrom(from_ms);
      });
      item.append(" ", button);
    }
    return item;
  }
}
