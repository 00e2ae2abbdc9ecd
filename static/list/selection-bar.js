/** Several clips at once: chosen one by one, in a row or all; then deleted, tagged or taken along together. */

import { Selection } from "./selection.js";
import { locale, translate, words } from "../shared/words.js";
import { TOAST_MS } from "../shared/toast.js";
import { part } from "../shared/element.js";
import { suggest } from "../clip/tag-editor.js";

/** So many requests at a time: a browser opens six connections to a server. */
const AT_ONCE = 4;

/** Clips that fit into an address: servers take 8 KB of it, if not more. */
const MOST_EXPORTED = 200;

/** A finger that rests so long chooses: before the browser, after 500 ms, begins to select text. */
const LONG_PRESS_MS = 400;

/** What a finger does something else with. */
const FINGERS_OWN = "input:focus, select, textarea, [contenteditable], a, .text, .passages";

/** What a row's own keys and buttons are for. */
const OWN = "a, button, input, select, textarea, [contenteditable]";

export class SelectionBar {
  #selection = new Selection();
  #isOn = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} set while a deletion can be taken back */
  #undoing;
  /** @type {string[]} */
  #deleted = [];

  /**
   * @param {HTMLElement} element @param {{api: import("../shared/api.js").Api, library: import("../shared/library.js").Library,
   *   list: import("./clip-list.js").ClipList, actions: import("../shared/actions.js").Actions,
   *   announce: (words: string) => void}} page
   */
  constructor(element, { api, library, list, actions, announce }) {
    this.element = element;
    this.library = library;
    this.list = list;
    this.actions = actions;
    this.announce = announce;
    this.button = part(element, "select", HTMLButtonElement);
    const template = part(document, "chosen-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    translate(fragment);
    this.bar = part(fragment, "chosen", HTMLElement);
    this.bar.hidden = true;
    this.finder = part(element, "finder", HTMLElement);
    this.parts = {
      tools: part(fragment, "chosen-tools", HTMLElement),
      says: part(fragment, "chosen-says", HTMLElement),
      tag: part(fragment, "chosen-tag", HTMLInputElement),
      export: part(fragment, "chosen-export", HTMLAnchorElement),
      delete: part(fragment, "chosen-delete", HTMLButtonElement),
      undo: part(fragment, "chosen-undo", HTMLButtonElement),
    };
    this.parts.tag.placeholder = words.page.addTag;
    suggest(this.parts.tag, api);
    part(fragment, "chosen-all", HTMLElement).addEventListener("click", () => this.#all());
    part(fragment, "chosen-done", HTMLElement).addEventListener("click", () => this.#leave());
    part(fragment, "chosen-tools", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#tag();
    });
    this.parts.delete.addEventListener("click", () => void this.#delete());
    this.parts.undo.addEventListener("click", () => void this.#restore());
    this.finder.before(fragment);
    list.dressers.push((row) => this.#dress(row));
    list.days.addEventListener("click", (event) => this.#click(event), { capture: true });
    list.element.addEventListener("presented", () => this.#prune());
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    library.addEventListener("change", (event) => {
      const { id } = /** @type {CustomEvent} */ (event).detail;
      const entry = library.get(id);
      if ((!entry || entry.clip?.deleted_at) && this.#selection.ids.delete(id)) this.#draw();
    });
    for (const row of list.rows) this.#dress(row);
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
      const swallow = (/** @type {Event} */ click) => click.stopPropagation();
      addEventListener("click", swallow, { capture: true });
      addEventListener("pointerdown", () => removeEventListener("click", swallow, true), { capture: true, once: true });
    };
    setTimeout(work, LONG_PRESS_MS + timeStamp - performance.now());
  }

  #enter() {
    if (this.#isOn) return;
    this.#settle();
    this.#isOn = true;
    this.#draw(true);
  }

  #leave() {
    this.#settle();
    this.#isOn = false;
    this.#selection.set([]);
    const had = this.bar.contains(document.activeElement);
    this.#draw();
    if (had) this.button.focus({ preventScroll: true });
  }

  #all() {
    this.#selection.set(this.list.ids());
    this.#draw(true);
  }

  /** @param {boolean} [isSaid] */
  #draw(isSaid = false) {
    const { size, ids } = this.#selection;
    const said = words.selection.count(size, size.toLocaleString(locale));
    this.element.toggleAttribute("data-choosing", this.#isOn);
    this.button.ariaPressed = String(this.#isOn);
    this.bar.hidden = !this.#isOn && !this.#deleted.length;
    // The bar lies over it.
    this.finder.inert = !this.bar.hidden;
    this.parts.tools.hidden = !this.#isOn;
    this.parts.undo.hidden = !this.#deleted.length;
    if (!this.#deleted.length) this.#say(said);
    for (const tool of [this.parts.delete, this.parts.tag]) tool.disabled = !size;
    const isTooMuch = size > MOST_EXPORTED;
    const address = new URLSearchParams([...ids].map((id) => ["id", id]));
    if (isTooMuch) this.parts.export.removeAttribute("href");
    else this.parts.export.href = size ? `/api/library.zip?${address}` : "/api/library.zip";
    this.parts.export.textContent = size ? words.page.export : words.takeout.exportAll;
    this.parts.export.ariaDisabled = String(isTooMuch);
    this.parts.export.title = isTooMuch ? words.selection.most(MOST_EXPORTED) : "";
    for (const row of this.list.rows) this.#dress(row);
    if (isSaid) this.announce(said);
  }

  /** @param {string} sentence @param {boolean} [isProblem] */
  #say(sentence, isProblem = false) {
    this.parts.says.textContent = sentence;
    this.parts.says.role = isProblem ? "alert" : null;
  }

  /** @param {import("./clip-row.js").ClipRow} row */
  #dress(row) {
    const box = row.parts.pick;
    const entry = this.library.get(row.id);
    box.checked = this.#selection.ids.has(row.id);
    box.ariaLabel = words.selection.pick((entry?.local ?? entry?.clip)?.name ?? "");
    row.element.toggleAttribute("data-chosen", box.checked);
  }

  /** While one chooses, a row is one large box. @param {MouseEvent} event */
  #click(event) {
    const at = /** @type {Element} */ (event.target);
    const row = at.closest("[data-clip-id]");
    if (!this.#isOn || !row || at.closest(OWN) || at.closest(".pick")) return;
    event.preventDefault();
    event.stopPropagation();
    const id = row.getAttribute("data-clip-id") ?? "";
    this.pick(id, !this.#selection.ids.has(id), event.shiftKey);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || !this.#isOn || event.isComposing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    event.stopPropagation();
    this.#leave();
  }

  async #delete() {
    const ids = [...this.#selection.ids];
    if (this.#selection.ids.has(this.list.page.player.id)) this.list.page.player.close();
    // Rows go when nobody is in them.
    this.bar.focus({ preventScroll: true });
    const { done, failed, why } = await this.#each(ids, (id) => this.actions.remove(id));
    this.#deleted = done;
    this.#isOn = failed.length > 0;
    this.#selection.set(failed);
    this.#draw();
    const said = [done.length ? words.selection.deleted(done.length) : "", why && words.selection.undone(failed.length, why)];
    this.#say(said.filter(Boolean).join(" "), failed.length > 0);
    this.announce(this.parts.says.textContent ?? "");
    if (!done.length) return;
    this.parts.undo.focus({ preventScroll: true });
    this.#undoing = setTimeout(() => this.#expire(), TOAST_MS);
  }

  async #restore() {
    const ids = this.#deleted;
    this.#settle();
    const { failed, why } = await this.#each(ids, (id) => this.actions.restore(id));
    this.#deleted = failed;
    this.#draw();
    if (failed.length) {
      this.#say(words.selection.undone(failed.length, why), true);
    } else {
      this.announce(words.selection.restored(ids.length));
      this.button.focus({ preventScroll: true });
    }
  }

  #expire() {
    if (!this.#isOn) return this.#leave();
    this.#settle();
    this.#draw();
  }

  /** What is not listed any more, nobody sees, and nothing is done to it. */
  #prune() {
    if (!this.#isOn || !this.#selection.size) return;
    const listed = new Set(this.list.ids());
    this.#selection.set([...this.#selection.ids].filter((id) => listed.has(id)));
    this.#draw();
  }

  /** What was deleted stays so. */
  #settle() {
    clearTimeout(this.#undoing);
    this.#deleted = [];
  }

  async #tag() {
    const tag = this.parts.tag.value.trim();
    if (!tag) return;
    const ids = [...this.#selection.ids];
    const { done, failed, why } = await this.#each(ids, (id) => this.actions.retag(id, (tags) => [...tags, tag]));
    if (failed.length) return this.#say(words.selection.undone(failed.length, why), true);
    this.parts.tag.value = "";
    this.announce(words.selection.tagged(done.length, tag));
    this.#say(words.selection.tagged(done.length, tag));
  }

  /** @param {string[]} ids @param {(id: string) => Promise<unknown>} work */
  async #each(ids, work) {
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
    return { done, failed, why };
  }
}
