/** Shows the places of the page: the list, and beside it, or instead of it on phones, a clip, the recording, the settings or the bin. */

import { Problem } from "./api.js";
import { part } from "./element.js";
import { gone } from "./library.js";
import { titlePlace } from "./page-title.js";
import { place } from "./router.js";
import { styled } from "./style-sheets.js";
import { sentenceOfError } from "./sentences.js";
import { language, words } from "./words.js";
import { late } from "./late.js";

const shortcuts = late(() => import("../clip/shortcuts.js"));
const clipPage = late(() => import("../clip/clip-page.js"));
const binView = late(() => import("../bin/bin-view.js"));
const settings = late(() => import("../settings/settings.js"));

/** @typedef {import("./router.js").Place} Place */

/**
 * @typedef {import("../clip/clip-page.js").ClipContext & {
 *   api: import("./api.js").Api, session: import("./session.js").Session, sync: import("./sync.js").Sync, feed: import("./feed.js").Feed,
 *   memory: import("../offline/memory.js").Memory, journal: import("../offline/journal.js").Journal,
 *   outbox: import("../offline/outbox.js").Outbox, sounds: import("../offline/audio-cache.js").AudioCache,
 *   facts: import("./server-facts.js").ServerFacts, choose: () => unknown,
 *   known: import("../offline/offline-library.js").OfflineLibrary, list: import("../list/clip-list.js").ClipList,
 *   panel: import("../recording/recorder-panel.js").RecorderPanel
 * }} PlacesContext
 */

