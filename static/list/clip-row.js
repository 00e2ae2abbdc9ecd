/** One clip of the list. Changed in place, never rebuilt, so that nobody who is at it is disturbed. */

import { viewOf } from "../shared/clip-state.js";
import { ConditionView, write } from "../shared/condition.js";
import { selects } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { dateTime, shortDate, time as clockTime } from "../shared/format.js";
import { gone } from "../shared/library.js";
import { sentenceOfError } from "../shared/sentences.js";
import { LiveWords } from "../shared/live-words.js";
import { Menu } from "../shared/menu.js";
import { clipAddress } from "../shared/router.js";
import { translate, words } from "../shared/words.js";
import { late } from "../shared/late.js";

const sharing = late(() => import("../clip/sharing.js"));

/** @typedef {import("../shared/types.js").Entry} Entry */

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

export class ClipRow {
  #entry;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;

  /**
   * @param {Entry} entry
   * @param {{template: HTMLTemplateElement, page: import("./clip-list.js").ListPage, left: (row: ClipRow) => void,
   *   isUnread: (clip: Entry["clip"]) => boolean, isDated: () => boolean}} list
   *   `left` is told when the row is to go; `isDated`: a heading says of which day it is. `continue`, with the id of a recording that is to go on, is told to whom listens
   */
  constructor(entry, list) {
    this.#entry = entry;
    this.list = list;
    this.at = entry.at;
    this.id = entry.id;
    const fragment = /** @type {DocumentFragment} */ (list.template.content.cloneNode(true));
    this.element = part(fragment, "clip", HTMLElement);
    this.element.dataset.clipId = entry.id;
    this.parts = {
      title: part(this.element, "title", HTMLAnchorElement),
      time: part(this.element, "time", HTMLTimeElement),
      words: part(this.element, "words", HTMLElement),
      facts: part(this.element, "facts", HTMLElement),
      tagged: part(this.element, "tagged", HTMLElement),
      tags: part(this.element, "tags", HTMLElement),
      star: part(this.element, "star", HTMLElement),
      unread: part(this.element, "unread", HTMLElement),
      play: part(this.element, "play", HTMLButtonElement),
      menu: part(this.element, "menu", HTMLButtonElement),
      pick: part(this.element, "pick", HTMLInputElement),
    };
    this.parts.title.href = clipAddress(entry.id);
    const { actions } = list.page;
    const ways = {
      retry: () => this.#try(() => actions.retry(this.id)),
      resume: () => this.#ask("continue"),
      finish: () => this.#try(() => actions.finish(this.id)),
      save: () => this.#try(() => actions.download(this.#entry)),
    };
    this.condition = new ConditionView(this.element, ways, { isOneOfMany: true });
    this.heard = new LiveWords(part(this.element, "heard", HTMLElement));
    this.menu = new Menu(this.parts.menu, () => this.#items());
    this.#listen();
    this.speak();
  }

  /** Whether a person is at this row, so that scrolling must not take it away. */
  get held() {
    return this.element.contains(document.activeElement) || this.menu.isOpen || selects(this.element);
  }

  /** Say everything in the language of the page, which may be another one than before. */
  speak() {
    translate(this.element);
    this.show(this.#entry);
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    if (gone(entry)) return this.list.left(this);
    const { parts } = this;
    const view = viewOf(entry);
    write(parts.title, view.name);
    this.tellTime();
    this.read();
    write(parts.words, view.excerpt);
    parts.words.hidden = !view.excerpt;
    parts.words.lang = entry.clip?.language ?? "";
    parts.star.hidden = !entry.clip?.starred;
    write(parts.tags, (entry.clip?.tags ?? []).join(", "));
    parts.tagged.hidden = !entry.clip?.tags.length;
    parts.menu.ariaLabel = words.list.menu(view.name);
    parts.pick.ariaLabel = words.selection.pick(view.name);
    this.played();
    this.#tell(view);
  }

  /** Say when it was made: the time alone where a heading says of which day it is. */
  tellTime() {
    const { time } = this.parts;
    const { at } = this.#entry;
    write(time, this.list.isDated() ? clockTime(at) : shortDate(at));
    time.dateTime = at;
    time.title = dateTime(at);
  }

  /** Mark words that nobody has opened on this device. */
  read() {
    const isUnread = this.list.isUnread(this.#entry.clip);
    this.parts.unread.hidden = !isUnread;
    this.parts.unread.ariaLabel = words.list.unread;
  }

  /** Whether this clip plays has changed. */
  played() {
    const isOn = this.list.page.player.plays(this.id);
    const { play } = this.parts;
    const view = viewOf(this.#entry);
    play.hidden = !view.playable;
    play.dataset.state = isOn ? "playing" : "paused";
    play.ariaLabel = words.list[isOn ? "pause" : "play"](view.name);
  }

  /** Whether the clip is open beside the list. @param {boolean} isOpen */
  set open(isOpen) {
    this.parts.title.ariaCurrent = isOpen ? "page" : null;
    this.element.toggleAttribute("data-open", isOpen);
  }

  /** The row is no longer shown. */
  close() {
    this.#still();
    this.menu.close();
  }

  /** What changes by itself while time passes. @param {import("../shared/clip-state.js").View} view */
  #tell(view) {
    this.element.dataset.status = view.kind;
    write(this.parts.facts, [view.length, view.unsent].filter(Boolean).join(" · "));
    this.heard.show(view);
    this.condition.show(view);
    if (!view.running && !view.awaited) this.#still();
    else this.#ticking ??= setInterval(() => this.#tell(viewOf(this.#entry)), TICK_MS);
  }

  #still() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #listen() {
    const { player } = this.list.page;
    this.parts.play.addEventListener("click", () => void this.#try(() => player.toggle(this.id)));
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #items() {
    const { actions, deletion } = this.list.page;
    const { name } = viewOf(this.#entry);
    const { clip } = this.#entry;
    const onServer = clip && [
      { label: words.page.star, isOn: Boolean(clip.starred), act: () => this.#try(() => actions.star(this.id, !clip.starred)) },
      { label: words.page.tags, act: () => this.#ask("retag") },
    ];
    return [
      ...(onServer ?? []),
      ...(clip && "share" in navigator ? [{ label: words.page.share, act: () => this.#try(() => this.#share()) }] : []),
      ...(clip ? [{ label: words.page.copyLink, act: () => this.#try(() => this.#copyLink()) }] : []),
      { label: words.page.download, act: () => this.#try(() => actions.download(this.#entry)) },
      { label: words.page.delete, act: () => deletion.delete(this.id, name), isGrave: true },
    ];
  }

  /** Give another app the words, and the sound if it is here. */
  async #share() {
    const { shareable } = await sharing();
    try {
      await navigator.share(await shareable(this.list.page.actions, this.id, {}));
    } catch (error) {
      // Given up by a person.
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    }
  }

  async #copyLink() {
    const { toast } = this.list.page;
    const link = new URL(clipAddress(this.id), location.href).href;
    await navigator.clipboard?.writeText(link);
    toast.say(navigator.clipboard ? words.player.copied : link);
  }

  /** Do what may fail, and say why. @param {() => unknown} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.list.page.toast.say(sentenceOfError(error));
    }
  }

  /** Ask whoever listens to go on with this clip. @param {string} what */
  #ask(what) {
    this.element.dispatchEvent(new CustomEvent(what, { detail: this.id, bubbles: true }));
  }
}
