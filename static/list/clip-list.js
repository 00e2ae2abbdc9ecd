/**
 * The clips by day, newest first, or those that were found. Rows are keyed: they come, change and go one by one.
 *
 * Only rows near the window are in the document, and those that somebody is at, wherever they are. What lies between is
 * a margin. Whatever changes above the window, nothing in it moves.
 */

import { dayTitle } from "../shared/format.js";
import { gone } from "../shared/library.js";
import { DayGroups } from "./day-groups.js";
import { part } from "../shared/element.js";
import { language, words } from "../shared/words.js";
import { ClipRow } from "./clip-row.js";
import { ListEnd } from "./list-end.js";
import { followArrows } from "./row-keys.js";
import { ReadMarks } from "../shared/preferences.js";

/** @typedef {import("./virtual-list.js").Item} Item */
/** @typedef {import("./list-end.js").Source} Source */

/**
 * What the list and its rows need of the page.
 * @typedef {{library: import("../shared/library.js").Library, sync: import("../shared/sync.js").Sync,
 *   actions: import("../shared/actions.js").Actions, player: import("../player/player-bar.js").PlayerBar,
 *   router: import("../shared/router.js").Router, deletion: import("../shared/deletion.js").Deletion, toast: import("../shared/toast.js").Toast,
 *   announce: (words: string) => void}} ListPage
 */

/** How far beyond the window rows are drawn, at least: a flick of the wheel, the next few presses of Tab. */
const OVER_PX = 1_000;

/** How near the end of what is known, in windows, more is read. */
const AHEAD = 4;

/** Rows that turn out lower than they were taken for make room for others; their heights are known after a few turns. */
const TURNS = 4;

/** Layout is exact to a 64th of a pixel. */
const EXACT_PX = 0.1;

export class ClipList {
  /** Those in the document, and those that are not shown but play. @type {Map<string, ClipRow>} */
  #rows = new Map();
  /** @type {Map<string, {element: HTMLElement, title: HTMLElement, list: HTMLElement}>} */
  #sections = new Map();
  #all = new DayGroups();
  #shelf = this.#all;
  /** @type {Item[]} */
  #drawn = [];
  /** What is in sight, and how far down the page: that is where it stays. @type {{element: Element, y: number}[]} */
  #anchors = [];
  /** @type {string|null} */
  #hidden = null;
  /** @type {string|null} */
  #open = null;
  #queued = false;
  /** Whether rows were drawn once: those in sight come first, and those around them after these are painted. */
  #hasDrawn = false;
  #resized = new ResizeObserver((sizes) => this.#reflow(sizes.map(({ target }) => target)));
  /** Which words were seen here. */
  marks = new ReadMarks();
  /** Told of each row that is made. @type {((row: ClipRow) => void)[]} */
  dressers = [];

