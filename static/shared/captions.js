/** The words of a recording that still goes on, as far as this page was told. Pure. */

/** @typedef {import("./types.js").Captions} Captions */

/**
 * Take what was told anew. Each telling has the end of the settled words alone; one that was missed leaves a hole, and
 * then the words begin with the newest.
 * @param {Captions|undefined} known @param {import("./types.js").Caption} told @returns {Captions}
 */
export function caption(known, { from, committed, tentative }) {
  // By characters, as the server counts them, and not by halves of surrogate pairs.
  const settled = [...(known?.settled ?? "")];
  const missing = known?.missing ?? 0;
  const isNext = known !== undefined && from >= missing && from <= missing + settled.length;
  if (!isNext) return { missing: from, settled: committed, tentative };
  return { missing, settled: settled.slice(0, from - missing).join("") + committed, tentative };
}
