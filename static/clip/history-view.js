/** The versions of a clip's words: as it was heard, as it was edited, compared word by word, and shown again. */

import { beginSitting, Problem } from "../shared/api.js";
import { make } from "../shared/element.js";
import { dateTime } from "../shared/format.js";
import { locale, words } from "../shared/words.js";
import { compare } from "./word-diff.js";

/** @typedef {import("../shared/types.js").Revision} Revision */

/** Equal words between two differences: more of them are folded up, but for so many at each end. */
const MAX_SHOWN_WORDS = 60;
const KEPT_WORDS = 12;

export class HistoryView {
  /** @type {Revision[]} */
  #revisions = [];
  /** Their words, as far as somebody has compared them. @type {Map<number, string>} */
  #texts = new Map();
  /** The version of the clip whose history is shown; 0: none. */
  #version = 0;
  /** The newest question: what is answered to an earlier one is too late. */
  #turn = 0;
  isShown = false;
  /** What is compared: a revision, and the one that it is compared with. @type {[number, number]|null} */
  #compared = null;

  /** @param {HTMLElement} element @param {import("./clip-page.js").ClipPage} clip */
  constructor(element, clip) {
    this.element = element;
    this.clip = clip;
    this.list = make("ol", { className: "revisions" });
    this.problem = make("div", { className: "history-problem", role: "status" });
    this.difference = make("div", { className: "difference", role: "group" });
    element.append(this.problem, this.list, this.difference);
  }

  /** Show it, or do not; it is read when somebody looks, and again when the words have changed meanwhile. @param {boolean} isShown */
  show(isShown) {
    this.isShown = isShown;
    if (isShown) void this.renew();
  }

