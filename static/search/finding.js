/** Search and filters: what is asked for stands in the address, above the list, and as chips that take it back. */

import { Finder, TYPING_MS } from "./finder.js";
import { DAYS, isAsked, LENGTHS, NOTHING, order, read, SORTS, STATES, write } from "./query.js";
import { locale, translate, words } from "../shared/words.js";
import { showFound } from "./match-excerpts.js";
import { part } from "../shared/element.js";
import { chip } from "../clip/tags.js";

/** @typedef {import("./query.js").Query} Query */

export class Finding {
  /** @type {Query} */
  #query = { ...NOTHING };
  /** Where one was in the whole list. */
  #place = 0;
  /** What the clips were called when they were found. @type {Map<string, string>} */
  #names = new Map();
  /** @type {HTMLElement|null} */
  #filters = null;

  /**
   * @param {HTMLElement} element @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
   *   feed: import("../shared/feed.js").Feed, list: import("../list/clip-list.js").ClipList,
   *   router: import("../shared/router.js").Router, announce: (words: string) => void}} page
   */
  constructor(element, { api, library, feed, list, announce, router }) {
    this.element = element;
    this.api = api;
    this.library = library;
    this.list = list;
    this.announce = announce;
    this.router = router;
    this.finder = new Finder(library, api);
    this.find = part(element, "find", HTMLInputElement);
    this.filter = part(element, "filter", HTMLButtonElement);
    this.chips = part(element, "filter-chips", HTMLElement);
    this.says = part(element, "finding", HTMLElement);
    this.clear = part(element, "clear", HTMLButtonElement);
    this.find.addEventListener("input", () => this.#ask({ ...this.#query, q: this.find.value }, TYPING_MS));
    this.find.addEventListener("keydown", (event) => this.#key(event));
    this.clear.addEventListener("click", () => {
      this.#ask({ ...NOTHING });
      this.find.focus();
    });
    this.chips.addEventListener("click", ({ target }) => this.#drop(/** @type {Element} */ (target).closest("button")));
    list.dressers.push((row) => showFound(row, this.finder.found[row.id], this.#names.get(row.id) ?? ""));
    this.finder.addEventListener("answer", (event) => this.#answer(/** @type {CustomEvent} */ (event).detail));
    feed.addEventListener("open", () => this.finder.isPartial && this.finder.again());
    if (this.find.value) this.#ask({ ...this.#query, q: this.find.value });
  }

  /** Ask what the address says, unless it says where to go. */
  follow() {
    if (write(read(location.hash)) === write(this.#query)) return;
    this.#ask(read(location.hash), 0, false);
    this.find.value = this.#query.q;
  }

  /** Ask for clips with this tag, too. @param {string} tag */
  tagged(tag) {
    this.#ask({ ...this.#query, tag: [...new Set([...this.#query.tag, tag])] });
  }

  /** Show the filters, or hide them. */
  toggle() {
    if (!this.#filters) {
      const template = part(document, "filters-template", HTMLTemplateElement);
      const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
      translate(fragment);
      this.#filters = part(fragment, "filters", HTMLElement);
      this.#filters.hidden = true;
      this.chips.parentElement?.before(fragment);
      this.#options();
      this.#filters.addEventListener("change", ({ target }) => this.#choose(/** @type {HTMLSelectElement} */ (target)));
    }
    this.#filters.hidden = !this.#filters.hidden;
    this.filter.ariaExpanded = String(!this.#filters.hidden);
    if (!this.#filters.hidden) void this.#tags();
    this.#draw();
  }

  /** What can be chosen, but for the tags. */
  #options() {
    const all = { days: [...DAYS, "range"], length: Object.keys(LENGTHS), state: Object.keys(STATES), sort: SORTS };
    for (const [name, values] of Object.entries(all)) {
      const said = /** @type {Record<string, string>} */ (words.finder[/** @type {"days"} */ (name)]);
      this.#field(name).append(...values.map((value) => new Option(said[value], value)));
    }
  }

  /** The tags that there are now; without a network, those that were last seen. */
  async #tags() {
    const field = this.#field("tag");
    const tags = await this.api.tags().catch(() => null);
    if (!tags) return;
    for (const old of field.querySelectorAll("option:not([value=''])")) old.remove();
    field.append(...tags.map(({ name, clips }) => new Option(`${name} (${clips})`, name)));
    field.parentElement?.toggleAttribute("hidden", !tags.length);
  }

  /** @param {string} name @returns {HTMLSelectElement|HTMLInputElement} */
  #field(name) {
    return /** @type {HTMLSelectElement} */ (this.#filters?.querySelector(`[name=${name}]`));
  }

  /** @param {HTMLSelectElement|HTMLInputElement} field */
  #choose({ name, value }) {
    const query = { ...this.#query };
    if (name === "tag") query.tag = [...new Set([...query.tag, value])];
    else if (name === "days") Object.assign(query, { from: "", to: "", days: value === "range" ? "" : value });
    else Object.assign(query, { [name]: value });
    this.#ask(query);
    if (value === "range") {
      for (const end of ["from", "to"]) this.#field(end).parentElement?.toggleAttribute("hidden", false);
      this.#field("days").value = "range";
      this.#field("from").focus();
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || (event.key !== "Escape" && event.key !== "Enter")) return;
    if (event.key === "Escape" && !this.find.value) return this.find.blur();
    if (event.key === "Escape") this.find.value = "";
    event.preventDefault();
    this.#ask({ ...this.#query, q: this.find.value });
  }

  /** @param {Query} query @param {number} [wait_ms] @param {boolean} [isOurs] the address is to say so */
  #ask(query, wait_ms = 0, isOurs = true) {
    const [was, is] = [isAsked(this.#query), isAsked(query)];
    if (!was && is) this.#place = this.list.scroller.scrollTop;
    this.#query = query;
    if (this.find.value.trim() !== query.q.trim()) this.find.value = query.q;
    // Back leaves the search; it does not go through it letter by letter.
    if (isOurs) this.router.ask(write(query), { replace: was === is });
    this.#draw();
    if (was || is) this.finder.ask(query, wait_ms);
  }

  /** @param {boolean} isNew */
  #answer(isNew) {
    const { finder, list } = this;
    const asked = isAsked(finder.query);
    const before = this.#names;
    this.#names = new Map(finder.ids.map((id) => [id, this.#nameOf(id)]));
    for (const row of list.rows) for (const dress of list.dressers) dress(row);
    list.present(asked ? { ids: finder.ids, dated: finder.isDated, source: finder } : null, isNew);
    if (isNew) this.list.scroller.scrollTo({ top: asked ? 0 : this.#place, behavior: "instant" });
    for (const id of before.keys()) if (!this.#names.has(id) && !list.needs(id)) this.library.forget(id);
    const { ids, more, problem, isPartial } = finder;
    const said = problem || words.finder.count(ids.length, ids.length.toLocaleString(locale), more, isPartial);
    if (asked && said !== this.says.textContent) this.announce(said);
    this.says.textContent = said;
    this.says.hidden = !asked;
    this.clear.hidden = !asked || ids.length > 0;
  }

  /** @param {string} id */
  #nameOf(id) {
    const entry = this.library.get(id);
    return (entry?.local ?? entry?.clip)?.name ?? "";
  }

  /** Take back what a chip says. @param {HTMLButtonElement|null} button */
  #drop(button) {
    if (!button) return;
    const { name = "" } = button.dataset;
    const query = { ...this.#query };
    if (name === "from") query.from = query.to = "";
    else Object.assign(query, { [name]: "" });
    this.#ask(query);
    (this.chips.querySelector("button") ?? this.find).focus();
  }

  /** Chips and fields say what is asked for. */
  #draw() {
    const { days, from, to, length, state, sort } = this.#query;
    const said = words.finder;
    const chips = [
      ...(days ? [["days", days, said.days[/** @type {"1"} */ (days)]]] : []),
      ...(!days && (from || to) ? [["from", "", said.range(date(from), date(to))]] : []),
      ...(length ? [["length", length, said.length[/** @type {"short"} */ (length)]]] : []),
      ...(state ? [["state", state, said.state[/** @type {"done"} */ (state)]]] : []),
      ...(sort && sort !== order({ ...this.#query, sort: "" }) ? [["sort", sort, said.sort[/** @type {"best"} */ (sort)]]] : []),
    ];
    this.chips.hidden = !chips.length;
    this.chips.replaceChildren(
      ...chips.map(([name, value, text]) => chip(text, words.finder.without(text), { name, value, removes: "" })),
    );
    if (!this.#filters) return;
    const isRange = Boolean(from || to);
    const shown = { days: isRange ? "range" : days, from, to, length, state, tag: "", sort: order(this.#query) };
    for (const [name, value] of Object.entries(shown)) this.#field(name).value = value;
    for (const end of ["from", "to"]) this.#field(end).parentElement?.toggleAttribute("hidden", !isRange);
    const best = this.#field("sort").querySelector("option");
    if (best) best.hidden = !this.#query.q.trim();
  }
}

/** @param {string} key a day, or none */
function date(key) {
  return key && new Date(`${key}T12:00`).toLocaleDateString(locale, { dateStyle: "medium" });
}
