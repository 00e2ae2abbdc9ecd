/** The head of a clip's page: its title, what it is, its tags, and what can be done with all of it. */

import { write } from "../shared/condition.js";
import { Editable } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { Menu } from "../shared/menu.js";
import { words } from "../shared/words.js";
import { LanguagePicker } from "./language-picker.js";
import { Tags } from "./tags.js";

/** @typedef {import("../shared/types.js").Entry} Entry */
/** @typedef {import("../shared/clip-state.js").View} View */

export class ClipHead {
  /** @type {Entry|null} */
  #entry = null;

  /** @param {import("./clip-page.js").ClipPage} clip */
  constructor(clip) {
    this.clip = clip;
    const { element, page, id } = clip;
    const { actions } = page;
    this.title = part(element, "clip-title", HTMLElement);
    this.rename = part(element, "rename", HTMLButtonElement);
    this.facts = part(element, "facts", HTMLElement);
    this.by = part(element, "by", HTMLElement);
    this.star = part(element, "star", HTMLButtonElement);
    this.play = part(element, "play-clip", HTMLButtonElement);
    this.field = part(element, "name", HTMLInputElement);
    this.name = new Editable(this.field, {
      save: (name) => clip.saving(actions.rename(id, name)),
      failed: (error) => clip.unsaved(error, this.name),
      required: true,
      left: () => this.#edits(false),
    });
    this.field.addEventListener("blur", () => this.name.busy || this.#edits(false));
    this.language = new LanguagePicker(
      element,
      (code) => clip.saving(actions.speak(id, code)),
      (error) => clip.note.say(String(error)),
    );
    this.tags = new Tags(element, actions.api, (change) => clip.try(() => actions.retag(id, change)));
    this.menu = new Menu(part(element, "menu", HTMLButtonElement), () => this.#items());
    this.downloads = new Menu(part(element, "download", HTMLButtonElement), () => this.#downloads());
    this.rename.addEventListener("click", () => this.#edits(true));
    this.title.addEventListener("keydown", ({ key }) => (key === "Enter" || key === "F2") && this.#edits(true));
    this.star.addEventListener("click", () => clip.try(() => actions.star(id, !this.#entry?.clip?.starred)));
    this.play.addEventListener("click", () => page.player.toggle(id));
    part(element, "leave", HTMLElement).addEventListener("click", (event) => {
      event.preventDefault();
      page.router.leave();
    });
  }

  /** @param {Entry} entry @param {View} view */
  show(entry, view) {
    this.#entry = entry;
    write(this.title, view.name);
    this.name.show(view.name);
    this.star.ariaPressed = String(Boolean(entry.clip?.starred));
    this.star.hidden = !entry.clip;
    this.tags.show(entry.clip);
    this.played();
  }

  /** What changes by itself while time passes. @param {View} view */
  tell(view) {
    write(this.facts, view.facts);
    this.language.show(view.spoken);
    write(this.by, view.by);
    this.by.hidden = !view.by;
  }

  /** The player at the foot is this clip's, or another one's: then this one has a button of its own. */
  played() {
    const { player } = this.clip.page;
    this.play.hidden = player.id === this.clip.id;
  }

  flush() {
    if (!this.field.hidden) void this.name.save();
  }

  close() {
    this.menu.close(false);
    this.downloads.close(false);
  }

  /** @param {boolean} editing */
  #edits(editing) {
    const hadFocus = document.activeElement === this.field || document.activeElement === document.body;
    this.field.hidden = !editing;
    this.title.hidden = this.rename.hidden = editing;
    if (!editing) return void (hadFocus && this.rename.focus());
    this.field.focus();
    this.field.select();
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #items() {
    const { page, id } = this.clip;
    return [
      { label: words.trim.title, act: () => this.clip.try(() => this.clip.trim()) },
      { label: words.page.delete, isGrave: true, act: () => page.deletion.delete(id, this.title.textContent ?? "") },
    ];
  }

  /** @returns {import("../shared/menu.js").Item[]} */
  #downloads() {
    const { actions } = this.clip.page;
    const entry = /** @type {Entry} */ (this.#entry);
    return [{ label: words.takeout.forms.audio, act: () => this.clip.try(() => actions.download(entry)) }];
  }
}
