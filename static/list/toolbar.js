/** What stands above the list: search, chips, filters, selection. Most parts come when somebody first reaches out for them. */

import { needed } from "../shared/api.js";
import { recall } from "../shared/preferences.js";
import { place } from "../shared/router.js";
import { language, words } from "../shared/words.js";
import { part } from "../shared/element.js";
import { styled } from "../shared/style-sheets.js";
import { Chips } from "./chips.js";

/** Where one types, a key is a letter. */
const TYPED = "input, select, textarea, [contenteditable]";

/**
 * @param {HTMLElement} element @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
 *   feed: import("../shared/feed.js").Feed, sync: import("../shared/sync.js").Sync, list: import("./clip-list.js").ClipList,
 *   router: import("../shared/router.js").Router, toast: import("../shared/toast.js").Toast,
 *   actions: import("../shared/actions.js").Actions, announce: (words: string) => void}} page
 */
export function toolbar(element, page) {
  const { router } = page;
  const find = part(element, "find", HTMLInputElement);
  const speak = () => (find.placeholder = words.page.search);
  language.addEventListener("change", speak);
  speak();
  new Chips(element, page);
  /** @type {import("../search/finding.js").Finding|undefined} */
  let finding;
  const finds = async () => {
    const [{ Finding }] = await Promise.all([needed(import("../search/finding.js")), styled("search/finding")]);
    return (finding ??= new Finding(element, page));
  };
  /** @type {import("./selection-bar.js").SelectionBar|undefined} */
  let choosing;
  const chooses = async () => {
    const [{ SelectionBar }] = await Promise.all([needed(import("./selection-bar.js")), styled("list/selection")]);
    return (choosing ??= new SelectionBar(element, page));
  };

  for (const type of ["focus", "input"]) find.addEventListener(type, () => void (finding ?? finds()));
  part(element, "filter", HTMLElement).addEventListener("click", async () => (await finds()).toggle());
  part(element, "select", HTMLElement).addEventListener("click", async () => (await chooses()).toggle());
  document.addEventListener("tag", async (event) => {
    // Where a clip lies over the list, one goes to what was found.
    if (getComputedStyle(element).visibility === "hidden") router.go(place("list"));
    (await finds()).tagged(/** @type {CustomEvent} */ (event).detail);
  });
  element.addEventListener("click", async ({ target, shiftKey }) => {
    if (!(target instanceof HTMLInputElement && target.dataset.part === "pick")) return;
    const { checked } = target;
    (await chooses()).pick(idOf(target), checked, shiftKey);
  });
  document.addEventListener("keydown", (event) => {
    const isTyped = event.target instanceof Element && event.target.matches(TYPED);
    if (event.key !== "/" || isTyped || event.ctrlKey || event.metaKey || getComputedStyle(find).visibility === "hidden") return;
    if (!recall("keys", true)) return;
    event.preventDefault();
    find.focus();
    find.select();
  });
  const follow = async () => {
    if (finding ?? location.hash.length > 1) (await finds()).follow();
  };
  router.addEventListener("ask", follow);
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
