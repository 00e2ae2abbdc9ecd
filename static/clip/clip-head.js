/** The head of a clip's page: its title, what it is in a line, its star and its tags. */

import { write } from "../shared/condition.js";
import { Editable } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { words } from "../shared/words.js";
import { ClipTools } from "./clip-tools.js";
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
    this.gaps = part(element, "gaps", HTMLElement);
    this.gapsTold = part(element, "gaps-told", HTMLElement);
    this.star = part(element, "star", HTMLButtonElement);
    this.play = part(element, "play-clip", HTMLButtonElement);
    this.field = part(element, "name", HTMLInputElement);
    this.name = new Editable(this.field, {
      save: (name) => clip.saving(actions.rename(id, name)),
      failed: (error) => clip.unsaved(error, this.name, "name"),
      required: true,
      left: () => this.#edits(false),
    });
    this.field.addEventListener("blur", () => this.name.busy || this.#edits(false));
    this.language = new LanguagePicker(
      element,
      (code) => clip.saving(actions.speak(id, code)),
      (error) => clip.note.say(String(error instanceof Error ? error.message : error)),
    );
    this.tags = new Tags(element, actions.api, (change) => clip.try(() => actions.retag(id, change)));
    this.tools = new ClipTools(clip, () => this.language.open());
    this.rename.addEventListener("click", () => this.edit());
    this.title.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "F2") return;
      // Otherwise the same press would end what it begins.
      event.preventDefault();
      event.stopPropagation();
      this.edit();
    });
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
    const gaps = ((entry.clip?.gaps?.length ? entry.clip.gaps : entry.local?.gaps) ?? []).length;
    write(this.gapsTold, gaps ? words.clipPage.gaps(gaps) : "");
    this.gaps.hidden = !gaps;
    this.tools.show();
    this.played();
  }

  /** What changes by itself while time passes. @param {View} view */
  tell(view) {
    write(this.facts, view.facts);
    this.language.show(view.spoken);
  }

  /** The player at the foot is this clip's, or another one's: then this one has a button of its own. */
  played() {
    const { player } = this.clip.page;
    this.play.hidden = player.id === this.clip.id || !this.clip.view.playable;
  }

  /** Edit the title where it stands. @param {string} [draft] what was written before and could not be saved */
  edit(draft) {
    this.#edits(true);
    if (draft !== undefined) this.field.value = draft;
  }

  async flush() {
    if (!this.field.hidden) await this.name.save();
  }

  close() {
    this.tools.close();
  }

  /** @param {boolean} editing */
  #edits(editing) {
    const hadFocus = document.activeElement === this.field || document.activeElement === document.body;
    this.field.hidden = !editing;
    this.rename.hidden = editing;
    // It keeps its room, so that nothing below it moves.
    this.title.toggleAttribute("data-edited", editing);
    if (!editing) return void (hadFocus && this.rename.focus({ preventScroll: true }));
    this.field.focus({ preventScroll: true });
    this.field.select();
  }
}
