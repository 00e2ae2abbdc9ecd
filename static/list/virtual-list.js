/**
 * What a long list is made of: things in order, each with a height, of which only those near the window are drawn.
 *
 * They lie in blocks that know their own height, so that finding, adding and measuring one costs about as much in a
 * hundred thousand as in a hundred. Pure.
 */

/** Things of one block: with 100,000 of them, blocks and a block's things are a few hundred each. */
const MOST = 256;

/**
 * A clip, or the heading of a day, whose `id` is empty. `rank` orders what a server has ordered, `at` what we order.
 * @typedef {{id: string, at: string, rank: number, day: string, height: number}} Item
 * @typedef {{items: Item[], height: number}} Block
 */

export class VirtualList {
  /** @type {Block[]} */
  #blocks = [];
  height = 0;
  length = 0;

  /** @param {(a: Item, b: Item) => number} compare never 0 for two things */
  constructor(compare) {
    this.compare = compare;
  }

  /** @param {Item} item */
  add(item) {
    const at = this.#find(item);
    const block = this.#blocks[at.block] ?? (this.#blocks[0] = { items: [], height: 0 });
    block.items.splice(at.index, 0, item);
    this.#grow(block, item.height);
    this.length += 1;
    if (block.items.length <= MOST) return;
    const items = block.items.splice(MOST / 2);
    const height = items.reduce((sum, { height }) => sum + height, 0);
    block.height -= height;
    this.#blocks.splice(at.block + 1, 0, { items, height });
  }

  /** @param {Item} item */
  remove(item) {
    const { block: number, index } = this.#find(item);
    const block = this.#blocks[number];
    block.items.splice(index, 1);
    this.#grow(block, -item.height);
    this.length -= 1;
    if (!block.items.length) this.#blocks.splice(number, 1);
  }

  /** It was measured. @param {Item} item @param {number} height */
  resize(item, height) {
    this.#grow(this.#blocks[this.#find(item).block], height - item.height);
    item.height = height;
  }

  /** How many things come before, and how far down it begins. @param {Item} item */
  place(item) {
    const at = this.#find(item);
    let [index, top] = [at.index, 0];
    for (const { items, height } of this.#blocks.slice(0, at.block)) {
      index += items.length;
      top += height;
    }
    for (const before of this.#blocks[at.block].items.slice(0, at.index)) top += before.height;
    return { index, top };
  }

  /**
   * What lies, at least in part, between two places, with where each begins.
   * @param {number} from_px @param {number} to_px @returns {{item: Item, top: number}[]}
   */
  between(from_px, to_px) {
    const found = [];
    let top = 0;
    for (const { items, height } of this.#blocks) {
      if (top > to_px) break;
      if (top + height < from_px) top += height;
      else {
        for (const item of items) {
          if (top <= to_px && top + item.height >= from_px) found.push({ item, top });
          top += item.height;
        }
      }
    }
    return found;
  }

  get last() {
    return this.#blocks.at(-1)?.items.at(-1);
  }

  /** The things from one number up to another. @param {number} [from] @param {number} [to] @returns {Item[]} */
  slice(from = 0, to = this.length) {
    const found = [];
    for (const { items } of this.#blocks) {
      if (from < items.length && to > 0) found.push(...items.slice(Math.max(0, from), Math.max(0, to)));
      from -= items.length;
      to -= items.length;
    }
    return found;
  }

  /** @param {Block} block @param {number} by */
  #grow(block, by) {
    block.height += by;
    this.height += by;
  }

  /** Where a thing is, or would be. @param {Item} item */
  #find(item) {
    const isUpTo = (/** @type {Block} */ { items }) => items[0] === item || this.compare(items[0], item) < 0;
    const block = Math.max(0, bisect(this.#blocks, isUpTo) - 1);
    const items = this.#blocks[block]?.items ?? [];
    return { block, index: bisect(items, (other) => other !== item && this.compare(other, item) < 0) };
  }
}

/** How many at the start of a list hold. @template T @param {T[]} list @param {(one: T) => boolean} holds */
function bisect(list, holds) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
