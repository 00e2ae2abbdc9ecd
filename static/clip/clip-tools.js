/** What can be done with all of a clip: to share it, download it, delete it, and the menu for the rest. */

import { Problem } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { part } from "../shared/element.js";
import { Menu } from "../shared/menu.js";
import { clipAddress, place } from "../shared/router.js";
import { words } from "../shared/words.js";
import { Preparing } from "../player/preparing.js";
import { choices } from "./remarks.js";
import { late } from "../shared/late.js";

const help = late(() => import("./help.js"));
const renditions = late(() => import("../player/renditions.js"));
const sharing = late(() => import("./sharing.js"));
const detailsSheet = late(() => import("./details-sheet.js"));

/** @typedef {import("../shared/types.js").Entry} Entry */
/** @typedef {import("../shared/menu.js").Item} Item */

/** Whether the server can hear its sound again. @param {Entry} entry */
function isHeard({ clip, local }) {
  return !local && (clip?.status === "done" || clip?.status === "failed" || clip?.status === "off");
}

/** Whether the system has other apps to give something to. */
const canShare = () => "share" in navigator;

export class ClipTools {
  /** @param {import("./clip-page.js").ClipPage} clip @param {() => unknown} chooseLanguage */
  constructor(clip, chooseLanguage) {
    this.clip = clip;
    this.page = clip.page;
    this.chooseLanguage = chooseLanguage;
    const { element } = clip;
    this.share = part(element, "share", HTMLButtonElement);
    this.shareWords = part(element, "share-words", HTMLElement);
    this.menuButton = part(element, "menu", HTMLButtonElement);
    this.menu = new Menu(this.menuButton, () => this.#rest());
    this.downloads = new Menu(part(element, "download", HTMLButtonElement), () => this.#downloads());
    this.preparing = new Preparing(part(element, "preparing", HTMLElement), this.page.announce);
    part(element, "delete", HTMLElement).addEventListener("click", () => this.#delete());
    part(element, "gaps-told", HTMLElement).addEventListener("click", () => clip.try(() => this.#details()));
    this.share.addEventListener("click", () => clip.try(() => (canShare() ? this.#share() : this.#copyLink(this.share))));
  }

  show() {
    this.shareWords.textContent = canShare() ? words.page.share : words.page.copyLink;
  }

  close() {
    this.menu.close(false);
    this.downloads.close(false);
  }

  /** @returns {Item[]} */
  #rest() {
    const { clip, page } = this;
    const act = (/** @type {() => unknown} */ work) => () => clip.try(work);
    const hasWords = Boolean(clip.entry.clip?.text ?? clip.entry.clip?.excerpt);
    return [
      { label: words.page.rename, act: () => clip.head.edit() },
      ...(isHeard(clip.entry) ? [{ label: words.clipPage.hearAgain, act: act(() => page.actions.retry(clip.id)) }] : []),
      ...(clip.head.language.element.hidden ? [] : [{ label: words.clipPage.spoken, act: this.chooseLanguage }]),
      ...this.#tracks(),
      { label: words.page.details, act: act(() => this.#details()) },
      ...(clip.entry.clip && !clip.entry.local && clip.view.playable ? [{ label: words.trim.title, act: act(() => clip.trim()) }] : []),
      { label: words.page.history, act: () => clip.goToTab("history") },
      ...(hasWords ? [{ label: words.page.copyText, act: act(() => this.#copyText()) }] : []),
      ...(canShare() ? [{ label: words.page.copyLink, act: act(() => this.#copyLink(this.menuButton)) }] : []),
      { label: words.page.shortcuts, act: act(async () => (await help()).showHelp()) },
      { label: words.page.delete, isGrave: true, act: () => this.#delete() },
    ];
  }

  /** Which track is heard, where there are several. @returns {Item[]} */
  #tracks() {
    const { clip, page } = this;
    const tracks = choices(clip.entry.clip?.remarks ?? []);
    const { all, one } = words.player.tracks;
    const set = clip.entry.clip?.track_set ?? null;
    return (tracks.length ? [null, ...tracks] : []).map((track) => ({
      label: track === null ? all : one(track),
      isOn: track === set,
      act: () => clip.try(() => page.actions.hearTrack(clip.id, track)),
    }));
  }

  /** @returns {Item[]} */
  #downloads() {
    const { clip, page } = this;
    const { audio, m4a, mp3, ...texts } = words.takeout.forms;
    const original = { label: audio, act: () => clip.try(() => page.actions.download(clip.entry)) };
    if (!clip.entry.clip || clip.entry.local) return [original];
    const forms = Object.entries({ m4a, mp3 }).map(([form, label]) => ({
      label,
      act: () => clip.try(() => this.#save(/** @type {"m4a"|"mp3"} */ (form))),
    }));
    const hasWords = Boolean(clip.entry.clip.text ?? clip.entry.clip.excerpt);
    const written = Object.entries(texts).map(([form, label]) => ({
      ...{ label, download: "" },
      href: `/api/clips/${clip.id}/transcript.${form}?download`,
    }));
    return [original, ...(clip.view.playable ? forms : []), ...(hasWords ? written : [])];
  }

  /** Save a form of the sound under the name that the server says, once it is made. @param {"m4a"|"mp3"} form */
  async #save(form) {
    const { formAddress, made } = await renditions();
    const address = formAddress(this.page.actions.api, this.clip.id, form);
    const isThere = await this.preparing.during(words.player.preparingFile, async (how) => {
      await made(address, how);
      return true;
    });
    if (isThere) Object.assign(document.createElement("a"), { href: `${address}&download`, download: "" }).click();
  }

  /** Give the clip to another app. Where the file had to be waited for, browsers want to be asked again. */
  async #share() {
    const { shareable } = await sharing();
    const { actions } = this.page;
    const data = await this.preparing.during(words.player.preparingFile, (how) => shareable(actions, this.clip.id, how));
    if (!data) return;
    await navigator.share(data).catch((error) => {
      if (error.name === "NotAllowedError") throw new Problem(words.player.shareAgain);
      // A person who changes their mind is no fault.
      if (error.name !== "AbortError") throw error;
    });
  }

  /** The address of the moment at which it is heard. @param {HTMLElement} button */
  #copyLink(button) {
    const { player } = this.page;
    const at_ms = player.id === this.clip.id ? (player.player?.at_ms ?? 0) : 0;
    return this.#copy(button, new URL(clipAddress(this.clip.id, at_ms), location.href).href);
  }

  async #copyText() {
    const text = this.clip.entry.clip?.text ?? (await this.page.actions.api.get(this.clip.id)).text ?? "";
    await this.#copy(this.menuButton, text);
  }

  /** @param {HTMLElement} button @param {string} text */
  #copy(button, text) {
    return copy(button, text, (sentence) => this.page.toast.say(sentence));
  }

  async #details() {
    const { showDetails } = await detailsSheet();
    await showDetails(this.clip.entry, this.clip.view);
  }

  #delete() {
    const { deletion, router } = this.page;
    const { id } = this.clip;
    // Whoever has gone on meanwhile stays there.
    const back = () => router.place.name === "list" && router.go(place("clip", { id }));
    void deletion.delete(id, this.clip.view.name, back);
    this.clip.leave();
  }
}
