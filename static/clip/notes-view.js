/** What a person adds to a clip: markers, to-dos and notes. It lies beside the words where there is room. */

import { Editable } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { sentenceOfError } from "../shared/sentences.js";
import { words } from "../shared/words.js";
import { MarkersView } from "./markers-view.js";
import { toDos, withDone } from "./to-dos.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

export class NotesView {
  #notes = "";

  /**
   * @param {HTMLElement} element
   * @param {{id: string, player: import("../player/player-bar.js").PlayerBar, actions: import("../shared/actions.js").Actions,
   *   saving: (work: Promise<void>) => Promise<void>, failed: (sentence: string) => void,
   *   unsaved: (error: unknown, field: Editable) => void}} clip
   */
  constructor(element, clip) {
    const { id, actions, player } = clip;
    this.element = element;
    this.clip = clip;
    this.field = part(element, "notes", HTMLTextAreaElement);
    this.list = part(element, "to-dos", HTMLElement);
    this.section = part(element, "to-do-section", HTMLElement);
    this.editable = new Editable(this.field, {
      save: (notes, base) => clip.saving(actions.note(id, notes, base)),
      failed: (error) => clip.unsaved(error, this.editable),
      keeps: true,
    });
    this.markers = new MarkersView(element, {
      at_ms: () => (player.id === id ? (player.player?.at_ms ?? 0) : 0),
      goTo: (ms) => player.playFrom(id, ms),
      change: (change) => actions.mark(id, change),
      failed: clip.failed,
    });
    this.speak();
    this.field.addEventListener("input", () => this.#fit());
    this.list.addEventListener("change", ({ target }) => {
      if (!(target instanceof HTMLInputElement)) return;
      const notes = withDone(this.#notes, Number(target.value), target.checked);
      void clip.saving(actions.note(id, notes, this.#notes)).catch((error) => clip.failed(sentenceOfError(error)));
    });
  }

  /** @param {Entry} entry */
  show({ clip, local }) {
    // The list's short form has none: they come with the whole clip.
    const isKnown = !clip || clip.notes !== undefined;
    this.field.disabled = !isKnown;
    this.#notes = clip?.notes ?? local?.notes ?? "";
    this.editable.show(this.#notes);
    this.markers.show(clip?.markers ?? local?.markers ?? []);
    this.#toDos();
    this.#fit();
  }

  /** Say everything in the language of the page, which may be another one than before. */
  speak() {
    this.field.placeholder = words.markers.hint;
    this.markers.speak();
  }

  /** Save what is typed. */
  flush() {
    return this.editable.save();
  }

  /** Put back what could not be saved; it is saved when the field is left. @param {string} notes */
  resume(notes) {
    this.field.focus({ preventScroll: true });
    this.field.value = notes;
    this.#fit();
  }

  #toDos() {
    const all = toDos(this.#notes);
    this.section.hidden = !all.length;
    this.list.replaceChildren(
      ...all.map(({ line, text, isDone }) => {
        const label = document.createElement("label");
        label.dir = "auto";
        const box = document.createElement("input");
        Object.assign(box, { type: "checkbox", value: String(line), checked: isDone });
        label.append(box, text);
        return label;
      }),
    );
  }

  /** As high as what is written, where the style sheet cannot say so (`field-sizing`). */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
