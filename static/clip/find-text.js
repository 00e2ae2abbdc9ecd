/** Finds what a person typed in the words of one clip, and puts other words in its place. Pure. */

import { fold, spans } from "../search/folding.js";

/** @typedef {import("../shared/types.js").Span} Span */

/** What stands for itself in a pattern only with a stroke before it. */
const SPECIAL = /[.*+?^${}()|[\]\\/]/g;

/**
 * A text that is searched again and again: it is folded once, as the search folds, so that capitals, accents,
 * apostrophes and hyphens make no difference. Parts of words are found, too.
 */
export class FoundText {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    /** @type {import("../search/folding.js").Folded|null} */
    this.folded = null;
  }

  /** Where the text has it, in order. @param {string} typed @returns {Span[]} */
  find(typed) {
    const sought = fold(typed.normalize("NFC")).folded.trim();
    if (!sought) return literal(this.text, typed.trim());
    this.folded ??= fold(this.text);
    return spans(this.text, this.folded, [pattern(sought)]);
  }
}

/** Signs that fold to nothing mean themselves: `?` or `…`. @param {string} text @param {string} typed @returns {Span[]} */
function literal(text, typed) {
  if (!typed) return [];
  const all = text.matchAll(new RegExp(typed.replace(SPECIAL, "\\$&"), "gu"));
  return [...all].map(({ index }) => /** @type {Span} */ ([index, index + typed.length]));
}

/** Joints may be there or not, in what was typed and in the text: `dont` finds `don’t`. @param {string} sought */
function pattern(sought) {
  const runs = sought.split(/ +/).map((run) => Array.from(run.replaceAll("'", "")).filter(Boolean));
  const patterns = runs.filter(({ length }) => length).map((letters) => letters.map(escaped).join("'?"));
  return new RegExp(patterns.join("[ ']+"), "gu");
}

/** @param {string} letter */
function escaped(letter) {
  return letter.replace(SPECIAL, "\\$&");
}

/** The text with other words at these places. @param {string} text @param {Span[]} places in order @param {string} by */
export function replaced(text, places, by) {
  const kept = places.map(([from], i) => text.slice(places[i - 1]?.[1] ?? 0, from));
  return [...kept.flatMap((before) => [before, by]), text.slice(places.at(-1)?.[1] ?? 0)].join("");
}
