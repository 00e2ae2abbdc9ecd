/** What a person did to a recording that its server does not know yet: the next thing to tell, one at a time. Pure. */

/** @typedef {import("../shared/types.js").Kept} Kept */
/** @typedef {import("../shared/types.js").Told} Told */
/** @typedef {import("../shared/types.js").Marker} Marker */
/**
 * `patch` changes the clip, `deleted` moves it into the bin or out of it; `told` is what the server knows after that.
 * `isNote`: what was typed exists nowhere else.
 * @typedef {{patch: Partial<{name: string, name_origin: string, notes: string, markers: {set: Marker[], remove: string[]}}>|null,
 *   deleted: boolean, told: Told, isNote: boolean}} Step
 */

/** The next thing to tell; null: the server knows all. @param {Kept} row @returns {Step|null} */
export function untold({ told, name, name_origin, deleted_at, notes = "", markers = [] }) {
  const known = told ?? { name, deleted: false };
  const deleted = deleted_at !== null;
  // A person may type the very name that it has by default: then it is theirs.
  if (known.name !== name || known.name_origin !== name_origin) {
    const patch = { name, ...(name_origin && { name_origin }) };
    return { patch, deleted, told: { ...known, name, name_origin }, isNote: false };
  }
  // What is in the bin takes no notes: they are told before, and after it is taken back.
  if (!known.deleted && (known.notes ?? "") !== notes) {
    return { patch: { notes }, deleted, told: { ...known, notes }, isNote: true };
  }
  const change = markersChange(known.markers ?? [], markers);
  if (!known.deleted && change) return { patch: { markers: change }, deleted, told: { ...known, markers }, isNote: true };
  return known.deleted === deleted ? null : { patch: null, deleted, told: { ...known, deleted }, isNote: false };
}

/** Markers that are new or other than before, and those that are gone; null: there are none. @param {Marker[]} before @param {Marker[]} now */
function markersChange(before, now) {
  const same = (/** @type {Marker} */ a, /** @type {Marker} */ b) => a.id === b.id && a.at_ms === b.at_ms && a.text === b.text;
  const set = now.filter((marker) => !before.some((known) => same(known, marker)));
  const remove = before.filter(({ id }) => !now.some((marker) => marker.id === id)).map(({ id }) => id);
  return set.length || remove.length ? { set, remove } : null;
}
