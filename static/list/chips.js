/** One line of chips under the search: all clips, those with a star, and the most used tags; the other tags are behind "More". */

import { read, write } from "../search/query.js";
import { part } from "../shared/element.js";
import { Menu } from "../shared/menu.js";
import { language, words } from "../shared/words.js";

/** Tags that have a chip of their own, beside those that are asked for: one line on a phone. */
const MAX_TAGS = 3;

/** Tags behind "More", the most used first. */
const MAX_MORE = 100;

/** Tags change in crowds, and what was changed here is on its way to the server. */
const PAUSE_MS = 1_500;

/** @typedef {{tag: string} | {name: "all"|"starred"}} Chip */

export class Chips {
  /** Every tag, the most used first. @type {string[]} */
  #tags = [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {HTMLElement} parent @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
   *   sync: import("../shared/sync.js").Sync, router: import("../shared/router.js").Router}} page
   */
  constructor(parent, { api, library, sync, router }) {
    this.element = part(parent, "chips", HTMLElement);
    this.api = api;
    this.library = library;
    this.router = router;
    this.more = part(parent, "more-tags", HTMLButtonElement);
    this.menu = new Menu(this.more, () => this.#others());
    this.element.addEventListener("click", ({ target }) => {
      const chip = target instanceof Element ? target.closest("button") : null;
      if (chip && chip !== this.more) this.#press(chip.dataset);
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    library.addEventListener("change", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail));
    sync.addEventListener("list", () => this.#later());
    router.addEventListener("ask", () => this.draw());
    language.addEventListener("change", () => this.draw());
    this.draw();
  }

  /** Show what is asked for, and what else can be. */
  draw() {
    const asked = read(this.router.page.location.hash);
    const shown = [...new Set([...asked.tag, ...this.#tags.slice(0, MAX_TAGS)])];
    const focused = this.element.contains(document.activeElement) ? keyOf(/** @type {HTMLElement} */ (document.activeElement)) : null;
    const made = [
      chip({ name: "all" }, words.list.all, !asked.starred && !asked.tag.length),
      chip({ name: "starred" }, words.list.starred, Boolean(asked.starred)),
      ...shown.map((tag) => chip({ tag }, tag, asked.tag.includes(tag))),
    ];
    this.more.hidden = this.#tags.every((tag) => shown.includes(tag));
    for (const old of this.element.querySelectorAll("[data-name], [data-tag]")) old.remove();
    this.element.prepend(...made);
    const at = focused === null ? undefined : this.#all().find((one) => keyOf(one) === focused);
    this.#rove(at ?? made.find(({ ariaPressed }) => ariaPressed === "true") ?? made[0]);
    if (focused !== null) (at ?? made[0]).focus({ preventScroll: true });
  }

  /** @param {DOMStringMap} pressed */
  #press({ name, tag }) {
    const asked = read(this.router.page.location.hash);
    if (tag !== undefined) {
      const others = asked.tag.filter((other) => other !== tag);
      this.#ask({ ...asked, tag: others.length < asked.tag.length ? others : [...asked.tag, tag] });
    } else if (name === "starred") this.#ask({ ...asked, starred: asked.starred ? "" : "true" });
    else this.#ask({ ...asked, starred: "", tag: [] });
  }

  /** Back leaves what was found; it does not go through it chip by chip. @param {import("../search/query.js").Query} query */
  #ask(query) {
    const [was, is] = [write(read(this.router.page.location.hash)), write(query)];
    this.router.ask(is, { replace: Boolean(was) === Boolean(is) });
  }

  #others() {
    const asked = read(this.router.page.location.hash);
    const hidden = this.#tags.filter((tag) => !asked.tag.includes(tag)).slice(MAX_TAGS, MAX_MORE);
    return hidden.map((tag) => ({ label: tag, act: () => this.#press({ tag }) }));
  }

  /** @param {{id: string, before: import("../shared/types.js").Entry|null}} changed */
  #changed({ id, before }) {
    const tags = this.library.get(id)?.clip?.tags ?? [];
    if (tags.join("\n") !== (before?.clip?.tags ?? []).join("\n")) this.#later();
  }

  /** Ask for the tags when nobody waits for anything; until then, and without a network, those of the known clips. */
  #later() {
    this.#timer ??= setTimeout(async () => {
      const known = await this.api.tags().catch(() => null);
      this.#timer = undefined;
      this.#tags = known?.map(({ name }) => name) ?? this.#known();
      this.draw();
    }, PAUSE_MS);
  }

  #known() {
    /** @type {Map<string, number>} */
    const uses = new Map();
    for (const { clip } of this.library.shown()) {
      for (const tag of clip?.tags ?? []) uses.set(tag, (uses.get(tag) ?? 0) + 1);
    }
    return [...uses].sort(([, a], [, b]) => b - a).map(([tag]) => tag);
  }

  /** One of them is a stop of Tab; arrows go on from there. @param {KeyboardEvent} event */
  #key(event) {
    const all = this.#all();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const isTurned = getComputedStyle(this.element).direction === "rtl";
    const step = { ArrowRight: isTurned ? -1 : 1, ArrowLeft: isTurned ? 1 : -1 }[event.key];
    const to = step ? all[at + step] : { Home: all[0], End: all.at(-1) }[event.key];
    if (at < 0 || !to) return;
    event.preventDefault();
    event.stopPropagation();
    this.#rove(to);
    to.focus();
  }

  /** @param {Element|undefined} stop */
  #rove(stop) {
    for (const one of this.element.querySelectorAll("button")) one.tabIndex = one === stop ? 0 : -1;
  }

  #all() {
    return [...this.element.querySelectorAll("button")].filter((one) => !one.hidden);
  }
}

/** @param {Chip} what @param {string} text @param {boolean} isOn */
function chip(what, text, isOn) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "chip", textContent: text, ariaPressed: String(isOn) });
  if ("tag" in what) made.dir = "auto";
  Object.assign(made.dataset, what);
  return made;
}

/** @param {HTMLElement} chip */
function keyOf({ dataset }) {
  return dataset.tag === undefined ? (dataset.name ?? "more") : `#${dataset.tag}`;
}
