/** What the page says, in the language of its reader. English comes with the page, any other language when it is chosen. */

import english from "../words/en.js";
import { recall, remember } from "./preferences.js";

/** @typedef {typeof english} Words */

/**
 * Each language by its code, with its own name. `isMachineMade` words were translated by a machine and not read by a
 * person who speaks the language; the page says so where the language is chosen.
 * `numbering` is how its figures are written, where that is not what Intl takes: times are written in these everywhere.
 * @type {Record<string, {name: string, direction: "ltr"|"rtl", isMachineMade: boolean, numbering?: string,
 *   load: () => Promise<{default: Words}>}>}
 */
export const LANGUAGES = {
  en: { name: "English", direction: "ltr", isMachineMade: false, load: async () => ({ default: english }) },
  de: { name: "Deutsch", direction: "ltr", isMachineMade: false, load: () => import("../words/de.js") },
  ar: { name: "العربية", direction: "rtl", isMachineMade: true, numbering: "latn", load: () => import("../words/ar.js") },
};

/** The reader's languages, the preferred one first, as browsers name them: `de-AT`. @type {readonly string[]} */
const WANTED = globalThis.navigator?.languages ?? [];

/** @param {string} tag */
const codeOf = (tag) => tag.split("-")[0].toLowerCase();

/** The first of the wanted languages that we speak, and how it is spoken where the reader is. */
export function chosen(wanted = WANTED) {
  const tag = wanted.find((tag) => codeOf(tag) in LANGUAGES) ?? "en";
  const code = codeOf(tag);
  const { numbering } = LANGUAGES[code];
  return { code, locale: numbering ? `${tag}-u-nu-${numbering}` : tag };
}

/** By `code`, the words; by `locale`, dates and numbers are written. */
export let { code, locale } = { code: "en", locale: chosen(WANTED.filter((tag) => codeOf(tag) === "en")).locale };

/** Emits `change` after the language of the page has changed: whatever shows words shows them anew. */
export const language = new EventTarget();

/** Directions of text (Unicode UAX 9) that a name may hold: the sentence around it would be turned, too. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** The same words, whose sentences leave the directions of a name out. @param {any} said @returns {any} */
export function unturned(said) {
  if (typeof said === "function") {
    return (/** @type {any[]} */ ...given) => said(...given.map((each) => each?.replace?.(DIRECTIONS, "") ?? each));
  }
  if (typeof said !== "object") return said;
  if (Array.isArray(said)) return said.map(unturned);
  return Object.fromEntries(Object.entries(said).map(([key, word]) => [key, unturned(word)]));
}

/** The words of a language; English where it has none yet. @param {any} said @param {any} [otherwise] @returns {any} */
function completed(said, otherwise = english) {
  if (typeof otherwise !== "object" || Array.isArray(otherwise)) return said ?? otherwise;
  const known = Object.entries(otherwise).map(([key, word]) => [key, completed(said?.[key], word)]);
  return { ...said, ...Object.fromEntries(known) };
}

/** The words of the page; the object stays, its words change with the language. @type {Words} */
export const words = unturned(english);

/**
 * Speak a language; without a code, the one that was chosen on this device, or that the browser prefers. The page goes
 * on in the language that it has when the words cannot be fetched.
 * @param {string} [wanted] a key of `LANGUAGES`; "" forgets the choice
 */
export async function speak(wanted) {
  if (wanted !== undefined) remember("language", wanted);
  // Where the browser keeps nothing, the choice holds for this visit.
  const kept = wanted ?? String(recall("language", ""));
  const next = chosen(kept ? [...WANTED.filter((tag) => codeOf(tag) === kept), kept, ...WANTED] : WANTED);
  if (next.code !== code) {
    const module = await LANGUAGES[next.code].load().catch(() => null);
    if (!module) return;
    Object.assign(words, unturned(completed(module.default)));
  }
  const isChanged = next.code !== code || next.locale !== locale;
  ({ code, locale } = next);
  if (!globalThis.document) return;
  document.documentElement.lang = code;
  document.documentElement.dir = LANGUAGES[code].direction;
  if (!isChanged) return;
  translate(document);
  language.dispatchEvent(new Event("change"));
}

/**
 * Put the words into markup that holds English. `data-words` names the text of an element, `data-words-label` its name
 * for screen readers and its tool tip: a key of `page`, or of another part with its name before it (`recorder.idle`).
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-words]"))) {
    element.textContent = word(element.dataset.words);
  }
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-words-label]"))) {
    const said = word(element.dataset.wordsLabel);
    if (element.ariaLabel) element.ariaLabel = said;
    if (element.title) element.title = said;
  }
  for (const template of root.querySelectorAll("template")) translate(template.content);
}

/** @param {string} [key] */
function word(key = "") {
  const [part, name] = key.includes(".") ? key.split(".") : ["page", key];
  return /** @type {Record<string, Record<string, string>>} */ (/** @type {unknown} */ (words))[part][name];
}
