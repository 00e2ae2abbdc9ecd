/**
 * Trimming a clip: a stretch of its sound is chosen between two handles, and cut out, or all but it; or the clip is split
 * there. The sound as it was recorded stays, so each of these can be taken back, at once or years later.
 */

import { Waveform } from "../player/waveform.js";
import { part } from "../shared/element.js";
import { clock, spoken, uuid } from "../shared/format.js";
import { place } from "../shared/router.js";
import { translate, words } from "../shared/words.js";
import { keeping, removed_ms, withCut } from "./cuts.js";

/** @typedef {import("../shared/types.js").Clip} Clip */

/** Sound that remains at least, as the server wants it. */
const MIN_KEPT_MS = 100;

export class TrimView {
  /** @type {Clip|null} */
  #clip = null;
  /** The player stops at the end of what is listened to. @type {number|null} */
  #until_ms = null;
  #ends = new AbortController();

  /** @param {import("./clip-page.js").ClipPage} page @param {() => void} closed told when a person is done */
  constructor(page, closed) {
    this.page = page;
    this.closed = closed;
    const template = part(document, "trim-template", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "trim", HTMLElement);
    translate(this.element);
    this.from = part(this.element, "trim-from", HTMLInputElement);
    this.to = part(this.element, "trim-to", HTMLInputElement);
    this.says = part(this.element, "trim-says", HTMLElement);
    this.waveform = new Waveform(part(this.element, "trim-track", HTMLElement), (ms) => this.#player.seek(this.page.id, ms));
    this.keep = part(this.element, "trim-keep", HTMLButtonElement);
    this.cut = part(this.element, "trim-cut", HTMLButtonElement);
    this.split = part(this.element, "trim-split", HTMLButtonElement);
    this.whole = part(this.element, "trim-whole", HTMLButtonElement);
    this.#listen();
  }

  /** Show what there is to trim. @param {Clip} clip @param {number[]} peaks */
  show(clip, peaks) {
    const isOther = this.#clip?.duration_ms !== clip.duration_ms || JSON.stringify(this.#clip?.cuts) !== JSON.stringify(clip.cuts);
    this.#clip = clip;
    this.waveform.show(peaks);
    if (isOther) {
      this.from.max = this.to.max = String(this.#length_ms);
      [this.from.value, this.to.value] = ["0", String(this.#length_ms)];
    }
    this.#draw();
  }

  close() {
    this.#ends.abort();
    this.waveform.close();
    this.element.remove();
  }

  get #player() {
    return this.page.page.player;
  }

  get #length_ms() {
    return this.#clip?.duration_ms ?? 0;
  }

  get #chosen() {
    return { from_ms: Number(this.from.value), to_ms: Number(this.to.value) };
  }

  #listen() {
    const { signal } = this.#ends;
    this.from.addEventListener("input", () => {
      if (Number(this.from.value) > Number(this.to.value) - MIN_KEPT_MS) this.from.value = String(Number(this.to.value) - MIN_KEPT_MS);
      this.#draw();
    });
    this.to.addEventListener("input", () => {
      if (Number(this.to.value) < Number(this.from.value) + MIN_KEPT_MS) this.to.value = String(Number(this.from.value) + MIN_KEPT_MS);
      this.#draw();
    });
    /** @param {string} name @param {() => unknown} work */
    const on = (name, work) => part(this.element, name, HTMLElement).addEventListener("click", () => void work());
    on("trim-start", () => this.#set(this.from));
    on("trim-end", () => this.#set(this.to));
    on("trim-listen", () => this.#hear());
    on("trim-done", () => this.closed());
    this.keep.addEventListener("click", () => this.#apply((cuts, { from_ms, to_ms }) => keeping(cuts, from_ms, to_ms, this.#length_ms)));
    this.cut.addEventListener("click", () => this.#apply((cuts, { from_ms, to_ms }) => withCut(cuts, from_ms, to_ms)));
    this.whole.addEventListener("click", () => this.#apply(() => []));
    this.split.addEventListener("click", () => void this.#split());
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.closed();
    });
    this.#player.addEventListener(
      "moved",
      (event) => {
        const { id, at_ms, whole_ms } = /** @type {CustomEvent} */ (event).detail;
        if (id !== this.page.id) return;
        this.waveform.move(at_ms, whole_ms);
        if (this.#until_ms === null || at_ms < this.#until_ms) return;
        this.#until_ms = null;
        this.#player.player?.pause();
      },
      { signal },
    );
  }

  /** A handle goes to where the player stands. @param {HTMLInputElement} handle */
  #set(handle) {
    if (this.#player.id !== this.page.id) return;
    handle.value = String(Math.round(this.#player.player?.at_ms ?? 0));
    handle.dispatchEvent(new Event("input"));
  }

  #hear() {
    const { from_ms, to_ms } = this.#chosen;
    this.#until_ms = to_ms;
    return this.#player.playFrom(this.page.id, from_ms);
  }

  /** @param {(cuts: import("./cuts.js").Stretch[], chosen: {from_ms: number, to_ms: number}) => import("./cuts.js").Stretch[]} change */
  #apply(change) {
    const { actions, toast, library } = this.page.page;
    const before = this.#clip?.cuts ?? [];
    this.#player.player?.pause();
    return this.page.try(async () => {
      await actions.cut(this.page.id, change(before, this.#chosen));
      const undo = () => this.page.try(() => actions.cut(this.page.id, before));
      toast.say(words.trim.done(clock(library.get(this.page.id)?.clip?.duration_ms ?? 0)), { undo });
    });
  }

  /** Two clips, of which the second is opened; the first keeps what is before. */
  #split() {
    const { actions, toast, router } = this.page.page;
    const { id } = this.page;
    const before = this.#clip?.cuts ?? [];
    return this.page.try(async () => {
      const second = uuid();
      await actions.split(id, Math.round(this.#chosen.from_ms), second);
      const undo = async () => {
        await actions.cut(id, before);
        await actions.remove(second);
        router.go(place("clip", { id }));
      };
      toast.say(words.trim.splitDone, { undo: () => void this.page.try(undo) });
      router.go(place("clip", { id: second }));
    });
  }

  #draw() {
    const { from_ms, to_ms } = this.#chosen;
    const whole_ms = this.#length_ms || 1;
    this.element.style.setProperty("--from", `${(100 * from_ms) / whole_ms}%`);
    this.element.style.setProperty("--to", `${(100 * to_ms) / whole_ms}%`);
    this.from.ariaValueText = spoken(from_ms);
    this.to.ariaValueText = spoken(to_ms);
    const cuts = this.#clip?.cuts ?? [];
    const cut_ms = removed_ms(cuts);
    const said = [words.trim.chosen(clock(from_ms), clock(to_ms)), cut_ms ? words.trim.removed(clock(cut_ms)) : ""];
    this.says.textContent = said.filter(Boolean).join(" ");
    const isAll = from_ms <= 0 && to_ms >= this.#length_ms;
    this.keep.disabled = isAll;
    this.cut.disabled = isAll;
    this.split.disabled = from_ms < MIN_KEPT_MS;
    this.whole.hidden = !cuts.length;
  }
}
