/** What somebody looks for: words, filters and an order, as they stand in the address and as the server is asked. Pure. */

/** @typedef {import("../shared/types.js").Wish} Wish */
/** @typedef {import("../shared/types.js").Status} Status */

/**
 * `days` counts back from today, which is 1; `from` and `to` are local days, both included; the others are keys of the
 * lists below. What is empty is not asked for.
 * @typedef {{
 *   q: string, starred: string, days: string, from: string, to: string, length: string, state: string, tag: string[],
 *   sort: string
 * }} Query
 */

/** @type {Readonly<Query>} */
export const NOTHING = { q: "", starred: "", days: "", from: "", to: "", length: "", state: "", tag: [], sort: "" };

export const DAYS = ["1", "7", "30"];

const MINUTE_MS = 60_000;

/** From so many minutes up to so many. @type {Record<string, [number, number]>} */
export const LENGTHS = { short: [0, 1], medium: [1, 10], long: [10, 60], hours: [60, 0] };

/** @type {Record<string, Status[]>} */
export const STATES = {
  done: ["done"],
  doing: ["recording", "pending", "transcribing"],
  failed: ["failed"],
  off: ["off"],
};

/** @type {Exclude<Wish["sort"], undefined>[]} */
export const SORTS = ["best", "newest", "oldest", "longest", "shortest", "name"];

/** Whether anything is asked for but the list as it is. @param {Query} query */
export function isAsked(query) {
  return write(query) !== "";
}

/** The order in which the answer comes. @param {Query} query */
export function order({ q, sort }) {
  const usual = q.trim() ? "best" : "newest";
  return SORTS.find((known) => known === sort && (known !== "best" || q.trim())) ?? usual;
}

/** The query of an address; what it cannot mean is left out. @param {string} hash @returns {Query} */
export function read(hash) {
  const said = new URLSearchParams(hash.slice(1));
  const one = (/** @type {string} */ name, /** @type {string[]} */ among) =>
    among.find((known) => known === said.get(name)) ?? "";
  const date = (/** @type {string} */ name) => (instant(said.get(name) ?? "") ? (said.get(name) ?? "") : "");
  return {
    q: said.get("q") ?? "",
    starred: one("starred", ["true"]),
    days: one("days", DAYS),
    from: date("from"),
    to: date("to"),
    length: one("length", Object.keys(LENGTHS)),
    state: one("state", Object.keys(STATES)),
    tag: [...new Set(said.getAll("tag"))].filter(Boolean),
    sort: one("sort", SORTS),
  };
}

/** The address of a query; empty: nothing is asked for. @param {Query} query */
export function write(query) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one.trim()) said.append(name, one);
  }
  if (order(query) === order({ ...query, sort: "" })) said.delete("sort");
  return said.size ? `#${said}` : "";
}

/** What the server is asked. @param {Query} query @param {Date} [now] @returns {Wish} */
export function wish(query, now = new Date()) {
  const { q, starred, days, tag, length, state } = query;
  const [least, most] = LENGTHS[length] ?? [0, 0];
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate()];
  const from = days ? new Date(year, month, date + 1 - Number(days)) : instant(query.from);
  const to = days ? null : instant(query.to, 1);
  return {
    ...(q.trim() && { q: q.trim() }),
    ...(starred && { starred: true }),
    ...(from && { from: from.toISOString() }),
    ...(to && { to: to.toISOString() }),
    ...(least && { shortest_ms: least * MINUTE_MS }),
    // Both ends belong to it: a minute is no longer short.
    ...(most && { longest_ms: most * MINUTE_MS - 1 }),
    ...(state && { status: STATES[state] }),
    ...(tag.length && { tag }),
    sort: order(query),
  };
}

/** The beginning of a local day, or of one after it. @param {string} key @param {number} [after] */
function instant(key, after = 0) {
  const [year, month, date] = /^\d{4}-\d\d-\d\d$/.test(key) ? key.split("-").map(Number) : [0, 0, 0];
  const at = new Date(year, month - 1, date + after);
  return year && !Number.isNaN(at.getTime()) ? at : null;
}
