/** The bin: what was deleted, until when it is kept, and the way back. */

import { clock, day, dayTitle, fileName, keptUntil, time } from "../shared/format.js";
import { words } from "../shared/words.js";
import { gone } from "../shared/library.js";
import { part } from "../shared/element.js";
import { Player } from "../player/player.js";
import { sentenceOfError } from "../shared/sentences.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

export class BinView {
  /** @type {Map<string, BinRow>} */
  #rows = new Map();
  /** @type {string|null} */
  #next = null;
  #reading = false;
  #known = false;

  #isOpen = false;

  /**
   * @param {HTMLElement} element @param {{library: import("../shared/library.js").Library,
   *   actions: import("../shared/actions.js").Actions, sync: import("../shared/sync.js").Sync,
   *   announce: (words: string) => void}} page
   */
  constructor(element, { library, actions, sync, announce }) {
    this.library = library;
    this.actions = actions;
    this.announce = announce;
    this.element = element;
    this.title = part(element, "deleted-title", HTMLElement);
    this.problem = part(element, "deleted-problem", HTMLElement);
    this.empty = part(element, "deleted-empty", HTMLElement);
    this.list = part(element, "deleted-clips", HTMLElement);
    this.more = part(element, "deleted-more", HTMLButtonElement);
    this.template = part(document, "deleted-template", HTMLTemplateElement);
    this.more.addEventListener("click", () => void this.#read(this.#next));
    library.addEventListener("change", (event) => this.#change(/** @type {CustomEvent} */ (event).detail.id));
    sync.addEventListener("list", (event) => this.#isOpen && !(/** @type {CustomEvent} */ (event).detail) && this.#read());
  }

  /** Show the bin, or leave it. @param {boolean} isOpen */
  set open(isOpen) {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    for (const id of [...this.#rows.keys()]) this.#remove(id);
    if (!isOpen) return;
    for (const { id } of this.library.deleted()) this.#change(id);
    void this.#read();
  }

  /** @param {string|null} [cursor] */
  async #read(cursor = null) {
    if (this.#reading) return;
    this.#reading = true;
    this.more.ariaBusy = "true";
    try {
      const page = await this.actions.api.list(cursor, { deleted: true });
      this.library.add(page.clips);
      this.#next = page.next;
      this.#known = true;
      this.#say(null);
    } catch (error) {
      this.#say(words.bin.unreadable(sentenceOfError(error)));
    } finally {
      this.#reading = false;
      this.more.ariaBusy = "false";
      this.#emptiness();
    }
  }

  /** @param {string|null} problem */
  #say(problem) {
    this.problem.textContent = problem ?? "";
    this.problem.hidden = !problem;
    this.more.textContent = words.bin[problem ? "tryAgain" : "earlier"];
    this.more.hidden = !problem && !this.#next;
  }

  /** @param {string} id */
  #change(id) {
    if (!this.#isOpen) return;
    const entry = this.library.get(id);
    const row = this.#rows.get(id);
    if (!entry || !gone(entry)) this.#remove(id);
    else if (row) row.show(entry);
    else {
      const placed = new BinRow(entry, this.actions, this.template, () => this.#restore(entry));
      const next = [...this.#rows.values()]
        .filter((other) => other.at < placed.at)
        .reduce((latest, other) => (latest && latest.at > other.at ? latest : other), /** @type {BinRow|null} */ (null));
      this.#rows.set(id, placed);
      this.list.insertBefore(placed.element, next?.element ?? null);
    }
    this.#emptiness();
  }

  /** @param {Entry} entry */
  async #restore({ id, clip, local }) {
    await this.actions.restore(id);
    this.announce(words.bin.restoredOne((local ?? clip)?.name ?? ""));
  }

  /** @param {string} id */
  #remove(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    if (row.element.contains(document.activeElement)) {
      const beside = row.element.nextElementSibling ?? row.element.previousElementSibling;
      (beside ? part(beside, "restore", HTMLElement) : this.title).focus();
    }
    row.player.close();
    row.element.remove();
  }

  #emptiness() {
    this.empty.hidden = !this.#known || !this.problem.hidden || this.#rows.size > 0;
  }
}

/** One clip in the bin. */
class BinRow {
  #entry;

  /**
   * @param {Entry} entry @param {import("../shared/actions.js").Actions} actions @param {HTMLTemplateElement} template
   * @param {() => Promise<void>} restore
   */
  constructor(entry, actions, template, restore) {
    this.#entry = entry;
    this.at = deletedAt(entry);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "binned", HTMLElement);
    this.name = part(this.element, "binned-name", HTMLElement);
    this.facts = part(this.element, "facts", HTMLElement);
    this.why = part(this.element, "binned-why", HTMLElement);
    this.why.textContent = words.bin.whyFound;
    this.problem = part(this.element, "binned-problem", HTMLElement);
    this.save = part(this.element, "download", HTMLAnchorElement);
    this.player = new Player(
      {
        play: part(this.element, "play", HTMLButtonElement),
        bar: part(this.element, "bar", HTMLElement),
        seek: part(this.element, "seek", HTMLInputElement),
        time: part(this.element, "time", HTMLElement),
      },
      { source: (segment, how) => actions.audio(this.#entry, segment, how), failed: (sentence) => this.#say(sentence) },
    );
    this.save.href = `${actions.api.audio(entry.id)}?download`;
    this.save.addEventListener("click", (event) => {
      if (this.#entry.clip) return;
      event.preventDefault();
      actions.download(this.#entry).catch((error) => this.#say(String(error)));
    });
    part(this.element, "restore", HTMLButtonElement).addEventListener("click", () =>
      restore().catch((error) => this.#say(sentenceOfError(error))),
    );
    this.show(entry);
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    const about = entry.clip ?? entry.local;
    if (!about) return;
    const at = deletedAt(entry);
    const length = about.duration_ms === null ? [] : [clock(about.duration_ms)];
    const isFound = entry.clip?.found_at === at;
    const since = words.bin[isFound ? "found" : "deleted"](dayTitle(day(at)), time(at));
    this.name.textContent = about.name;
    this.facts.textContent = [...length, since, words.bin.until(keptUntil(at))].join(" · ");
    this.why.hidden = !isFound;
    this.save.download = fileName(about.name, about.mime);
    this.player.duration_ms = about.duration_ms;
  }

  /** @param {string|null} sentence */
  #say(sentence) {
    this.problem.textContent = sentence ?? "";
    this.problem.hidden = !sentence;
  }
}

/** @param {Entry} entry */
function deletedAt({ clip, local }) {
  return local?.deleted_at ?? clip?.deleted_at ?? "";
}
