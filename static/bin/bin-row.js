/** One clip in the bin. */

import { confirmed } from "../shared/confirmation.js";
import { viewOf } from "../shared/clip-state.js";
import { part } from "../shared/element.js";
import { clock, day, dayTitle, fileName, keptUntil, time } from "../shared/format.js";
import { sentenceOfError } from "../shared/sentences.js";
import { translate, words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

export class BinRow {
  #entry;

  /** @param {Entry} entry @param {import("./bin-view.js").BinPage} page */
  constructor(entry, page) {
    this.#entry = entry;
    this.page = page;
    this.at = deletedAt(entry);
    const template = part(document, "deleted-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "binned", HTMLElement);
    this.parts = {
      name: part(this.element, "binned-name", HTMLElement),
      facts: part(this.element, "facts", HTMLElement),
      why: part(this.element, "binned-why", HTMLElement),
      problem: part(this.element, "binned-problem", HTMLElement),
      play: part(this.element, "play", HTMLButtonElement),
      save: part(this.element, "download", HTMLAnchorElement),
      restore: part(this.element, "restore", HTMLButtonElement),
      erase: part(this.element, "erase", HTMLButtonElement),
    };
    const { play, save, restore, erase } = this.parts;
    save.href = `${page.actions.api.audio(entry.id)}?download`;
    save.addEventListener("click", (event) => {
      if (this.#entry.clip) return;
      event.preventDefault();
      void this.#try(() => page.actions.download(this.#entry));
    });
    play.addEventListener("click", () => void this.#try(() => page.player.toggle(entry.id)));
    restore.addEventListener("click", () => void this.#try(() => this.#restore()));
    erase.addEventListener("click", () => void this.#try(() => this.#erase()));
    this.speak();
  }

  get #name() {
    const { clip, local } = this.#entry;
    return (local ?? clip)?.name ?? "";
  }

  /** @param {Entry} entry */
  show(entry) {
    this.#entry = entry;
    const about = entry.clip ?? entry.local;
    if (!about) return;
    const at = deletedAt(entry);
    const isFound = entry.clip?.found_at === at;
    const since = words.bin[isFound ? "found" : "deleted"](dayTitle(day(at)), time(at));
    const until = words.bin.until(keptUntil(at, this.page.facts.bin_days));
    const length = about.duration_ms === null ? [] : [clock(about.duration_ms)];
    const { name, facts, why, save, restore, erase } = this.parts;
    name.textContent = this.#name;
    facts.textContent = [...length, since, until].join(" · ");
    why.textContent = words.bin.whyFound;
    why.hidden = !isFound;
    save.download = fileName(about.name, about.mime);
    save.ariaLabel = save.title = words.bin.save(this.#name);
    restore.ariaLabel = words.bin.restore(this.#name);
    erase.ariaLabel = words.bin.erase(this.#name);
    // What is on its way to the server cannot be called back.
    erase.hidden = Boolean(entry.local && entry.local.state !== "refused");
    this.played();
  }

  /** Show the words of another language. */
  speak() {
    translate(this.element);
    this.show(this.#entry);
  }

  /** It plays, or does so no more. */
  played() {
    const plays = this.page.player.plays(this.#entry.id);
    this.parts.play.hidden = !viewOf(this.#entry).playable;
    this.parts.play.dataset.state = plays ? "playing" : "paused";
    this.parts.play.ariaLabel = words.list[plays ? "pause" : "play"](this.#name);
  }

  async #restore() {
    const { id } = this.#entry;
    const { actions, toast } = this.page;
    await actions.restore(id);
    toast.say(words.bin.restoredOne(this.#name), { undo: () => void this.#try(() => actions.remove(id)) });
  }

  async #erase() {
    const { id, clip, local } = this.#entry;
    const { player, actions, outbox, library, facts, announce } = this.page;
    const { title, sentence, action } = words.bin.eraseOne;
    if (!(await confirmed({ title: title(this.#name), sentence, action }))) return;
    if (player.id === id) player.close();
    if (clip) await actions.api.erase(id);
    if (local) await outbox.forget(id);
    library.erase(id);
    announce(words.bin.erased(this.#name));
    void facts.read();
  }

  /** @param {() => unknown} work */
  async #try(work) {
    let sentence = "";
    try {
      await work();
    } catch (error) {
      sentence = sentenceOfError(error);
    }
    this.parts.problem.textContent = sentence;
    this.parts.problem.hidden = !sentence;
  }
}

/** @param {Entry} entry */
function deletedAt({ clip, local }) {
  return local?.deleted_at ?? clip?.deleted_at ?? "";
}
