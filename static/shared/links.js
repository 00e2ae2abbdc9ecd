/** Addresses of moments: `#clip=ID&t=61` is the second 61 of a clip. Pure. */

/** @param {string} id @param {number} [ms] */
export function link(id, ms = 0) {
  const seconds = Math.floor(ms / 1000);
  return `#clip=${encodeURIComponent(id)}${seconds > 0 ? `&t=${seconds}` : ""}`;
}

/** What an address leads to; `ms` is null if it names no moment. @param {string} hash */
export function target(hash) {
  const said = new URLSearchParams(hash.slice(1));
  const id = said.get("clip");
  if (!id) return null;
  const seconds = said.get("t");
  const isTime = seconds !== null && /^\d+(\.\d+)?$/.test(seconds);
  return { id: id.toLowerCase(), ms: isTime ? Math.round(Number(seconds) * 1000) : null };
}
