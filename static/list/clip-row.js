/** One clip of the list. Changed in place, never rebuilt, so that nobody who is at it is disturbed. */

import { viewOf } from "../shared/clip-state.js";
import { ConditionView, write } from "../shared/condition.js";
import { selects } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { gone } from "../shared/library.js";
import { LiveWords } from "../shared/live-words.js";
import { Menu } from "../shared/menu.js";
import { clipAddress } from "../shared/router.js";
import { translate, words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

/** How often the duration of a running recording is written anew. */
const TICK_MS = 1_000;

export class ClipRow {
  #entry;
  /** @type {ReturnType<typeof setInterval>|undefined} set while the clip is being recorded */
  #ticking;

  /**
   * @param {Entry} entry
   * @param {{template: HTMLTemplateElement, page: import("./clip-list.js").ListPage, left: (row: ClipRow) => void}} list
   *   `left` is told when the row is to go. `continue`, with the id of a recording that is to go on, is told to whom listens
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
      time: part(this.element, "time", HTMLElement),
      words: part(this.element, "words", HTMLElement),
      facts: part(this.element, "facts", HTMLElement),
      star: part(this.element, "star", HTMLButtonElement),
      play: part(this.element, "play", HTMLButtonElement),
      menu: part(this.element, "menu", HTMLButtonElement),
      pick: part(this.element, "pick", HTMLInputElement),
    };
    this.parts.title.href = clipAddress(entry.id);
    this.condition = new ConditionView(this.element);
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
    write(parts.time, view.time);
    write(parts.words, view.excerpt);
    parts.words.hidden = !view.excerpt;
    parts.words.lang = entry.clip?.language ?? "";
    parts.star.hidden = !entry.clip;
    parts.star.ariaPressed = String(Boolean(entry.clip?.starred));
    parts.star.ariaLabel = words.list.star(view.name);
    parts.menu.ariaLabel = words.list.menu(view.name);
    parts.pick.ariaLabel = words.selection.pick(view.name);
    this.played();
    this.#tell(view);
  }

  /** Whether this clip plays has changed. */
  played() {
    const isOn = this.list.page.player.plays(this.id);
    const { play } = this.parts;
    play.dataset.state = isOn ? "playing" : "paused";
    play.ariaLabel = words.list[isOn ? "pause" : "play"](viewOf(this.#entry).name);
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
    write(this.parts.facts, [view.length, ...(this.#entry.clip?.tags ?? []), view.unsent].filter(Boolean).join(" · "));
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
    const { actions, player } = this.list.page;
    /** @param {string} name @param {() => unknown} work */
    const on = (name, work) =>
      part(this.element, name, HTMLElement).addEventListener("click", async () => {
        try {
          await work();
        } catch (error) {
          this.list.page.toast.say(error instanceof Error ? error.message : String(error));
        }
      });
    on("play", () => player.toggle(this.id));
    on("star", () => actions.star(this.id, !this.#entry.clip?.starred));
    on("retry", () => actions.retry(this.id));
    on("continue", () => this.element.dispatchEvent(new CustomEvent("continue", { detail: this.id, bubbles: true })));
    on("finish", () => actions.finish(this.id));
    on("save", () => actions.download(this.#entry));
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #items() {
    const { actions, deletion } = this.list.page;
    const name = viewOf(this.#entry).name;
    return [
      { label: words.page.download, act: () => actions.download(this.#entry) },
      { label: words.page.delete, act: () => deletion.delete(this.id, name), isGrave: true },
    ];
  }
}
