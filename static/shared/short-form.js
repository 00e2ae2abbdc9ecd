/** The short form of a clip, as lists and events have it: no notes, no markers, and the beginning of its words. Pure. */

/** @typedef {import("./types.js").Clip} Clip */

/** Whether a clip is in its short form; an older server knows none. @param {Clip} clip */
export function isShort({ notes, excerpt }) {
  return notes === undefined && excerpt !== undefined;
}

/** A clip whose excerpt is all of its words has them. @param {Clip} clip @returns {Clip} */
export function withWords(clip) {
  const { text, excerpt, text_chars } = clip;
  if (text !== undefined || excerpt === undefined) return clip;
  return [...(excerpt ?? "")].length === (text_chars ?? 0) ? { ...clip, text: excerpt } : clip;
}
