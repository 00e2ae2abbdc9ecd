/** Shows the places of the page: the list, and beside it, or instead of it on phones, a clip, the recording, the settings or the bin. */

import { Problem } from "./api.js";
import { part } from "./element.js";
import { late } from "./late.js";
import { gone } from "./library.js";
import { place } from "./router.js";
import { styled } from "./style-sheets.js";
import { words } from "./words.js";

/** @typedef {import("./router.js").Place} Place */

/**
 * @typedef {import("../clip/clip-page.js").ClipContext & {
 *   api: import("./api.js").Api, sync: import("./sync.js").Sync, list: import("../list/clip-list.js").ClipList,
 *   panel: import("../recording/recorder-panel.js").RecorderPanel
 * }} PlacesContext
 */

const shortcuts = late(() => import("../clip/shortcuts.js"));
const clipPage = late(() => import("../clip/clip-page.js"));
const binView = late(() => import("../list/bin-view.js"));
const settings = late(() => import("../settings/settings.js"));

export class Places {
  /** The clip's page that is open. @type {import("../clip/clip-page.js").ClipPage|null} */
  clip = null;
  /** @type {import("../list/bin-view.js").BinView|null} */
  #bin = null;
  /** The newest place that was asked for: what comes later for another one is too late. */
  #turn = 0;
  /** @type {typeof import("../clip/shortcuts.js")|null} */
  #keys = null;

  /** @param {HTMLElement} body @param {PlacesContext} page */
  constructor(body, page) {
    this.body = body;
    this.page = page;
    this.detail = part(body, "detail", HTMLElement);
    this.problem = part(body, "link-problem", HTMLElement);
    const { router, panel } = page;
    router.addEventListener("place", (event) => void this.#arrive(/** @type {CustomEvent} */ (event).detail));
    panel.addEventListener("begin", () => router.go(place("recording"), { replace: router.place.name === "recording" }));
    panel.addEventListener("end", (event) => this.#ended(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("keydown", async (event) => {
      this.#keys ??= await shortcuts().catch(() => null);
      this.#keys?.press(event, { ...page, clip: this.clip, record: () => panel.press() });
    });
  }

  /** Show what the address says, when the list around it is there or is known not to come. */
  async begin() {
    const { router, panel } = this.page;
    // A recording does not outlive its tab: the list offers to continue it.
    if (router.place.name === "recording" && !panel.isLive) router.go(place("list"), { replace: true });
    else await this.#show(router.place);
  }

  /** Save what is being typed. */
  flush() {
    this.clip?.flush();
  }

  /** @param {{place: Place, before: Place}} moved */
  async #arrive({ place: next, before }) {
    await this.#show(next);
    if (next.name === before.name && next.id === before.id) return;
    const heading = this.detail.querySelector("[data-shown] h1, [data-shown] h2");
    if (next.name !== "list") return void (heading instanceof HTMLElement && heading.focus({ preventScroll: true }));
    // Keyboards go on from the clip that was left.
    const row = before.name === "clip" ? this.page.list.reveal(before.id) : null;
    row?.parts.title.focus({ preventScroll: true });
  }

  /** @param {Place} next */
  async #show(next) {
    const turn = (this.#turn += 1);
    this.body.dataset.place = next.name;
    this.#say("");
    this.page.list.open = next.name === "clip" ? next.id : null;
    if (next.name !== "clip" || this.clip?.id !== next.id) this.#closeClip();
    if (next.name !== "bin" && this.#bin) this.#bin.open = false;
    try {
      if (next.name === "clip") await this.#openClip(next, turn);
      else if (next.name === "bin") await this.#openBin(turn);
      else if (next.name === "settings") await this.#openSettings(turn);
    } catch (error) {
      if (turn === this.#turn) this.#say(error instanceof Error ? error.message : String(error));
    }
    if (turn !== this.#turn) return;
    for (const view of this.detail.children) view.toggleAttribute("data-shown", this.#isOf(view, next.name));
    document.title = this.#title(next);
  }

  /** @param {Element} view @param {string} name */
  #isOf(view, name) {
    return view instanceof HTMLElement && view.dataset.place === name;
  }

  /** @param {Place} next @param {number} turn */
  async #openClip({ id, ms, tab }, turn) {
    const { api, library } = this.page;
    const [{ ClipPage }] = await Promise.all([clipPage(), styled("clip/clip-page")]);
    if (turn !== this.#turn) return;
    try {
      if (!library.get(id)) library.apply(await api.get(id));
    } catch (error) {
      const isUnknown = error instanceof Problem && error.definite;
      throw new Problem(isUnknown ? words.player.unknown : words.player.unopened(error instanceof Error ? error.message : String(error)));
    }
    const entry = library.get(id);
    if (turn !== this.#turn || !entry) return;
    if (gone(entry)) throw new Problem(words.player.deleted);
    this.clip ??= new ClipPage(this.detail, entry, this.page);
    this.clip.tabs.show(tab);
    if (ms !== null) this.clip.goTo(ms);
  }

  #closeClip() {
    this.clip?.close();
    this.clip = null;
  }

  /** @param {number} turn */
  async #openBin(turn) {
    const { BinView } = await binView();
    if (turn !== this.#turn) return;
    this.#bin ??= new BinView(part(this.body, "deleted", HTMLElement), this.page);
    this.#bin.open = true;
  }

  /** @param {number} turn */
  async #openSettings(turn) {
    const [{ Settings }] = await Promise.all([settings(), styled("settings/settings")]);
    if (turn !== this.#turn) return;
    this.#settings ??= new Settings(part(this.body, "settings", HTMLElement), this.page);
    this.#settings.show();
  }

  /** @type {import("../settings/settings.js").Settings|null} */
  #settings = null;

  /** A recording is over: its page is where one wants to be, if one was at it. @param {string} id */
  #ended(id) {
    const { router } = this.page;
    if (router.place.name === "recording") router.go(id ? place("clip", { id }) : place("list"), { replace: true });
  }

  /** @param {Place} next */
  #title({ name, id }) {
    const entry = this.page.library.get(id);
    const title = { list: "", clip: (entry?.local ?? entry?.clip)?.name ?? "", recording: words.recorder.recording, settings: words.page.settings, bin: words.page.bin }[name];
    return title ? `${title} – Dictaphone` : "Dictaphone";
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
  }
}
