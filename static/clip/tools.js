/** How an open clip is heard and what is done with its words: speed, pauses, editing, a link to this moment. */

import { needed, Problem } from "../shared/api.js";
import { link } from "../shared/links.js";
import { choices } from "./remarks.js";
import { listening, SPEEDS } from "../shared/preferences.js";
import { locale, translate, words } from "../shared/words.js";
import { copy } from "../shared/copy.js";
import { part } from "../shared/element.js";
import { Preparing } from "../player/preparing.js";
import { styled } from "../shared/style-sheets.js";

export class Tools {
  /** The track that a person wants heard; none: all that have sound. */
  #heard = "";

  /**
   * @param {HTMLElement} row @param {string} id
   * @param {{at_ms: () => number, edit: () => unknown, announce: (words: string) => void,
   *   failed: (error: unknown) => void, actions: import("../shared/actions.js").Actions}} clip
   */
  constructor(row, id, { at_ms, edit, announce, failed, actions }) {
    const template = part(document, "tools-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    translate(fragment);
    this.element = part(fragment, "tools", HTMLElement);
    this.speed = part(fragment, "speed", HTMLSelectElement);
    this.skip = part(fragment, "skip", HTMLButtonElement);
    this.edit = part(fragment, "edit", HTMLButtonElement);
    this.link = part(fragment, "link", HTMLButtonElement);
    this.speed.append(...SPEEDS.map((speed) => new Option(times(speed), String(speed))));
    let isPointed = false;
    this.speed.addEventListener("pointerdown", () => (isPointed = true));
    this.speed.addEventListener("keydown", () => (isPointed = false));
    this.speed.addEventListener("change", () => {
      listening.speed = Number(this.speed.value);
      // Letters and the space bar mean the clip again; by keyboard, one may still be choosing.
      if (isPointed) this.speed.blur();
    });
    this.skip.addEventListener("click", () => (listening.skips = !listening.skips));
    // The focus stays in the field: leaving it would end what a click is to begin or to end.
    this.edit.addEventListener("pointerdown", (event) => event.preventDefault());
    this.edit.addEventListener("mousedown", (event) => event.preventDefault());
    this.edit.addEventListener("click", edit);
    this.link.addEventListener("click", () => {
      const address = new URL(link(id, at_ms()), location.href).href;
      void copy(this.link, address, announce).catch((error) => announce(String(error)));
    });
    const share = part(fragment, "share", HTMLButtonElement);
    share.hidden = !navigator.share;
    share.addEventListener("click", () => this.#share(actions, id).catch(failed));
    this.saves = part(fragment, "save-as", HTMLSelectElement);
    this.saves.append(...Object.entries(words.takeout.forms).map(([form, name]) => new Option(name, form)));
    this.saves.addEventListener("change", () => {
      const form = this.saves.value;
      this.saves.value = "";
      this.#save(actions, id, form).catch(failed);
    });
    this.track = part(fragment, "track", HTMLSelectElement);
    this.track.addEventListener("change", () => {
      actions.hearTrack(id, Number(this.track.value) || null).catch((error) => {
        this.#choose();
        failed(error);
      });
    });
    this.preparing = new Preparing(this.element, announce);
    part(fragment, "help", HTMLButtonElement).addEventListener("click", () => void showHelp());
    listening.addEventListener("change", this.#show);
    this.#show();
    part(row, "bar", HTMLElement).after(fragment);
  }

  /** @param {import("../shared/types.js").Clip|null} clip */
  show(clip) {
    const tracks = choices(clip?.remarks ?? []);
    this.track.hidden = !tracks.length;
    this.#heard = String(clip?.track_set ?? "");
    if (this.track.options.length !== tracks.length + 1) {
      const { all, one } = words.player.tracks;
      this.track.replaceChildren(new Option(all, ""), ...tracks.map((track) => new Option(one(track), String(track))));
    }
    this.#choose();
  }

  /** Show which track is heard, unless somebody is about to choose. */
  #choose() {
    if (this.track !== document.activeElement) this.track.value = this.#heard;
  }

  /**
   * Give the clip to another app. Where the file had to be waited for, browsers want to be asked again.
   * @param {import("../shared/actions.js").Actions} actions @param {string} id
   */
  async #share(actions, id) {
    const { shareable } = await needed(import("./sharing.js"));
    const data = await this.preparing.during(words.player.preparingFile, (how) => shareable(actions, id, how));
    if (!data) return;
    await navigator.share(data).catch((error) => {
      if (error.name === "NotAllowedError") throw new Problem(words.player.shareAgain);
      // A person who changes their mind is no fault.
      if (error.name !== "AbortError") throw error;
    });
  }

  /**
   * Save a form of the clip under the name that the server says, once it is made.
   * @param {import("../shared/actions.js").Actions} actions @param {string} id @param {string} form
   */
  async #save({ api }, id, form) {
    const { isForm, formAddress, made } = await needed(import("../player/renditions.js"));
    if (!isForm(form)) return download(`/api/clips/${id}/${form === "audio" ? form : `transcript.${form}`}?download`);
    const address = formAddress(api, id, form);
    const isThere = await this.preparing.during(words.player.preparingFile, async (how) => {
      await made(address, how);
      return true;
    });
    if (isThere) download(`${address}&download`);
  }

  /** Somebody edits the words, or has done so; keyboards go on from where they began. @param {boolean} editing */
  edits(editing) {
    this.edit.textContent = editing ? words.player.done : words.page.edit;
    if (!editing && document.activeElement === document.body) this.edit.focus({ preventScroll: true });
  }

  close() {
    listening.removeEventListener("change", this.#show);
  }

  #show = () => {
    this.speed.value = String(listening.speed);
    this.skip.ariaPressed = String(listening.skips);
  };
}

/** The server says under which name it is saved. @param {string} address */
function download(address) {
  Object.assign(document.createElement("a"), { href: address, download: "" }).click();
}

/** @param {number} speed */
export function times(speed) {
  return `${speed.toLocaleString(locale)}×`;
}

/** Show all the keys; nobody waits for the sheet who does not ask for it. */
export async function showHelp() {
  const [{ showHelp }] = await Promise.all([needed(import("./help.js")), styled("clip/opened")]);
  showHelp();
}
