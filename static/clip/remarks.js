/** What a person should know about a clip's sound although its words are there. Pure. */

import { clock } from "../shared/format.js";
import { locale, words } from "../shared/words.js";

/** Read anew each time: the language of the page may change. @param {string[]} all */
const listed = (all) => new Intl.ListFormat(locale).format(all);

/** @typedef {import("../shared/types.js").Remark} Remark */
/** @typedef {{words: string, from_ms: number|null, to_ms: number}} Told a sentence, and the stretch that it is about */

/** More stretches than these are counted, not told. */
const MAX_STRETCHES = 6;

/** A sentence for each remark; those of kinds that are not known here have none. @param {Remark[]} remarks @returns {Told[]} */
export function told(remarks) {
  const stretches = remarks.filter(hasPlace);
  const sentences = remarks.filter((remark) => !hasPlace(remark)).map(about);
  const more = stretches.length - MAX_STRETCHES;
  return [
    ...sentences.filter(Boolean).map((sentence) => ({ words: sentence, from_ms: null, to_ms: 0 })),
    ...stretches.slice(0, MAX_STRETCHES).map(stretch),
    ...(more > 0 ? [{ words: words.remarks.more(more), from_ms: null, to_ms: 0 }] : []),
  ];
}

/** The tracks that a person can choose between, in order. @param {Remark[]} remarks */
export function choices(remarks) {
  const { heard, silent, left_out } = remarks.find(({ kind }) => kind === "tracks") ?? {};
  const tracks = [...(heard ?? []), ...(silent ?? []), ...(left_out ?? [])].sort((a, b) => a - b);
  return tracks.length > 1 ? tracks : [];
}

/** Whether somebody speaks, though no words say so. @param {Remark[]} remarks @param {import("./word-timings.js").Pause} pause */
export function isSpoken(remarks, { start_ms, end_ms }) {
  return remarks.filter(hasPlace).map(stretch).some(({ from_ms, to_ms }) => (from_ms ?? 0) < end_ms && to_ms > start_ms);
}

/** Where speech was not understood, each from 0 to 1. @param {Remark[]} remarks @param {number} whole_ms */
export function places(remarks, whole_ms) {
  if (!whole_ms) return [];
  return remarks.filter(hasPlace).map((remark) => {
    const { words: title, from_ms, to_ms } = stretch(remark);
    return { title, from: Math.min(1, (from_ms ?? 0) / whole_ms), to: Math.min(1, to_ms / whole_ms) };
  });
}

/** @param {Remark} remark @returns {Told} */
function stretch({ at_ms, length_ms }) {
  const from_ms = at_ms ?? 0;
  const to_ms = from_ms + (length_ms ?? 0);
  return { words: words.remarks.notUnderstood(clock(from_ms), clock(to_ms)), from_ms, to_ms };
}

/** @param {Remark} remark */
function about({ kind, heard, silent, left_out }) {
  if (kind === "quiet") return words.remarks.quiet;
  if (kind === "opposite-phase") return words.remarks.oppositePhase;
  return kind === "tracks" ? tracks(heard ?? [], silent ?? [], left_out ?? []) : "";
}

/** @param {number[]} heard @param {number[]} silent @param {number[]} leftOut */
function tracks(heard, silent, leftOut) {
  const count = heard.length + silent.length + leftOut.length;
  // The others are no sound that can be decoded, and nobody has a choice.
  if (count < 2) return "";
  const says = [
    heard.length ? words.remarks.heard(heard.length, listed(heard.map(String))) : "",
    silent.length ? words.remarks.silent(silent.length, listed(silent.map(String))) : "",
    leftOut.length ? words.remarks.leftOut(leftOut.length, listed(leftOut.map(String))) : "",
  ];
  return words.remarks.tracks(count, says.filter(Boolean).join(", "));
}

/** @param {Remark} remark */
function hasPlace({ kind, at_ms }) {
  return kind === "not-understood" && Number.isFinite(at_ms);
}
