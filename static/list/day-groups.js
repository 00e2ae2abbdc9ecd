/** The clips of a list in their order, with a heading before each day's. Pure. */

import { day } from "../shared/format.js";
import { newestFirst } from "../shared/library.js";
import { VirtualList } from "./virtual-list.js";

/** @typedef {import("./virtual-list.js").Item} Item */

/** What a row is taken to be high until one was measured, and a heading. */
const ROW_PX = 96;
const HEADING_PX = 52;

export class DayGroups {
  /** @type {Map<string, Item>} */
  #clips = new Map();
  /** @type {Map<string, {heading: Item|null, clips: number}>} */
  #days = new Map();
  #last = -1;
  #measured = { rows: 0, px: 0 };

  /**
   * @param {{ranked?: boolean, dated?: boolean}} [order] `ranked`: they stay in the order in which they are added;
   *   otherwise the newest comes first
   */
  constructor({ ranked = false, dated = !ranked } = {}) {
    this.ranked = ranked;
    this.dated = dated;
    this.roll = new VirtualList(ranked ? (a, b) => a.rank - b.rank : newestFirst);
  }

  /** How many clips there are. */
  get size() {
    return this.#clips.size;
  }

  /** @param {string} id */
  get(id) {
    return this.#clips.get(id);
  }

  /** @param {string} id @param {string} at @param {number} [height] as it was measured elsewhere */
  add(id, at, height) {
    if (this.#clips.has(id)) return;
    const key = this.dated ? day(at) : "";
    const known = this.#days.get(key);
    const rank = (this.#last += 2);
    if (known) known.clips += 1;
    else this.#days.set(key, { heading: this.dated ? this.#heading(key, rank - 1) : null, clips: 1 });
    const { rows, px } = this.#measured;
    const item = { id, at, rank, day: key, height: height ?? (rows ? Math.round(px / rows) : ROW_PX) };
    this.#clips.set(id, item);
    this.roll.add(item);
  }

  /** @param {string} id */
  remove(id) {
    const item = this.#clips.get(id);
    if (!item) return;
    this.#clips.delete(id);
    this.roll.remove(item);
    const known = this.#days.get(item.day);
    if (!known || --known.clips) return;
    if (known.heading) this.roll.remove(known.heading);
    this.#days.delete(item.day);
  }

  /** @param {Item} item @param {number} height */
  measure(item, height) {
    if (item.id) {
      this.#measured.rows += 1;
      this.#measured.px += height;
    }
    if (height !== item.height) this.roll.resize(item, height);
  }

  /** Which one a clip is in its day's list, from 1, and how many that has. @param {Item} item */
  numbered(item) {
    const known = this.#days.get(item.day);
    const first = known?.heading ? this.roll.place(known.heading).index : -1;
    return { number: this.roll.place(item).index - first, of: known?.clips ?? 0 };
  }

  /** The ids from one clip to another, in order, whichever comes first; all, if none are named. */
  ids(from = "", to = "") {
    const [a, b] = [this.#clips.get(from), this.#clips.get(to)];
    const [one, other] = [a ? this.roll.place(a).index : 0, b ? this.roll.place(b).index : this.roll.length];
    const items = this.roll.slice(Math.min(one, other), Math.max(one, other) + 1);
    return items.flatMap(({ id }) => (id ? [id] : []));
  }

  /** @param {string} key @param {number} rank */
  #heading(key, rank) {
    const [year, month, date] = key.split("-").map(Number);
    // Without a fraction of a second, it comes right behind whatever is of the next day.
    const at = new Date(year, month - 1, date + 1).toISOString().slice(0, 19);
    const heading = { id: "", at, rank, day: key, height: HEADING_PX };
    this.roll.add(heading);
    return heading;
  }
}
