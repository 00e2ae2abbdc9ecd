/** How an open clip is heard and what is done with its words: speed, pauses, editing, a link to this moment. */

import { needed } from "../api.js";
import { laterWords } from "../later-words.js";
import { link } from "../links.js";
import { listening, SPEEDS } from "../remembered.js";
import { locale, translate, words } from "../words.js";
import { copy } from "./copy.js";
import { part } from "./part.js";

export class Tools {
  /**
   * @param {HTMLElement} row @param {string} id
   * @param {{at_ms: () => number, edit: () => unknown, announce: (words: string) => void,
   *   shared: () => Promise<ShareData>}} clip
   */
  constructor(row, id, { at_ms, edit, announce, shared }) {
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
    share.addEventListener("click", async () => {
      const data = await shared();
      // A person who changes their mind is no fault.
      await navigator.share(data).catch((error) => error.name === "AbortError" || announce(String(error)));
    });
    this.saves = part(fragment, "save-as", HTMLSelectElement);
    this.saves.append(...Object.entries(laterWords.takeout.forms).map(([form, name]) => new Option(name, form)));
    this.saves.addEventListener("change", () => {
      const form = this.saves.value;
      this.saves.value = "";
      download(`/api/clips/${id}/${form === "audio" ? form : `transcript.${form}`}?download`);
    });
    part(fragment, "help", HTMLButtonElement).addEventListener("click", () => void showHelp());
    listening.addEventListener("change", this.#show);
    this.#show();
    part(row, "bar", HTMLElement).after(fragment);
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
  (await needed(import("./help.js"))).showHelp();
}
