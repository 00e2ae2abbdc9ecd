/** The tabs of a clip's page (WAI-ARIA, "Tabs with automatic activation"): one stop of Tab, arrows go from one to the next. */

/** @typedef {import("../shared/router.js").Tab} Tab */

export class Tabs {
  /**
   * @param {HTMLElement} element @param {(tab: Tab) => void} chosen told when a person chooses one
   * @param {(tab: Tab) => void} shown told whenever one is shown
   */
  constructor(element, chosen, shown) {
    this.shown = shown;
    this.tabs = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=tab]")]);
    this.panels = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=tabpanel]")]);
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => chosen(/** @type {Tab} */ (tab.dataset.tab)));
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
  }

  /** @param {Tab} name */
  show(name) {
    for (const tab of this.tabs) {
      const isShown = tab.dataset.tab === name;
      tab.ariaSelected = String(isShown);
      tab.tabIndex = isShown ? 0 : -1;
    }
    for (const panel of this.panels) panel.hidden = panel.dataset.panel !== name;
    this.shown(name);
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} tab */
  #key(event, tab) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const turned = getComputedStyle(tab).direction === "rtl" ? -step : step;
    const next = this.tabs.at((this.tabs.indexOf(tab) + turned) % this.tabs.length);
    next?.focus();
    next?.click();
  }
}
