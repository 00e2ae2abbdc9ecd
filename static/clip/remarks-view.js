/** What a clip says of its sound: calm sentences above its words. */

import { clock } from "../shared/format.js";
import { told } from "./remarks.js";
import { words } from "../shared/words.js";

/** A player stands a little beside the moment that it was sent to, and tells of its way with each frame that is drawn. */
const NEAR_MS = 1_000;

export class Remarks {
  #shown = "";
  /** The stretch that somebody listens to. @type {{from_ms: number, to_ms: number}|null} */
  #listened = null;

  /**
   * @param {HTMLElement} list @param {{playFrom: (ms: number) => unknown, pause: () => unknown}} player
   */
  constructor(list, player) {
    this.list = list;
    this.player = player;
  }

  /** @param {import("../shared/types.js").Clip|null} clip */
  show(clip) {
    const remarks = clip?.remarks ?? [];
    const shown = JSON.stringify(remarks);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.list.replaceChildren(...told(remarks).map((each) => this.#sentence(each)));
    this.list.hidden = !this.list.childElementCount;
  }

  /** What depends on the language of the page. */
  speak() {
    this.#shown = "";
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
