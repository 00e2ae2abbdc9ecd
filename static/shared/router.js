/**
 * The places of the page and their addresses: `/` is the list, `/clips/ID?t=61&tab=notes` a clip, `/recording`,
 * `/settings` and `/bin` are themselves. What the list is asked for stands in the hash and stays from place to place.
 */

/** @typedef {"list"|"clip"|"recording"|"settings"|"bin"} PlaceName */
/** @typedef {"transcript"|"notes"|"history"} Tab of a clip */
/** @typedef {{name: PlaceName, id: string, ms: number|null, tab: Tab}} Place `ms`: the moment that the address names */

const NAMES = /** @type {Set<string>} */ (new Set(["recording", "settings", "bin"]));
/** @type {Tab[]} */
const TABS = ["transcript", "notes", "history"];

/** The place that an address names; any other address of ours is the list. @param {Pick<URL, "pathname"|"search"|"hash">} url */
export function placeOf({ pathname, search, hash }) {
  const old = new URLSearchParams(hash.slice(1));
  if (hash === "#bin") return place("bin");
  if (old.get("clip")) return place("clip", { id: old.get("clip") ?? "", ms: momentOf(old) });
  const [name, id] = pathname.split("/").slice(1);
  const query = new URLSearchParams(search);
  const tab = TABS.find((tab) => tab === query.get("tab")) ?? "transcript";
  if (name === "clips" && id) return place("clip", { id: decoded(id), ms: momentOf(query), tab });
  return place(NAMES.has(name) ? /** @type {PlaceName} */ (name) : "list");
}

/** @param {PlaceName} name @param {Partial<Place>} [rest] @returns {Place} */
export function place(name, { id = "", ms = null, tab = "transcript" } = {}) {
  return { name, id: id.toLowerCase(), ms, tab };
}

/** @param {Place} place */
export function address({ name, id, ms, tab }) {
  if (name === "list") return "/";
  if (name !== "clip") return `/${name}`;
  const seconds = Math.floor((ms ?? 0) / 1000);
  const query = new URLSearchParams({ ...(seconds > 0 && { t: String(seconds) }), ...(tab !== "transcript" && { tab }) });
  return `/clips/${encodeURIComponent(id)}${query.size ? `?${query}` : ""}`;
}

/** The address of a clip, or of a moment in it. @param {string} id @param {number} [ms] */
export function clipAddress(id, ms = 0) {
  return address(place("clip", { id, ms }));
}

/**
 * Emits `ask` after the list's question, which is the hash, has changed, and
 * `place` with `{place, before, isBack}` after the address has changed; whoever shows places listens.
 */
export class Router extends EventTarget {
  /** @param {Window} [page] */
  constructor(page = window) {
    super();
    this.page = page;
    this.place = placeOf(page.location);
    // An old link's place stands in the hash: from here on it has its own address.
    if (/^#(bin$|(.*&)?clip=)/.test(page.location.hash)) page.history.replaceState(null, "", address(this.place));
    page.addEventListener("popstate", () => this.#follow());
    page.addEventListener("hashchange", () => /^#(bin$|clip=)/.test(page.location.hash) && this.#redirect());
    page.document.addEventListener("click", (event) => this.#click(event));
  }

  /** Go to a place. @param {Place} place @param {{replace?: boolean}} [how] `replace`: Back skips where one was */
  go(place, { replace = false } = {}) {
    const { history, location } = this.page;
    const isSame = address(place) === location.pathname + location.search;
    const state = replace ? history.state : { from: this.place.name };
    history[replace || isSame ? "replaceState" : "pushState"](state, "", address(place) + location.hash);
    this.#arrive(place, false);
  }

  /**
   * Ask the list something else, wherever one is. @param {string} hash with its `#`; "": nothing
   * @param {{replace?: boolean}} [how] `replace`: Back skips the question before
   */
  ask(hash, { replace = false } = {}) {
    const { history, location } = this.page;
    if (hash === location.hash) return;
    const state = replace ? history.state : { from: this.place.name };
    history[replace ? "replaceState" : "pushState"](state, "", location.pathname + location.search + hash);
    this.dispatchEvent(new Event("ask"));
  }

  /** Back to the list, by the browser's own Back where that leads there. */
  leave() {
    if (this.page.history.state?.from === "list" && this.place.name !== "list") this.page.history.back();
    else this.go(place("list"));
  }

  /** Where only the question has changed, one stays where one is: whoever listens is not taken to another moment. */
  #follow() {
    const next = placeOf(this.page.location);
    if (address(next) !== address(this.place)) this.#arrive(next, true);
    this.dispatchEvent(new Event("ask"));
  }

  #redirect() {
    const next = placeOf(this.page.location);
    this.page.history.replaceState(this.page.history.state, "", address(next));
    this.#arrive(next, false);
  }

  /** @param {Place} place @param {boolean} isBack */
  #arrive(place, isBack) {
    const before = this.place;
    this.place = place;
    this.dispatchEvent(new CustomEvent("place", { detail: { place, before, isBack } }));
  }

  /** Links between places change the address, not the page. @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element && event.target.closest("a");
    const isOther = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || isOther || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== this.page.location.origin || !/^\/(clips\/[^/]+|recording|settings|bin)?$/.test(url.pathname)) return;
    event.preventDefault();
    this.go(placeOf(url));
  }
}

/** @param {URLSearchParams} query */
function momentOf(query) {
  const seconds = query.get("t");
  return seconds !== null && /^\d+(\.\d+)?$/.test(seconds) ? Math.round(Number(seconds) * 1000) : null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
