/** Several clips at once: chosen one by one, in a row or all; then deleted, tagged, starred or taken along together. */

import { Selection } from "./selection.js";
import { language, locale, translate, words } from "../shared/words.js";
import { part } from "../shared/element.js";
import { suggest } from "../clip/tag-editor.js";

/** So many requests at a time: a browser opens six connections to a server. */
const AT_ONCE = 4;

/** Clips that fit into an address: servers take 8 KB of it, if not more. */
const MAX_EXPORTED = 200;

/** A finger that rests so long chooses: before the browser, after 500 ms, begins to select text. */
const LONG_PRESS_MS = 400;

/** What a finger does something else with. */
const FINGERS_OWN = "button, input, .passages a";

export class SelectionBar {
  #selection = new Selection();
  #isOn = false;

  /**
   * @param {HTMLElement} element @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
   *   list: import("./clip-list.js").ClipList, actions: import("../shared/actions.js").Actions,
   *   toast: import("../shared/toast.js").Toast, announce: (words: string) => void}} page
   */
  constructor(element, { api, library, list, actions, toast, announce }) {
    this.element = element;
    this.library = library;
    this.list = list;
    this.actions = actions;
    this.toast = toast;
    this.announce = announce;
    this.button = part(element, "select", HTMLButtonElement);
    this.finder = part(element, "finder", HTMLElement);
    const template = part(document, "chosen-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.bar = part(fragment, "chosen", HTMLElement);
    this.bar.hidden = true;
    this.parts = {
      says: part(fragment, "chosen-says", HTMLElement),
      tag: part(fragment, "chosen-tag", HTMLInputElement),
      star: part(fragment, "chosen-star", HTMLButtonElement),
      export: part(fragment, "chosen-export", HTMLAnchorElement),
      delete: part(fragment, "chosen-delete", HTMLButtonElement),
    };
    suggest(this.parts.tag, api);
    part(fragment, "chosen-all", HTMLElement).addEventListener("click", () => this.#set(this.list.ids()));
    part(fragment, "chosen-done", HTMLElement).addEventListener("click", () => this.#leave());
    part(fragment, "chosen-tools", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#tag(this.parts.tag.value.trim());
    });
    this.parts.star.addEventListener("click", () => void this.#star());
    this.parts.delete.addEventListener("click", () => void this.#delete());
    this.finder.after(fragment);
    list.dressers.push((row) => this.#dress(row));
    list.days.addEventListener("click", (event) => this.#click(event), { capture: true });
    list.element.addEventListener("presented", () => this.#prune());
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    library.addEventListener("change", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail.id));
    language.addEventListener("change", () => this.#speak());
    this.#speak();
  }

  /** Begin to choose, or end it. */
  toggle() {
    if (this.#isOn) return this.#leave();
    this.#enter();
    this.bar.focus({ preventScroll: true });
  }

  /** @param {string} id @param {boolean} chosen @param {boolean} isRange */
  pick(id, chosen, isRange) {
    this.#enter();
    this.#selection.pick(id, chosen, isRange ? (from, to) => this.list.ids(from, to) : undefined);
    this.#draw(true);
  }

  /** A finger is on a row. @param {PointerEvent} event @param {string} id @param {() => boolean} isDown still */
  rest({ target, timeStamp }, id, isDown) {
    if (!id || /** @type {Element} */ (target).closest(FINGERS_OWN)) return;
    const work = () => {
      if (!isDown()) return;
      this.pick(id, true, false);
      // It is lifted somewhere: that is no press of a button.
      const swallow = (/** @type {Event} */ click) => (click.stopPropagation(), click.preventDefault());
      addEventListener("click", swallow, { capture: true });
      addEventListener("pointerdown", () => removeEventListener("click", swallow, true), { capture: true, once: true });
    };
    setTimeout(work, LONG_PRESS_MS + timeStamp - performance.now());
  }

  #speak() {
    translate(this.bar);
    this.parts.tag.placeholder = words.page.addTag;
    this.#draw();
  }

  #enter() {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#draw(true);
  }

  #leave() {
    this.#isOn = false;
    this.#selection.set([]);
    const had = this.bar.contains(document.activeElement);
    this.#draw();
    if (had) this.button.focus({ preventScroll: true });
  }

  /** @param {Iterable<string>} ids */
  #set(ids) {
    this.#selection.set(ids);
    this.#draw(true);
  }

  /** @param {boolean} [isSaid] */
  #draw(isSaid = false) {
    const { size, ids } = this.#selection;
    const said = words.selection.count(size, size.toLocaleString(locale));
    this.element.toggleAttribute("data-choosing", this.#isOn);
    this.button.ariaPressed = String(this.#isOn);
    this.bar.hidden = !this.#isOn;
    this.finder.inert = this.#isOn;
    this.parts.says.textContent = said;
    for (const tool of [this.parts.delete, this.parts.tag, this.parts.star]) tool.disabled = !size;
    this.parts.star.ariaPressed = String(size > 0 && this.#areStarred);
    this.#offer(size ? `?${new URLSearchParams([...ids].map((id) => ["id", id]))}` : "", size);
    for (const row of this.list.rows) this.#dress(row);
    if (isSaid) this.announce(said);
  }

  /** The chosen clips as a file; all, while none is chosen. @param {string} query @param {number} size */
  #offer(query, size) {
    const link = this.parts.export;
    const isTooMuch = size > MAX_EXPORTED;
    if (isTooMuch) link.removeAttribute("href");
    else link.href = `/api/library.zip${query}`;
    link.ariaLabel = size ? words.page.export : words.takeout.exportAll;
    link.ariaDisabled = String(isTooMuch);
    link.title = isTooMuch ? words.selection.most(MAX_EXPORTED) : link.ariaLabel;
  }

  /** @param {import("./clip-row.js").ClipRow} row */
  #dress(row) {
    row.parts.pick.checked = this.#selection.ids.has(row.id);
    row.element.toggleAttribute("data-chosen", row.parts.pick.checked);
  }

  /** While one chooses, a row is one large box. @param {MouseEvent} event */
  #click(event) {
    const at = /** @type {Element} */ (event.target);
    const row = at.closest("[data-clip-id]");
    if (!this.#isOn || !row || at.closest("button, .pick, .passages a")) return;
    event.preventDefault();
    event.stopPropagation();
    const id = row.getAttribute("data-clip-id") ?? "";
    this.pick(id, !this.#selection.ids.has(id), event.shiftKey);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || !this.#isOn || event.isComposing || document.querySelector("dialog[open], .menu")) return;
    event.preventDefault();
    event.stopPropagation();
    this.#leave();
  }

  /** @param {string} id */
  #changed(id) {
    if (!this.#selection.ids.has(id)) return;
    const entry = this.library.get(id);
    if (!entry || entry.clip?.deleted_at || entry.local?.deleted_at) this.#selection.ids.delete(id);
    this.#draw();
  }

  /** What is not listed any more, nobody sees, and nothing is done to it. */
  #prune() {
    if (!this.#isOn || !this.#selection.size) return;
    const listed = new Set(this.list.ids());
    this.#selection.set([...this.#selection.ids].filter((id) => listed.has(id)));
    this.#draw();
  }

  async #delete() {
    const byKey = this.parts.delete.matches(":focus-visible");
    // Rows go when nobody is in them.
    this.bar.focus({ preventScroll: true });
    const { done, failed } = await this.#each([...this.#selection.ids], (id) => this.actions.remove(id), (done) => ({
      said: words.selection.deleted(done.length),
      undo: () => void this.#restore(done),
    }));
    this.#selection.set(failed);
    if (failed.length) this.#draw();
    else this.#leave();
    if (byKey && done.length) this.toast.undo.focus({ preventScroll: true });
  }

  /** @param {string[]} ids */
  async #restore(ids) {
    await this.#each(ids, (id) => this.actions.restore(id), (done) => ({ said: words.selection.restored(done.length) }));
    this.button.focus({ preventScroll: true });
  }

