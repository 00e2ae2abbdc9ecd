/**
 * The words of a clip: beside the times at which they were said, or as a field that is edited in place.
 *
 * To read them, each paragraph is one text node and words are ranges in it: selecting and copying work as in any text,
 * and ten thousand words cost no more than a few.
 */

import { Editable, selects } from "../shared/editable.js";
import { part } from "../shared/element.js";
import { clock } from "../shared/format.js";
import { clipAddress } from "../shared/router.js";
import { words } from "../shared/words.js";
import { lastAtMost, Timing } from "./word-timings.js";

/** Where the word that is said may stand in what is in sight, from its top, until the page follows it, and whereto. */
const HIGHEST = 0.1;
const LOWEST = 0.65;
const AIM = 0.3;

/** Nobody follows words that fly by over more screens than these. */
const MAX_SMOOTH_SCREENS = 2;

/** How far from a word's letters a click still means it. */
const NEAR_PX = 4;

/** The word that is said: of one clip at a time. Browsers that have no such marks get the paragraph marked. */
const said = globalThis.Highlight && CSS.highlights ? new Highlight() : null;
if (said) CSS.highlights.set("said", said);

export class Transcript {
  #text = "";
  /** @type {Timing} */
  #timing = new Timing("", []);
  writable = false;
  /** Where they begin. @type {number[]} */
  #starts = [];
  /** What is in the document now. */
  #rendered = "";
  /** The word that is marked, and where. */
  #said = -1;
  /** @type {Range|null} */
  #range = null;
  /** A moment that is to be brought into sight as soon as it is known where it is. @type {number|null} */
  #sought_ms = null;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /**
   * @param {HTMLElement} row @param {string} id
   * @param {{save: (text: string, base: string) => Promise<void>, failed: (error: unknown) => void,
   *   seek: (ms: number) => unknown, play: (ms: number) => unknown, edits: (editing: boolean) => void,
   *   drawn: () => void}} options `drawn` is told whenever the words are others, or other elements
   */
  constructor(row, id, { save, failed, seek, play, edits, drawn }) {
    this.id = id;
    this.element = part(row, "text", HTMLElement);
    this.field = part(row, "field", HTMLElement);
    this.options = { seek, play, edits, drawn };
    this.editable = new Editable(this.field, {
      save,
      failed,
      keeps: true,
      left: () => {
        this.field.hidden = true;
        this.show(this.#text);
        edits(false);
      },
    });
    this.element.addEventListener("click", (event) => this.#click(event));
    this.element.addEventListener("dblclick", () => this.edit());
  }

  get editing() {
    return !this.field.hidden;
  }

  get text() {
    return this.#text;
  }

  /** @param {string} text */
  show(text) {
    this.#text = text;
    if (this.editing) this.editable.show(text);
    this.element.hidden = !text || this.editing;
    this.#render();
  }

  /** Take when each word was said. @param {Timing} timing */
  know(timing) {
    this.#timing = timing;
    this.#render();
  }

  /** Edit the words, at the selected ones, or at those that are said. */
  edit() {
    if (this.editing || !this.writable) return;
    const word = this.#said >= 0 ? this.#timing.word(this.#said) : { from: 0 };
    const { from, to } = this.#selected() ?? { from: word.from, to: word.from };
    this.field.hidden = false;
    this.show(this.#text);
    this.options.edits(true);
    this.field.focus({ preventScroll: true });
    const node = this.field.firstChild;
    if (!node) return;
    document.getSelection()?.setBaseAndExtent(node, from, node, to);
    this.bring(document.getSelection()?.getRangeAt(0));
  }

  /** Go on editing what could not be saved. @param {string} text @param {string} base */
  resume(text, base) {
    this.edit();
    if (this.editing) this.editable.resume(text, base);
  }

  /** Begin to edit the words, or leave them, which saves them. */
  toggle() {
    if (this.editing) this.field.blur();
    else this.edit();
  }

  /** Mark the word that is said. @param {number} ms @param {boolean} playing */
  follow(ms, playing) {
    const fits = !this.editing && ms > 0 && this.#timing.text === this.#text;
    const index = fits ? this.#timing.at(ms) : -1;
    if (index === this.#said) return;
    const isNear = playing && this.#isInSight(this.#range);
    this.#mark(index);
    if (isNear && this.#range) this.bring(this.#range);
  }

  /** Bring what is said at a moment into sight. @param {number} ms */
  seek(ms) {
    this.#sought_ms = ms;
    this.#find();
  }

  /** Go where the selection or the caret is in the text, if it is there. */
  seekHere() {
    const place = this.#selected();
    const index = place && this.#timing.text === this.#text ? this.#timing.under(place.from) : -1;
    if (index >= 0) void this.options.seek(this.#timing.word(index).start_ms);
    return index >= 0;
  }

  /** What a person has selected of the words. */
  selection() {
    return selects(this.element) ? String(document.getSelection() ?? "").trim() : "";
  }

  /** Where the first paragraph begins that is in sight. */
  firstInSight() {
    const { top } = this.#scroller.getBoundingClientRect();
    const all = /** @type {HTMLElement[]} */ ([...this.element.children]);
    return Number(all.find((one) => one.getBoundingClientRect().bottom > top)?.dataset.from ?? 0);
  }

  /** What depends on the language of the page. */
  speak() {
    this.#rendered = "";
    this.#render();
  }

  close() {
    this.#mark(-1);
    document.removeEventListener("selectionchange", this.#whenFree);
  }

  #render() {
    const timing = this.#timing.text === this.#text ? this.#timing : new Timing(this.#text, []);
    const wanted = `${timing.length} ${this.#text}`;
    if (this.editing || wanted === this.#rendered) return;
    // Nobody loses what they selected.
    if (selects(this.element)) {
      return document.addEventListener("selectionchange", this.#whenFree);
    }
    this.#rendered = wanted;
    this.#mark(-1);
    const paragraphs = timing.paragraphs();
    this.#starts = paragraphs.map(({ from }) => from);
    this.element.replaceChildren(...paragraphs.map((one) => this.#paragraph(one)));
    this.#find();
    this.options.drawn();
  }

  #whenFree = () => {
    if (selects(this.element)) return;
    document.removeEventListener("selectionchange", this.#whenFree);
    this.#render();
  };

  /** @param {import("./word-timings.js").Paragraph} paragraph */
  #paragraph({ from, to, at_ms }) {
    const element = document.createElement("p");
    element.dataset.from = String(from);
    if (at_ms !== null) {
      const moment = document.createElement("a");
      moment.className = "moment";
      moment.href = clipAddress(this.id, at_ms);
      // Shown by the style sheet, so that whoever copies the text gets the text.
      moment.dataset.time = clock(at_ms);
      moment.ariaLabel = words.player.playFrom(clock(at_ms));
      moment.dataset.ms = String(at_ms);
      element.append(moment);
    }
    element.append(this.#text.slice(from, to));
    return element;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const moment = /** @type {Element} */ (event.target).closest("a");
    if (moment) {
      event.preventDefault();
      return void this.options.play(Number(moment.dataset.ms));
    }
    // A double click asks for something else, and so does who drags over words.
    if (event.detail > 1 || selects(this.element)) return;
    const index = this.#under(event.clientX, event.clientY);
    if (index >= 0) void this.options.seek(this.#timing.word(index).start_ms);
  }

  /** The word under a point; -1: none. @param {number} x @param {number} y */
  #under(x, y) {
    const caret = document.caretPositionFromPoint?.(x, y);
    const range = caret ? null : document.caretRangeFromPoint?.(x, y);
    const place = this.#place(caret?.offsetNode ?? range?.startContainer, caret?.offset ?? range?.startOffset ?? 0);
    if (place === null || this.#timing.text !== this.#text) return -1;
    const last = this.#timing.under(place);
    // A caret behind a letter is in front of the next one: of scripts without spaces, that is another word.
    return [last, last - 1].find((index) => this.#isAt(index, x, y)) ?? -1;
  }

  /** @param {number} index @param {number} x @param {number} y */
  #isAt(index, x, y) {
    const boxes = index >= 0 ? [...(this.#rangeOf(index)?.getClientRects() ?? [])] : [];
    return boxes.some((b) => x > b.left - NEAR_PX && x < b.right + NEAR_PX && y > b.top - NEAR_PX && y < b.bottom + NEAR_PX);
  }

  /** Where in the text a place in the document is; null: elsewhere. @param {Node|null} [node] @param {number} [offset] */
  #place(node, offset = 0) {
    const paragraph = node?.parentElement?.closest("p");
    if (!(node instanceof Text) || !paragraph || !this.element.contains(paragraph)) return null;
    return Number(paragraph.dataset.from) + offset;
  }

  /** What is selected of the text, in characters. */
  #selected() {
    const selection = document.getSelection();
    const range = selection?.rangeCount ? selection.getRangeAt(0) : null;
    const from = this.#place(range?.startContainer, range?.startOffset);
    const to = this.#place(range?.endContainer, range?.endOffset);
    return from === null ? null : { from, to: to ?? from };
  }

  /** @param {number} index */
  #rangeOf(index) {
    const { from, to } = this.#timing.word(index);
    return this.range(from, to);
  }

  /** Characters of the text, in the document; null: they are not there now. @param {number} from @param {number} to */
  range(from, to) {
    const [start, end] = [this.#point(from), this.#point(Math.max(from, to - 1))];
    if (!start || !end) return null;
    const range = document.createRange();
    range.setStart(start.node, start.offset);
    range.setEnd(end.node, Math.min(end.node.length, end.offset + (to > from ? 1 : 0)));
    return range;
  }

  /** @param {number} place in the text */
  #point(place) {
    const at = lastAtMost(this.#starts, place);
    const node = this.element.children[at]?.lastChild;
    return node instanceof Text ? { node, offset: Math.min(node.length, place - this.#starts[at]) } : null;
  }

  /** @param {number} index */
  #mark(index) {
    const before = this.#range;
    this.#said = index;
    this.#range = index >= 0 ? this.#rangeOf(index) : null;
    if (said) {
      if (before) said.delete(before);
      if (this.#range) said.add(this.#range);
      return;
    }
    const paragraph = this.#range?.startContainer.parentElement;
    for (const marked of this.element.querySelectorAll(".said")) marked.classList.toggle("said", marked === paragraph);
    paragraph?.classList.add("said");
  }

  /** Bring what is sought into sight, if it is known where it is. */
  #find() {
    if (this.#sought_ms === null || !this.#timing.length || this.#timing.text !== this.#text) return;
    const index = this.#timing.near(this.#sought_ms);
    this.#sought_ms = null;
    this.bring(this.#rangeOf(index));
  }

  /** What scrolls. */
  get #scroller() {
    return this.element.closest("[data-scroller]") ?? document.documentElement;
  }

  /** Where an element or range is in what is in sight: 0 is its top, 1 its bottom. @param {Range|null} [range] */
  #sight(range) {
    const box = range?.getBoundingClientRect();
    if (!box?.height) return null;
    const { top } = this.#scroller.getBoundingClientRect();
    const height = this.#scroller.clientHeight;
    return { top: (box.top - top) / height, bottom: (box.bottom - top) / height, height };
  }

  /** @param {Range|null} range */
  #isInSight(range) {
    const sight = this.#sight(range);
    return Boolean(sight && sight.bottom > 0 && sight.top < 1);
  }

  /** Bring a part of the words into sight. @param {Range|null} [range] */
  bring(range) {
    const sight = this.#sight(range);
    if (!sight || (sight.top >= HIGHEST && sight.bottom <= LOWEST)) return;
    const screens = sight.top - AIM;
    const behavior = this.#calm.matches || Math.abs(screens) > MAX_SMOOTH_SCREENS ? "instant" : "smooth";
    this.#scroller.scrollBy({ top: screens * sight.height, behavior });
  }
}
