/** Finds clips among those that the page knows, while nobody can be asked who knows all of them. Pure. */

import { fold, phrases, spans } from "./folding.js";
import { gone } from "../shared/library.js";

/** @typedef {import("../shared/types.js").Entry} Entry */
/** @typedef {import("../shared/types.js").Wish} Wish */
/** @typedef {import("../shared/types.js").Found} Found */
/** @typedef {import("../shared/types.js").Span} Span */

/** Excerpts of a clip, and the characters before and behind what was found, as the server has them. */
const PASSAGES = 3;
const BEFORE = 60;
const AFTER = 140;

/** How orders compare, where they are not the newest first. @type {Record<string, (a: Entry, b: Entry) => number>} */
const ORDERS = {
  oldest: (a, b) => (a.at < b.at ? -1 : 1),
  longest: (a, b) => length(b, -1) - length(a, -1),
  shortest: (a, b) => length(a, Infinity) - length(b, Infinity) || 0,
  name: (a, b) => about(a).name.localeCompare(about(b).name, undefined, { numeric: true }),
};

/**
 * @param {Entry[]} entries the newest first @param {Wish} wish
 * @returns {{ids: string[], found: Record<string, Found>}} those that have all that is wished for, in its order
 */
export function among(entries, wish) {
  const sought = phrases(wish.q ?? "");
  /** @type {Record<string, Found>} */
  const found = {};
  const kept = entries.filter((entry) => {
    if (gone(entry) || !fits(entry, wish)) return false;
    if (!wish.q) return true;
    const [name, text] = [about(entry).name, entry.clip?.text ?? ""].map((words) => words.normalize("NFC"));
    const tags = (entry.clip?.tags ?? []).join(" ").normalize("NFC");
    const [inName, inText, inTags] = [name, text, tags].map(folded);
    const isMatch = (/** @type {RegExp} */ phrase) =>
      [inName, inText, inTags].some((words) => words.folded.search(phrase) >= 0);
    if (!sought.length || !sought.every(isMatch)) return false;
    found[entry.id] = { name: spans(name, inName, sought), passages: passages(text, spans(text, inText, sought)) };
    return true;
  });
  if (wish.sort === "best") kept.sort((a, b) => found[b.id].name.length - found[a.id].name.length);
  else if (wish.sort && ORDERS[wish.sort]) kept.sort(ORDERS[wish.sort]);
  return { ids: kept.map(({ id }) => id), found };
}

/** @param {Entry} entry @param {Wish} wish */
function fits(entry, { starred, from, to, shortest_ms, longest_ms, status, tag }) {
  const at = Date.parse(entry.at);
  const tags = (entry.clip?.tags ?? []).map((name) => name.toLowerCase());
  return (
    (!starred || Boolean(entry.clip?.starred)) &&
    (!from || at >= Date.parse(from)) &&
    (!to || at < Date.parse(to)) &&
    (!shortest_ms || length(entry, -1) >= shortest_ms) &&
    (!longest_ms || length(entry, Infinity) <= longest_ms) &&
    (!status || status.includes(entry.clip?.status ?? "pending")) &&
    (tag ?? []).every((name) => tags.includes(name.toLowerCase()))
  );
}

/** @param {Entry} entry */
function about({ local, clip }) {
  return /** @type {{name: string, duration_ms: number|null}} */ (local ?? clip);
}

/** @param {Entry} entry @param {number} unknown */
function length(entry, unknown) {
  return about(entry).duration_ms ?? unknown;
}

/** Texts that were folded, for the next letter that somebody types. @type {Map<string, import("./folding.js").Folded>} */
const texts = new Map();

/** Texts that are kept: those of the clips that the page knows. */
const KEPT_TEXTS = 3_000;

/** @param {string} text */
function folded(text) {
  let words = texts.get(text);
  if (!words) {
    if (texts.size >= KEPT_TEXTS) texts.clear();
    texts.set(text, (words = fold(text)));
  }
  return words;
}

/** @param {string} text @param {Span[]} marks @returns {Found["passages"]} */
function passages(text, marks) {
  const made = [];
  let end = 0;
  for (const [first] of marks) {
    if (first < end || made.length === PASSAGES) continue;
    const start = Math.max(end, first - BEFORE);
    end = first + AFTER;
    const inside = marks.filter(([from, to]) => from >= first && to <= end);
    const shifted = inside.map(([from, to]) => /** @type {Span} */ ([from - start, to - start]));
    made.push({ text: text.slice(start, end), marks: shifted, at_ms: null });
  }
  return made;
}