  /** @param {string} tag */
  async #tag(tag) {
    if (!tag) return;
    const without = [...this.#selection.ids].filter((id) => !this.library.get(id)?.clip?.tags.includes(tag));
    const change = (/** @type {string} */ id) => this.actions.retag(id, (tags) => [...tags, tag]);
    const back = (/** @type {string} */ id) => this.actions.retag(id, (tags) => tags.filter((other) => other !== tag));
    const { failed } = await this.#each(without, change, (done) => ({
      said: words.selection.tagged(this.#selection.size, tag),
      undo: done.length ? () => void this.#each(done, back) : undefined,
    }));
    if (!failed.length) this.parts.tag.value = "";
  }

  get #areStarred() {
    return [...this.#selection.ids].every((id) => this.library.get(id)?.clip?.starred);
  }

  /** A star for all of them, or for none, if all have one. */
  async #star() {
    const isStarred = !this.#areStarred;
    await this.#each([...this.#selection.ids], (id) => this.actions.star(id, isStarred));
    this.#draw();
  }

  /**
   * Do it to each, and say what could not be done until a person has read it.
   * @param {string[]} ids @param {(id: string) => Promise<unknown>} work
   * @param {(done: string[]) => {said: string, undo?: () => void}} [tell] what is said of those that could
   */
  async #each(ids, work, tell) {
    const [done, failed] = [/** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
    let why = "";
    const waiting = [...ids];
    this.bar.ariaBusy = "true";
    const worker = async () => {
      for (let id; (id = waiting.shift()); ) {
        try {
          await work(id);
          done.push(id);
        } catch (error) {
          failed.push(id);
          why = error instanceof Error ? error.message : String(error);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    this.bar.ariaBusy = "false";
    const told = done.length || !failed.length ? tell?.(done) : undefined;
    const problem = failed.length ? words.selection.undone(failed.length, why) : "";
    const said = [told?.said, problem].filter(Boolean).join(" ");
    if (said) this.toast.say(said, { undo: told?.undo, stays: failed.length > 0 });
    return { done, failed };
  }
}
