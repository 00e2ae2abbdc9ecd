/**
 * Keys in the list: a row is one stop of Tab. Up and down go from row to row, right and left through what can be done with
 * one; Home and End go to the first and the last row that is drawn.
 */

const ROW = "[data-clip-id]";

/** @param {HTMLElement} list */
export function followArrows(list) {
  list.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const row = target instanceof HTMLElement ? target.closest(ROW) : null;
    if (!row || !(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    // In a menu, arrows have a meaning of their own.
    if (event.defaultPrevented || target.matches("select, input[type=text], input[type=search]")) return;
    const next = inRow(row, target, key) ?? otherRow(list, row, key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
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

/** @param {HTMLElement} list @param {Element} row @param {string} key */
function otherRow(list, row, key) {
  const rows = [...list.querySelectorAll(ROW)];
  const at = rows.indexOf(row);
  const number = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[key];
  return number === undefined ? null : (rows[number]?.querySelector("a") ?? null);
}