export class Places {
  /** The clip's page that is open. @type {import("../clip/clip-page.js").ClipPage|null} */
  clip = null;
  /** @type {import("../bin/bin-view.js").BinView|null} */
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
    this.problem = {
      element: part(body, "link-problem", HTMLElement),
      words: part(body, "link-problem-words", HTMLElement),
      again: part(body, "link-again", HTMLButtonElement),
      bin: part(body, "link-bin", HTMLElement),
    };
    const { router, panel, library, feed, list } = page;
    this.problem.again.addEventListener("click", () => void this.#show(router.place));
    // What could not be opened is opened when the server is back, or when this device turns out to have it.
    feed.addEventListener("open", () => this.#isUnopened && void this.#show(router.place));
    library.addEventListener("change", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail.id));
    language.addEventListener("change", () => titlePlace(this.#title(router.place)));
    list.element.addEventListener("retag", (event) => void this.#retag(/** @type {CustomEvent} */ (event).detail));
    part(body, "skip", HTMLElement).addEventListener("click", () => this.#skip());
    router.addEventListener("place", (event) => void this.#arrive(/** @type {CustomEvent} */ (event).detail));
    panel.addEventListener("begin", () => {
      router.go(place("recording"), { replace: router.place.name === "recording" });
      // Where Stop leads: it is here then, also when the network is not.
      void Promise.all([clipPage(), styled("clip/clip-page")]).catch(() => {});
    });
    panel.addEventListener("show", () => router.go(place("recording")));
    panel.addEventListener("end", (event) => this.#ended(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("keydown", async (event) => {
      this.#keys ??= await shortcuts().catch(() => null);
      this.#keys?.press(event, { ...page, clip: this.clip, record: () => panel.begin(), mark: () => panel.mark() });
    });
  }

  /** Show what the address says. */
  async begin() {
    const { router, panel } = this.page;
    // A recording does not outlive its tab: the list offers to continue it.
    if (router.place.name === "recording" && !panel.isLive) router.go(place("list"), { replace: true });
    else await this.#show(router.place);
  }

  /** Somebody has signed in: what could not be opened is opened. */
  async again() {
    if (this.#isUnopened) await this.#show(this.page.router.place);
  }

  /** Save what is being typed. */
  flush() {
    this.clip?.flush();
  }

  /** @param {{place: Place, before: Place}} moved */
  async #arrive({ place: next, before }) {
    await this.#show(next);
    if (next.name === before.name && next.id === before.id) return;
    if (next.name !== "list") return this.#focusHeading();
    // Keyboards go on from the clip that was left.
    const row = before.name === "clip" ? this.page.list.reveal(before.id) : null;
    row?.parts.title.focus({ preventScroll: true });
  }

  #focusHeading() {
    const heading = this.problem.element.hidden ? this.detail.querySelector("[data-shown] h1, [data-shown] h2") : this.problem.words;
    if (heading instanceof HTMLElement) heading.focus({ preventScroll: true });
  }

  /** Over all that stands before it: to the clips where they are the place, elsewhere to the place. */
  #skip() {
    const { list } = this.page;
    const row = this.body.dataset.place === "list" ? list.days.querySelector("[data-clip-id] a") : null;
    if (row instanceof HTMLElement) row.focus();
    else if (this.body.dataset.place === "list") list.scroller.focus();
    else this.#focusHeading();
  }

  /** Whether the address names a clip that could not be opened, though it may be one day. */
  get #isUnopened() {
    return this.page.router.place.name === "clip" && !this.clip && !this.problem.element.hidden;
  }

  /** @param {string} id whose entry has come, changed or gone */
  #changed(id) {
    const { router, library } = this.page;
    if (router.place.name !== "clip" || router.place.id !== id) return;
    const entry = library.get(id);
    if (this.clip && !entry) void this.#show(router.place);
    else if (this.#isUnopened && entry && !gone(entry)) void this.#show(router.place);
    else titlePlace(this.#title(router.place));
  }

  /** Edit the tags of a clip of the list, on its page. @param {string} id */
  async #retag(id) {
    const { router } = this.page;
    if (router.place.name !== "clip" || router.place.id !== id) router.go(place("clip", { id }));
    await this.#showing;
    if (this.clip?.id === id) this.clip.editTags();
  }

  /** Settled when what was asked for last is shown. @type {Promise<void>} */
  #showing = Promise.resolve();

  /** @param {Place} next */
  #show(next) {
    return (this.#showing = this.#enter(next));
  }

  /** @param {Place} next */
  async #enter(next) {
    const turn = (this.#turn += 1);
    this.body.dataset.place = next.name;
    this.#say("");
    this.page.list.open = next.name === "clip" ? next.id : null;
    const isOpen = next.name === "clip" && this.clip?.id === next.id && this.page.library.get(next.id);
    if (!isOpen) this.#closeClip();
    if (next.name !== "bin" && this.#bin) this.#bin.open = false;
    if (next.name !== "settings") this.#settings?.leave();
    try {
      if (next.name === "clip") await this.#openClip(next, turn);
      else if (next.name === "bin") await this.#openBin(turn);
      else if (next.name === "settings") await this.#openSettings(turn);
    } catch (error) {
      if (turn === this.#turn) this.#say(sentenceOfError(error), error);
    }
    if (turn !== this.#turn) return;
    for (const view of this.detail.children) view.toggleAttribute("data-shown", this.#isOf(view, next.name));
    titlePlace(this.#title(next));
  }

  /** @param {Element} view @param {string} name */
  #isOf(view, name) {
    return view instanceof HTMLElement && view.dataset.place === name;
  }

  /** @param {Place} next @param {number} turn */
  async #openClip({ id, ms, tab }, turn) {
    const [{ ClipPage }] = await Promise.all([
      clipPage(),
      styled("clip/clip-page"),
      this.#find(id, turn),
    ]);
    const entry = this.page.library.get(id);
    if (turn !== this.#turn || !entry) return;
    if (gone(entry) && !this.clip) throw new Unopened(words.player.deleted, { bin: true });
    this.clip ??= new ClipPage(this.detail, entry, this.page);
    this.clip.tabs.show(tab);
    if (ms !== null) this.clip.goTo(ms);
  }

  /** Have a clip, which waits for no list: as it was last seen here, or else as the server has it. @param {string} id @param {number} turn */
  async #find(id, turn) {
    const { api, library, known } = this.page;
    const recalled = known.recall(id);
    if (!library.get(id)) await recalled;
    if (library.get(id) || turn !== this.#turn) return;
    try {
      library.apply(await api.get(id));
    } catch (error) {
      const isUnknown = error instanceof Problem && error.definite;
      if (!isUnknown) await known.recall(id, { isCut: true });
      if (library.get(id)) return;
      const why = sentenceOfError(error);
      throw new Unopened(isUnknown ? words.player.unknown : words.player.unopened(why), { again: !isUnknown });
    }
  }

  #closeClip() {
    this.clip?.close();
    this.clip = null;
  }

  /** @param {number} turn */
  async #openBin(turn) {
    const [{ BinView }] = await Promise.all([binView(), styled("bin/bin")]);
    if (turn !== this.#turn) return;
    this.#bin ??= new BinView(part(this.body, "deleted", HTMLElement), this.page);
    this.#bin.open = true;
  }

  /** @param {number} turn */
  async #openSettings(turn) {
    const [{ Settings }] = await Promise.all([
      settings(),
      ...["settings/settings", "shared/sheet"].map(styled),
    ]);
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
    return { list: "", clip: (entry?.local ?? entry?.clip)?.name ?? "", recording: words.recorder.recording, settings: words.page.settings, bin: words.page.bin }[name];
  }

  /** Say why a place cannot be shown, and the ways out. @param {string} sentence @param {unknown} [error] */
  #say(sentence, error) {
    const { element, words: said, again, bin } = this.problem;
    said.textContent = sentence;
    element.hidden = !sentence;
    const ways = error instanceof Unopened ? error.ways : { again: true };
    again.hidden = !ways.again;
    bin.hidden = !ways.bin;
  }
}

/** Why a clip cannot be opened, and whether it can be asked for again, or is in the bin. */
class Unopened extends Error {
  /** @param {string} message @param {{again?: boolean, bin?: boolean}} ways */
  constructor(message, ways) {
    super(message);
    this.ways = ways;
  }
}
