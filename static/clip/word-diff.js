/** Compares two texts word by word. Pure; bounded in time for any two texts of an hour and more. */

/** @typedef {{kind: "same"|"gone"|"new", text: string}} Piece what both have, or only the first, or only the second */

/** A word with the space behind it; of scripts without spaces, each sign. */
const WORD =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]\s*|[^\s\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+\s*|\s+/gu;

/** Cells of the table that compares each word of a stretch with each of another; larger ones are replaced as a whole. */
const MAX_CELLS = 250_000;

/** @param {string} before @param {string} after @returns {Piece[]} */
export function compare(before, after) {
  const [a, b] = [before, after].map((text) => text.match(WORD) ?? []);
  const diff = new Diff(numbered(a, b));
  diff.between([0, a.length], [0, b.length]);
  return joined(diff.steps.map(([kind, at]) => ({ kind, text: (kind === "gone" ? a : b)[at] })));
}

/** Equal words have equal numbers, whatever space is behind them. @param {string[]} a @param {string[]} b */
function numbered(a, b) {
  /** @type {Map<string, number>} */
  const known = new Map();
  const number = (/** @type {string} */ word) => {
    const key = word.trimEnd();
    if (!known.has(key)) known.set(key, known.size);
    return /** @type {number} */ (known.get(key));
  };
  return [a.map(number), b.map(number)];
}

/** Pieces of one kind in a row are one. @param {Piece[]} pieces */
function joined(pieces) {
  /** @type {{kind: Piece["kind"], texts: string[]}[]} */
  const runs = [];
  for (const { kind, text } of pieces) {
    if (runs.at(-1)?.kind !== kind) runs.push({ kind, texts: [] });
    runs.at(-1)?.texts.push(text);
  }
  return runs.map(({ kind, texts }) => ({ kind, text: texts.join("") }));
}

/** @typedef {[number, number]} Range from its first word to before its last */

class Diff {
  /** What is done, in order, with the word of the first text (`gone`) or of the second. @type {[Piece["kind"], number][]} */
  steps = [];

  /** @param {number[][]} texts */
  constructor([a, b]) {
    this.a = a;
    this.b = b;
  }

  /** @param {Range} a @param {Range} b */
  between([aFrom, aTo], [bFrom, bTo]) {
    for (; aFrom < aTo && bFrom < bTo && this.a[aFrom] === this.b[bFrom]; aFrom += 1, bFrom += 1) this.steps.push(["same", bFrom]);
    let tail = 0;
    while (aFrom < aTo - tail && bFrom < bTo - tail && this.a[aTo - tail - 1] === this.b[bTo - tail - 1]) tail += 1;
    this.#middle([aFrom, aTo - tail], [bFrom, bTo - tail]);
    for (let at = bTo - tail; at < bTo; at += 1) this.steps.push(["same", at]);
  }

  /** Neither begins nor ends alike. @param {Range} a @param {Range} b */
  #middle([aFrom, aTo], [bFrom, bTo]) {
    const anchors = aFrom < aTo && bFrom < bTo ? this.#anchors([aFrom, aTo], [bFrom, bTo]) : [];
    if (!anchors.length) return this.#table([aFrom, aTo], [bFrom, bTo]);
    for (const [aAt, bAt] of anchors) {
      // The words beside an anchor may belong to the stretch of one before.
      if (aAt < aFrom || bAt < bFrom) continue;
      this.between([aFrom, aAt + 1], [bFrom, bAt + 1]);
      [aFrom, bFrom] = [aAt + 1, bAt + 1];
    }
    this.between([aFrom, aTo], [bFrom, bTo]);
  }

  /** Words that are once in each, as many as are in the same order ("patience diff"). @param {Range} a @param {Range} b */
  #anchors(a, b) {
    const there = once(this.b, b);
    const pairs = [...once(this.a, a)].flatMap(([word, at]) => (there.has(word) ? [[at, there.get(word) ?? 0]] : []));
    return longestRise(pairs.sort((one, other) => one[0] - other[0]));
  }

  /** The longest common words of two short stretches, by a table. @param {Range} a @param {Range} b */
  #table([aFrom, aTo], [bFrom, bTo]) {
    const [rows, columns] = [aTo - aFrom, bTo - bFrom];
    const isShort = rows * columns <= MAX_CELLS;
    const length = new Uint16Array(isShort ? (rows + 1) * (columns + 1) : 0);
    const at = (/** @type {number} */ i, /** @type {number} */ j) => i * (columns + 1) + j;
    for (let i = isShort ? rows - 1 : -1; i >= 0; i -= 1) {
      for (let j = columns - 1; j >= 0; j -= 1) {
        const isSame = this.a[aFrom + i] === this.b[bFrom + j];
        length[at(i, j)] = isSame ? length[at(i + 1, j + 1)] + 1 : Math.max(length[at(i + 1, j)], length[at(i, j + 1)]);
      }
    }
    let [i, j] = [0, 0];
    while (isShort && i < rows && j < columns) {
      if (this.a[aFrom + i] === this.b[bFrom + j]) this.steps.push(["same", bFrom + (i += 1, j++)]);
      else if (length[at(i + 1, j)] >= length[at(i, j + 1)]) this.steps.push(["gone", aFrom + i++]);
      else this.steps.push(["new", bFrom + j++]);
    }
    for (; i < rows; i += 1) this.steps.push(["gone", aFrom + i]);
    for (; j < columns; j += 1) this.steps.push(["new", bFrom + j]);
  }
}

/** Words that are once in a stretch, and where. @param {number[]} text @param {Range} range */
function once(text, [from, to]) {
  /** @type {Map<number, number>} */
  const places = new Map();
  for (let at = from; at < to; at += 1) places.set(text[at], places.has(text[at]) ? -1 : at);
  for (const [word, at] of places) if (at < 0) places.delete(word);
  return places;
}

/** The longest row of pairs whose second numbers rise. @param {number[][]} pairs whose first numbers do */
function longestRise(pairs) {
  /** The pair that ends the best row of each length. @type {number[]} */
  const ends = [];
  /** @type {number[]} */
  const before = [];
  pairs.forEach(([, second], index) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]][1] < second) low = middle + 1;
      else high = middle;
    }
    before[index] = ends[low - 1] ?? -1;
    ends[low] = index;
  });
  const row = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]) row.push(pairs[at]);
  return row.reverse();
}
