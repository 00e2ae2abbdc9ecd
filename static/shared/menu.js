/** A button with a menu: opened by a press, Enter or an arrow, walked through by arrows, closed by Escape or a press elsewhere. */

/**
 * `act` does it; or `href` is where the browser goes or what it downloads (`download`: the file's name, "" as the
 * server says it). `isOn` of something that can be on or off; `isGrave` cannot be taken back.
 * @typedef {{label: string, act?: () => unknown, href?: string, download?: string, isOn?: boolean, isGrave?: boolean,
 *   lang?: string}} Item
 */

/** Between the button and its menu, and between the menu and the edge of the window. */
const GAP_PX = 4;

export class Menu {
  /** @type {HTMLElement|null} */
  #list = null;

  /** @param {HTMLButtonElement} button @param {() => Item[]} items asked for whenever the menu is opened */
  constructor(button, items) {
    this.button = button;
    this.items = items;
    button.ariaHasPopup = "menu";
    button.ariaExpanded = "false";
    button.addEventListener("click", () => this.toggle());
    button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      event.stopPropagation();
      this.open(event.key === "ArrowUp" ? -1 : 0);
    });
  }

  get isOpen() {
    return this.#list !== null;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** @param {number} [focused] the item that has the focus, from the end if it is negative */
  open(focused = 0) {
    if (this.isOpen) return;
    const list = (this.#list = this.#build());
    // In a dialog, what is outside of it cannot be reached.
    (this.button.closest("dialog") ?? document.body).append(list);
    list.showPopover?.();
    this.#place(list);
    this.button.ariaExpanded = "true";
    /** @type {HTMLElement|undefined} */ (all(list).at(focused))?.focus();
    list.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "closed" && this.close(false));
    document.addEventListener("pointerdown", this.#elsewhere, true);
    addEventListener("resize", this.#leave);
  }

  /** @param {boolean} [isBack] the focus goes back to the button */
  close(isBack = true) {
    const list = this.#list;
    if (!list) return;
    this.#list = null;
    const hadFocus = list.contains(document.activeElement);
    list.remove();
    this.button.ariaExpanded = "false";
    document.removeEventListener("pointerdown", this.#elsewhere, true);
    removeEventListener("resize", this.#leave);
    if (isBack && (hadFocus || document.activeElement === document.body)) this.button.focus();
  }

  #leave = () => this.close();

  /** @param {Event} event */
  #elsewhere = ({ target }) => {
    if (target instanceof Node && !this.#list?.contains(target) && !this.button.contains(target)) this.close(false);
  };

  #build() {
    const list = document.createElement("div");
    list.className = "menu";
    list.role = "menu";
    list.popover = "manual";
    list.ariaLabel = this.button.ariaLabel || this.button.textContent;
    list.append(...this.items().map((item) => this.#item(item)));
    list.addEventListener("keydown", (event) => this.#key(event, list));
    list.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !list.contains(relatedTarget)) this.close(false);
    });
    return list;
  }

  /** @param {Item} item */
  #item({ label, act, href, download, isOn, isGrave = false, lang = "" }) {
    const made = href === undefined ? document.createElement("button") : document.createElement("a");
    if (made instanceof HTMLButtonElement) made.type = "button";
    else made.href = href ?? "";
    if (made instanceof HTMLAnchorElement && download !== undefined) made.download = download;
    made.role = isOn === undefined ? "menuitem" : "menuitemcheckbox";
    if (isOn !== undefined) made.ariaChecked = String(isOn);
    made.textContent = label;
    made.lang = lang;
    made.tabIndex = -1;
    made.toggleAttribute("data-grave", isGrave);
    made.addEventListener("click", () => {
      this.close();
      void act?.();
    });
    return made;
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} list */
  #key(event, list) {
    const items = all(list);
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const { key } = event;
    if (key === "Escape") this.close();
    else if (key === "Tab") return void this.close();
    else if (key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (key === "ArrowUp") items.at(at - 1)?.focus();
    else if (key === "Home") items[0]?.focus();
    else if (key === "End") items.at(-1)?.focus();
    else if (key.length !== 1 || key === " ") return;
    else items.find(({ textContent }) => textContent?.toLowerCase().startsWith(key.toLowerCase()))?.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  /** Below the button, at its end; above it where there is no room. @param {HTMLElement} list */
  #place(list) {
    const { top, bottom, left, right } = this.button.getBoundingClientRect();
    const { width, height } = list.getBoundingClientRect();
    const isBelow = bottom + GAP_PX + height <= innerHeight || top < height;
    const isEnd = document.documentElement.dir !== "rtl";
    const wanted = isEnd ? right - width : left;
    list.style.left = `${Math.max(GAP_PX, Math.min(wanted, innerWidth - width - GAP_PX))}px`;
    list.style.top = `${Math.max(GAP_PX, isBelow ? bottom + GAP_PX : top - GAP_PX - height)}px`;
  }
}

/** @param {HTMLElement} list @returns {HTMLElement[]} */
function all(list) {
  return [...list.querySelectorAll("button, a")].map((item) => /** @type {HTMLElement} */ (item));
}
