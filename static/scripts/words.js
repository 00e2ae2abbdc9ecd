/** What the page says, in the reader's language: one module of words for each, of which a page loads one. */

/** @typedef {typeof import("./words/en.js").default} Words */

const CODES = ["en", "de"];

/** The reader's languages, the preferred one first, as browsers name them: `de-AT`. @type {readonly string[]} */
const WANTED = globalThis.navigator?.languages ?? [];

/** @param {string} tag */
const codeOf = (tag) => tag.split("-")[0].toLowerCase();

/** The first of the wanted languages that we speak, and how it is spoken where the reader is. */
export function chosen(wanted = WANTED) {
  const tag = wanted.find((tag) => CODES.includes(codeOf(tag))) ?? "en";
  return { code: codeOf(tag), locale: tag };
}

/** By which dates and numbers are written. */
export const { code, locale } = chosen();

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

/** @type {Words} */
export const words = unturned((await import(`./words/${code}.js`)).default);

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
