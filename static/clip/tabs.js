/** The tabs of a clip's page (WAI-ARIA, "Tabs with automatic activation"): one stop of Tab, arrows go from one to the next. */

/** @typedef {import("../shared/router.js").Tab} Tab */

/** Where the notes have room beside the words, they are no tab; clip-page.css says the same. */
const HAS_ROOM = "(min-width: 75rem)";

export class Tabs {
  /** As the address says. @type {Tab} */
  #name = "transcript";
  #room = matchMedia(HAS_ROOM);

  /**
   * @param {HTMLElement} element @param {(tab: Tab) => void} chosen told when a person chooses one
   * @param {(tab: Tab) => void} shown told whenever one is shown
   * @param {AbortSignal} signal ends it
   */
  constructor(element, chosen, shown, signal) {
    this.shown = shown;
    this.#room.addEventListener("change", () => this.show(this.#name), { signal });
    this.tabs = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=tab]")]);
    this.panels = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=tabpanel]")]);
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => chosen(/** @type {Tab} */ (tab.dataset.tab)));
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
  }

  /** @param {Tab} name */
  show(name) {
    this.#name = name;
    const hasRoom = this.#room.matches;
    const shown = hasRoom && name === "notes" ? "transcript" : name;
    for (const tab of this.tabs) {
      const isShown = tab.dataset.tab === shown;
      tab.ariaSelected = String(isShown);
      tab.tabIndex = isShown ? 0 : -1;
      tab.hidden = hasRoom && tab.dataset.tab === "notes";
    }
    for (const panel of this.panels) {
      const isBeside = hasRoom && panel.dataset.panel === "notes";
      panel.role = isBeside ? "group" : "tabpanel";
      panel.hidden = (isBeside ? "transcript" : panel.dataset.panel) !== shown;
    }
    this.shown(shown);
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} tab */
  #key(event, tab) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const turned = getComputedStyle(tab).direction === "rtl" ? -step : step;
    const tabs = this.tabs.filter(({ hidden }) => !hidden);
    const next = tabs.at((tabs.indexOf(tab) + turned) % tabs.length);
    next?.focus();
    next?.click();
  }
}