  /** @param {HTMLElement} element @param {ListPage} page */
  constructor(element, page) {
    const { library, sync, player } = page;
    this.element = element;
    this.library = library;
    this.sync = sync;
    this.page = page;
    this.scroller = part(element, "scroller", HTMLElement);
    this.days = part(element, "days", HTMLElement);
    this.empty = part(element, "empty", HTMLElement);
    this.older = new ListEnd(element, sync, () => this.#changed());
    this.templates = {
      day: part(document, "day-template", HTMLTemplateElement),
      clip: part(document, "clip-template", HTMLTemplateElement),
    };
    library.addEventListener("change", (event) => this.#change(/** @type {CustomEvent} */ (event).detail.id));
    sync.addEventListener("listed", (event) => this.#listed(/** @type {CustomEvent} */ (event).detail));
    player.addEventListener("state", (event) => this.#rows.get(/** @type {CustomEvent} */ (event).detail)?.played());
    language.addEventListener("change", () => this.#speak());
    this.scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    this.#resized.observe(element);
    followArrows(this);
  }

  /** The clip that is open beside the list. @param {string|null} id */
  set open(id) {
    this.#open = id;
    for (const row of this.#rows.values()) row.open = row.id === id;
    if (id) this.#see(id);
  }

  /** Whoever has a clip's page open has its words before them. @param {string} id */
  #see(id) {
    const clip = this.library.get(id)?.clip ?? null;
    if (!this.marks.isUnread(clip)) return;
    this.marks.add(clip);
    this.#rows.get(id)?.read();
  }

  /** Whether what is shown is ordered by day, so that headings say which. */
  get isDated() {
    return this.#shelf.dated;
  }

  #speak() {
    for (const row of this.#rows.values()) row.speak();
    this.relabel();
  }

  /** Leave out the recording that the panel shows, until it is over. @param {string|null} id */
  hide(id) {
    const before = this.#hidden;
    this.#hidden = id;
    for (const changed of [before, id]) if (changed) this.#change(changed);
  }

  /** The list was read: what is empty now is empty. */
  ready() {
    this.element.ariaBusy = "false";
    this.#changed();
  }

  /** The server is back: repeat what could not be done. */
  resend() {
    if (this.older.hasFailed) void this.older.read();
  }

  /** Name the days anew: midnight has passed. */
  relabel() {
    for (const [key, { title }] of this.#sections) title.textContent = key && dayTitle(key);
  }

  /** The ids from one clip to another, or all that are listed now. @param {string} [from] @param {string} [to] */
  ids(from, to) {
    return this.#shelf.ids(from, to);
  }

  /** Whether anything here needs to know of a clip. @param {string} id */
  needs(id) {
    return Boolean(this.#all.get(id) ?? this.#shelf.get(id) ?? this.#rows.get(id));
  }

  get rows() {
    return this.#rows.values();
  }

  /**
   * Show these clips alone, in this order; null: all, where one was. What somebody is at stays.
   * @param {{ids: string[], dated: boolean, source: Source}|null} found @param {boolean} anew to begin at the top
   */
  present(found, anew) {
    const before = this.#shelf;
    this.#shelf = this.#all;
    if (found) {
      this.#shelf = new DayGroups({ ranked: true, dated: found.dated });
      const ids = anew ? found.ids : this.#withHeld(found.ids, before);
      for (const id of ids) {
        const entry = this.library.get(id);
        const known = before.get(id) ?? this.#all.get(id);
        if (entry && !gone(entry) && id !== this.#hidden) this.#shelf.add(id, entry.at, known?.height);
      }
    }
    if (before.dated !== this.#shelf.dated) for (const row of this.#rows.values()) row.tellTime();
    if (anew) this.#anchors = [];
    this.older.from(found?.source ?? this.sync);
    this.element.dispatchEvent(new Event("presented"));
    this.#changed();
    this.#draw();
  }

  /** The clip one row further down or up than another one, or at the end there (±Infinity). @param {string} id @param {number} by */
  beside(id, by) {
    const item = this.#shelf.get(id);
    if (!item) return null;
    const { roll } = this.#shelf;
    const { index } = roll.place(item);
    // One of two things is a clip: a heading never stands alone.
    const isFar = !Number.isFinite(by);
    if (by > 0) return isFar ? (roll.last?.id ?? null) : idOf(roll.slice(index + 1, index + 3));
    return isFar ? idOf(roll.slice(0, 2)) : idOf(roll.slice(Math.max(0, index - 2), index).reverse());
  }

  /** The row of a clip, scrolled into sight; none: it is not among what is shown. @param {string} id */
  reveal(id) {
    const item = this.#shelf.get(id);
    if (item && !this.#rows.get(id)?.element.isConnected) {
      this.#anchors = [];
      this.#draw();
      const top = this.#top + this.#shelf.roll.place(item).top;
      this.scroller.scrollBy({ top: top - this.#height / 3, behavior: "instant" });
      this.#anchors = [];
      this.#draw();
    }
    return item && this.#rows.get(id);
  }

  /** What somebody is at goes on where it is, whatever the answer says now. @param {string[]} ids @param {DayGroups} before */
  #withHeld(ids, before) {
    const all = [...ids];
    for (const [id, row] of this.#rows) {
      const item = row.held && before.get(id);
      if (item && !ids.includes(id)) all.splice(before.numbered(item).number - 1, 0, id);
    }
    return all;
  }

  /** @param {string} id */
  #change(id) {
    const entry = id === this.#hidden ? undefined : this.library.get(id);
    const row = this.#rows.get(id);
    if (id === this.#open) this.#see(id);
    if (row && entry) row.show(entry);
    else if (!entry || gone(entry)) this.#left(id);
    if (entry && !gone(entry) && (entry.local || this.sync.covers(entry.at) || this.library.isRecalled(id))) this.#place(id);
    this.#changed();
  }

  /** @param {import("../shared/types.js").Clip[]} clips which the list has reached */
  #listed(clips) {
    for (const { id } of clips) this.#place(id);
    this.#changed();
  }

  /** @param {string} id */
  #place(id) {
    const entry = this.library.get(id);
    if (entry && !gone(entry) && id !== this.#hidden) this.#all.add(id, entry.at);
  }

  /** @param {string} id */
  #left(id) {
    const row = this.#rows.get(id);
    if (row) {
      if (row.element.contains(document.activeElement)) this.#focusBeside(row.element);
      this.#take(row);
    }
    this.#all.remove(id);
    this.#shelf.remove(id);
    this.#changed();
  }

  /** Keyboards go on from where they were, not from the top of the page. @param {HTMLElement} element */
  #focusBeside(element) {
    const all = [...this.days.querySelectorAll("[data-clip-id]")];
    const at = all.indexOf(element);
    const beside = all[at + 1] ?? all[at - 1];
    if (beside) part(beside, "title", HTMLElement).focus();
  }

  /** Draw anew, once for all that changes in one go. */
  #changed() {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => this.#queued && this.#draw());
  }

  /** How far below the upper edge of what is in sight the list begins. */
  get #top() {
    return this.days.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  /** How much of the list is in sight. */
  get #height() {
    return this.scroller.clientHeight;
  }

  /** How far down an element is in all that scrolls. @param {Element} element */
  #placeOf(element) {
    return element.getBoundingClientRect().top + this.scroller.scrollTop;
  }

  #draw() {
    if (!this.#height) return;
    const isChanged = this.#queued;
    this.#queued = false;
    for (let turn = 0; turn < TURNS; turn++) {
      const items = this.#near();
      const isSame = items.length === this.#drawn.length && items.every((item, at) => item === this.#drawn[at]);
      if (isSame && (turn || !isChanged)) break;
      this.#drawn = items;
      this.#fill(items);
      this.#measure(items);
      this.#space();
      this.#number();
    }
    this.#anchor();
    this.empty.hidden = this.#shelf !== this.#all || this.#all.size > 0 || this.#hidden !== null || this.element.ariaBusy === "true";
    if (!this.#hasDrawn && this.#drawn.length) return this.#drawAround();
    const left_px = this.#top + this.#shelf.roll.height - this.#height;
    if (left_px < AHEAD * this.#height && !this.older.hasFailed) void this.older.read();
  }

  /** Draw the rest of what is near, behind the first frame with rows: nobody waits for it. */
  #drawAround() {
    this.#hasDrawn = true;
    requestAnimationFrame(() => setTimeout(() => this.#changed()));
  }

  /** What is to be drawn, in order. */
  #near() {
    const { roll } = this.#shelf;
    const top = -this.#top;
    const over = this.#hasDrawn ? Math.max(OVER_PX, this.#height) : 0;
    const near = roll.between(top - over, top + this.#height + over);
    const known = new Set(near.map(({ item }) => item));
    for (const [id, row] of this.#rows) {
      const held = this.#shelf.get(id);
      if (!held || known.has(held) || !row.held) continue;
      const { index } = roll.place(held);
      // With what is beside it: Tab goes there.
      for (const item of roll.slice(index - 2, index + 3)) {
        if (!known.has(item)) near.push({ item, top: roll.place(item).top });
        known.add(item);
      }
    }
    return near.sort((a, b) => a.top - b.top).map(({ item }) => item);
  }

  /** Have these in the document, and nothing else. @param {Item[]} items */
  #fill(items) {
    const focused = document.activeElement;
    const ids = new Set(items.map(({ id }) => id));
    for (const row of [...this.#rows.values()]) {
      if (ids.has(row.id)) continue;
      if (row.held) row.element.remove();
      else this.#take(row);
    }
    const days = new Set(items.map(({ day }) => day));
    for (const [key, { element }] of [...this.#sections]) {
      if (days.has(key)) continue;
      element.remove();
      this.#sections.delete(key);
    }
    /** @type {Element|null} */
    let before = null;
    for (const item of items) {
      const section = this.#section(item.day);
      if (before?.closest("section") !== section.element) {
        const first = before ? /** @type {Element} */ (before.closest("section")).nextSibling : this.days.firstChild;
        if (section.element !== first) this.days.insertBefore(section.element, first);
        section.title.className = item.id ? "unseen" : "";
        before = section.title;
      }
      if (!item.id) continue;
      const { element } = this.#rows.get(item.id) ?? this.#make(item.id);
      /** @type {Node|null} */
      const next = before === section.title ? section.list.firstChild : before.nextSibling;
      if (element !== next) section.list.insertBefore(element, next);
      before = element;
    }
    // What was moved, since the order has changed, has lost it.
    if (focused !== document.activeElement && focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }

  /** @param {string} id */
  #make(id) {
    const entry = /** @type {import("../shared/types.js").Entry} */ (this.library.get(id));
    const row = new ClipRow(entry, {
      template: this.templates.clip,
      page: this.page,
      left: () => this.#left(id),
      isUnread: (clip) => this.marks.isUnread(clip),
      isDated: () => this.isDated,
    });
    row.open = id === this.#open;
    this.#rows.set(id, row);
    this.#resized.observe(row.element);
    for (const dress of this.dressers) dress(row);
    return row;
  }

  /** @param {ClipRow} row */
  #take(row) {
    this.#rows.delete(row.id);
    this.#resized.unobserve(row.element);
    row.close();
    row.element.remove();
  }

  /** @param {string} key */
  #section(key) {
    const known = this.#sections.get(key);
    if (known) return known;
    const fragment = /** @type {DocumentFragment} */ (this.templates.day.content.cloneNode(true));
    const element = part(fragment, "day", HTMLElement);
    const section = { element, title: part(element, "title", HTMLElement), list: part(element, "clips", HTMLElement) };
    section.title.textContent = key ? dayTitle(key) : words.finder.results;
    section.title.id = `day-${key}`;
    element.setAttribute("aria-labelledby", section.title.id);
    this.#sections.set(key, section);
    return section;
  }

  /** @param {Item} item */
  #elementOf({ id, day }) {
    return id ? this.#rows.get(id)?.element : this.#sections.get(day)?.title;
  }

  /** @param {Item[]} items */
  #measure(items) {
    for (const item of items) {
      const height = this.#elementOf(item)?.getBoundingClientRect().height;
      if (height && Math.abs(height - item.height) > EXACT_PX) this.#shelf.measure(item, height);
    }
  }

  /** Leave room for what is not drawn, and bring back what was in sight to where it was. */
  #space() {
    const { roll } = this.#shelf;
    let end = 0;
    for (const item of this.#drawn) {
      const { top } = roll.place(item);
      const element = this.#elementOf(item);
      if (element) element.style.marginTop = top - end > EXACT_PX ? `${top - end}px` : "";
      end = top + item.height;
    }
    // A page that becomes shorter scrolls by itself.
    const { scroller } = this;
    const scrolled = scroller.scrollTop;
    this.days.style.minHeight = `${roll.height}px`;
    const stays = this.#anchors.find(({ element }) => element.isConnected);
    if (!stays) return;
    const moved = this.#placeOf(stays.element) - stays.y;
    if (Math.abs(moved) <= EXACT_PX) return;
    scroller.scrollTo({ top: scrolled + moved, behavior: "instant" });
    for (const anchor of this.#anchors) anchor.y = this.#placeOf(anchor.element);
  }

  /** Remember what is in sight. At the top of the list nothing is held: what is new is to be seen. */
  #anchor() {
    this.#anchors = [];
    if (this.#top >= 0) return;
    const above = this.scroller.getBoundingClientRect().top;
    for (const { id } of this.#drawn) {
      const element = this.#rows.get(id)?.element;
      const { top, bottom } = element?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
      if (!element || bottom <= above || top >= above + this.#height) continue;
      const anchor = { element, y: this.#placeOf(element) };
      if (element.contains(document.activeElement)) this.#anchors.unshift(anchor);
      else this.#anchors.push(anchor);
    }
  }

  /** Rows have grown, or the list is shown again. @param {Element[]} resized */
  #reflow(resized) {
    if (resized.includes(this.element)) this.#changed();
    this.#measure(this.#drawn);
    this.#space();
    this.#anchor();
    // What comes into sight now is made a moment later: an observer that adds to what it observes goes in circles.
    requestAnimationFrame(() => this.#draw());
  }

  /** Screen readers hear how long the list is, of which they find only a part. */
  #number() {
    const last = this.#shelf.roll.last?.day;
    for (const item of this.#drawn) {
      const element = this.#rows.get(item.id)?.element;
      if (!element) continue;
      const { number, of } = this.#shelf.numbered(item);
      element.ariaPosInSet = String(number);
      element.ariaSetSize = String(this.older.source.more && item.day === last ? -1 : of);
    }
  }
}

/** The first clip of a few things of a list; none: they are at its end. @param {Item[]} items */
function idOf(items) {
  return items.find(({ id }) => id)?.id ?? null;
}
