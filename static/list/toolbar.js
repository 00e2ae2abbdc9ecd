/** What stands above the list: search, filters, selection. Their parts come when somebody first reaches out for them. */

import { late } from "../shared/late.js";
import { recall } from "../shared/preferences.js";
import { language, words } from "../shared/words.js";
import { part } from "../shared/element.js";
import { styled } from "../shared/style-sheets.js";

const search = late(() => import("../search/finding.js"));
const selectionBar = late(() => import("./selection-bar.js"));

/** Where one types, a key is a letter. */
const TYPED = "input, select, textarea, [contenteditable]";

/**
 * @param {HTMLElement} element @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
 *   feed: import("../shared/feed.js").Feed, list: import("./clip-list.js").ClipList,
 *   actions: import("../shared/actions.js").Actions, announce: (words: string) => void}} page
 */
export function toolbar(element, page) {
  const find = part(element, "find", HTMLInputElement);
  const speak = () => (find.placeholder = words.page.search);
  language.addEventListener("change", speak);
  speak();
  /** @type {import("../search/finding.js").Finding|undefined} */
  let finding;
  const finds = async () => {
    const [{ Finding }] = await Promise.all([search(), styled("search/finding")]);
    return (finding ??= new Finding(element, page));
  };
  /** @type {import("./selection-bar.js").SelectionBar|undefined} */
  let choosing;
  const chooses = async () => {
    const [{ SelectionBar }] = await Promise.all([selectionBar(), styled("search/finding")]);
    return (choosing ??= new SelectionBar(element, page));
  };

  for (const type of ["focus", "input"]) find.addEventListener(type, () => void (finding ?? finds()));
  part(element, "filter", HTMLElement).addEventListener("click", async () => (await finds()).toggle());
  part(element, "select", HTMLElement).addEventListener("click", async () => (await chooses()).toggle());
  element.addEventListener("tag", async (event) => (await finds()).tagged(/** @type {CustomEvent} */ (event).detail));
  element.addEventListener("click", async ({ target, shiftKey }) => {
    if (!(target instanceof HTMLInputElement && target.dataset.part === "pick")) return;
    const { checked } = target;
    (await chooses()).pick(idOf(target), checked, shiftKey);
  });
  document.addEventListener("keydown", (event) => {
    const isTyped = event.target instanceof Element && event.target.matches(TYPED);
    if (event.key !== "/" || isTyped || event.ctrlKey || event.metaKey || !find.getClientRects().length) return;
    if (!recall("keys", true)) return;
    event.preventDefault();
    find.focus();
    find.select();
  });
  const follow = async () => {
    if (finding ?? location.hash.length > 1) (await finds()).follow();
  };
  addEventListener("hashchange", follow);
  void follow();
  /** @type {PointerEvent|null} */
  let touch = null;
  page.list.days.addEventListener("pointerdown", async (event) => {
    if (event.pointerType !== "touch") return;
    touch = event;
    (await chooses()).rest(event, idOf(/** @type {Element} */ (event.target)), () => touch === event);
  });
  // Whoever scrolls cancels.
  for (const type of ["pointerup", "pointercancel"]) addEventListener(type, () => (touch = null));
}

/** @param {Element} within */
function idOf(within) {
  return within.closest("[data-clip-id]")?.getAttribute("data-clip-id") ?? "";
}