  /** @param {boolean} [isForced] */
  async renew(isForced = false) {
    const { clip } = this.clip.entry;
    if (!this.isShown || (!isForced && this.#version === clip?.version)) return;
    const turn = (this.#turn += 1);
    this.#version = clip?.version ?? 0;
    try {
      const { revisions } = clip ? await this.#api.revisions(clip.id) : { revisions: [] };
      if (turn !== this.#turn) return;
      // One revision grows while somebody types: its words are others then.
      for (const { id, saved_at } of revisions) {
        if (this.#revisions.find((known) => known.id === id)?.saved_at !== saved_at) this.#texts.delete(id);
      }
      this.#revisions = revisions;
      this.#tell(revisions.length ? "" : words.history.empty);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#version = 0;
      this.#fail(error);
    }
    this.draw();
  }

  /** Put it on the page, in the page's language. */
  draw() {
    this.list.ariaLabel = words.history.revisions;
    this.difference.ariaLabel = words.history.difference;
    // Keyboards stay where they are.
    const focused = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    this.list.replaceChildren(...this.#revisions.map((revision, index) => this.#item(revision, index)));
    if (focused) /** @type {HTMLElement|null} */ (this.list.querySelector(`[data-key="${focused}"]`))?.focus();
    if (this.#compared) void this.#compare(...this.#compared);
  }

  get #api() {
    return this.clip.page.actions.api;
  }

  /** @param {Revision} revision */
  #title({ source, saved_at }) {
    return source === "machine" ? words.history.heard : words.history.edited(dateTime(saved_at, locale));
  }

  /** @param {Revision} revision @param {number} index */
  #item(revision, index) {
    const { id, source, current, chars, created_at } = revision;
    const title = this.#title(revision);
    const when = source === "machine" ? [dateTime(created_at, locale)] : [];
    const facts = [...when, words.history.characters(chars.toLocaleString(locale))].join(" · ");
    const about = make(
      "div",
      {},
      make("p", { className: "revision-title", textContent: title }),
      make("p", { className: "revision-facts", textContent: facts }),
    );
    const item = make("li", {}, about);
    const before = this.#revisions[index + 1] ?? this.#revisions[index - 1];
    if (before) {
      const button = this.#button(words.history.compare, words.history.compareOf(title), `compare-${id}`);
      button.ariaPressed = String(this.#compared?.[0] === id);
      button.addEventListener("click", () => this.#choose(this.#compared?.[0] === id ? null : [id, before.id]));
      item.append(button);
    }
    if (current) item.append(make("span", { className: "chip", textContent: words.history.current }));
    else {
      const button = this.#button(words.page.restore, words.history.restoreOf(title), `restore-${id}`);
      button.addEventListener("click", () => this.clip.try(() => this.#restore(revision)));
      item.append(button);
    }
    return item;
  }

  /** @param {string} text @param {string} label @param {string} key */
  #button(text, label, key) {
    const button = make("button", { type: "button", className: "quiet", textContent: text, ariaLabel: label });
    button.dataset.key = key;
    return button;
  }

  /** @param {[number, number]|null} compared */
  #choose(compared) {
    this.#compared = compared;
    if (!compared) this.difference.replaceChildren();
    this.draw();
  }

  /** @param {number} id @param {number} other */
  async #compare(id, other) {
    const all = [id, other].map((each) => this.#revisions.find((revision) => revision.id === each));
    const [first, second] = all;
    if (!first || !second) return this.#choose(null); // thinned out meanwhile
    try {
      const [mine, theirs] = await Promise.all([this.#text(id), this.#text(other)]);
      if (this.#compared?.[0] !== id || this.#compared[1] !== other) return;
      const isLater = this.#revisions.indexOf(first) < this.#revisions.indexOf(second);
      const pieces = isLater ? this.#pieces(theirs, mine) : this.#pieces(mine, theirs);
      this.difference.replaceChildren(this.#choice(id, other), pieces);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {number} id */
  async #text(id) {
    const known = this.#texts.get(id) ?? (await this.#api.revision(this.clip.id, id)).text;
    this.#texts.set(id, known);
    return known;
  }

  /** With which it is compared. @param {number} id @param {number} other */
  #choice(id, other) {
    const select = make("select");
    for (const revision of this.#revisions) {
      if (revision.id !== id) select.append(new Option(this.#title(revision), String(revision.id), false, revision.id === other));
    }
    select.addEventListener("change", () => this.#choose([id, Number(select.value)]));
    return make("label", { className: "compared-with" }, words.history.with, select);
  }

  /** @param {string} before @param {string} after */
  #pieces(before, after) {
    const pieces = compare(before, after);
    if (pieces.every(({ kind }) => kind === "same")) return make("p", { textContent: words.history.same });
    const text = make("div", { className: "compared", dir: "auto" });
    pieces.forEach(({ kind, text: said }, i) => {
      if (kind === "same") text.append(...equal(said, i > 0, i < pieces.length - 1));
      else text.append(make(kind === "gone" ? "del" : "ins", { textContent: said }));
    });
    return text;
  }

  /** @param {Revision} revision */
  async #restore(revision) {
    const { page, id, entry } = this.clip;
    const before = entry.clip?.text ?? null;
    this.clip.flush();
    const clip = await this.#api.restoreRevision(id, revision.id);
    page.library.apply(clip);
    const undo = async () => {
      beginSitting();
      await page.actions.rewrite(id, before ?? "", clip.text ?? "");
    };
    page.toast.say(words.history.restored(this.#title(revision)), before === null ? {} : { undo: () => this.clip.try(undo) });
  }

  /** @param {unknown} error */
  #fail(error) {
    const why = error instanceof Error ? error.message : String(error);
    const isCut = error instanceof Problem && !error.status;
    this.#tell(isCut ? words.history.offline : words.history.unread(why), true);
  }

  /** @param {string} sentence @param {boolean} [again] whether to offer another try */
  #tell(sentence, again = false) {
    const retry = make("button", { type: "button", className: "quiet", textContent: words.bin.tryAgain });
    retry.addEventListener("click", () => void this.renew(true));
    this.problem.replaceChildren(...(sentence ? [make("p", { textContent: sentence })] : []), ...(again ? [retry] : []));
  }
}

/**
 * Words that are the same: many of them between two differences are folded up, and can be unfolded.
 * @param {string} text @param {boolean} hasBefore whether something differs before it @param {boolean} hasBehind
 */
function equal(text, hasBefore, hasBehind) {
  const parts = text.match(/\S+\s*/g) ?? [text];
  if (parts.length <= MAX_SHOWN_WORDS) return [document.createTextNode(text)];
  const [from, to] = [hasBefore ? KEPT_WORDS : 0, parts.length - (hasBehind ? KEPT_WORDS : 0)];
  const folded = make("details", {}, make("summary", { textContent: words.history.equal((to - from).toLocaleString(locale)) }), parts.slice(from, to).join(""));
  return [document.createTextNode(parts.slice(0, from).join("")), folded, document.createTextNode(parts.slice(to).join(""))];
}
