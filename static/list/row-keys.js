/**
 * Keys in the list: a row is one stop of Tab. Up and down go from row to row, right and left through what can be done with
 * one; Home and End go to the first and the last clip that is known.
 */

const ROW = "[data-clip-id]";

/** @param {import("./clip-list.js").ClipList} list */
export function followArrows(list) {
  list.days.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const row = target instanceof HTMLElement ? target.closest(ROW) : null;
    if (!row || !(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    // In a menu, arrows have a meaning of their own.
    if (event.defaultPrevented || target.matches("select, input[type=text], input[type=search]")) return;
    const next = inRow(row, target, key) ?? otherRow(list, row.getAttribute("data-clip-id") ?? "", key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    // As little as is needed: a row that is in sight stays where it is.
    next.focus({ preventScroll: true });
    next.closest(ROW)?.scrollIntoView({ block: "nearest", behavior: "instant" });
  });
}

/** @param {Element} row @param {HTMLElement} focused @param {string} key */
function inRow(row, focused, key) {
  const isTurned = getComputedStyle(row).direction === "rtl";
  const [forth, back] = isTurned ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
  if (key !== forth && key !== back) return null;
  const all = [...row.querySelectorAll("a, button, input")].filter((one) => one instanceof HTMLElement && one.getClientRects().length);
  const at = all.indexOf(focused) + (key === forth ? 1 : -1);
  return /** @type {HTMLElement|undefined} */ (all[Math.max(0, Math.min(at, all.length - 1))]) ?? null;
}

/** @param {import("./clip-list.js").ClipList} list @param {string} id @param {string} key */
function otherRow(list, id, key) {
  const by = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[key];
  const next = by === undefined ? null : list.beside(id, by);
  return (next && list.reveal(next)?.parts.title) || null;
}
