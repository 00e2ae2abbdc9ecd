/** What the page says, in the reader's language: one module of words for each, of which a page loads one. */

/** @typedef {typeof import("./words/en.js").default} Words */

const CODES = ["en", "de"];

/** The first of the reader's languages that we speak. @param {readonly string[]} wanted as browsers name them */
export function chosen(wanted) {
  return wanted.map((tag) => tag.split("-")[0].toLowerCase()).find((code) => CODES.includes(code)) ?? "en";
}

/** Dates and numbers are written in the same language, as the reader's own country does it. */
export const locale = globalThis.navigator?.languages?.find((tag) => chosen([tag]) === tag.split("-")[0]) ?? "en";

/** @type {Words} */
export const words = (await import(`./words/${chosen(globalThis.navigator?.languages ?? [])}.js`)).default;

/**
 * Put the words into markup that holds English: `data-words` names the text of an element, `data-words-label` its name
 * for screen readers and its tool tip. @param {ParentNode} root
 */
export function translate(root) {
  const said = /** @type {Record<string, string>} */ (words.page);
  for (const element of root.querySelectorAll("[data-words]")) {
    element.textContent = said[/** @type {HTMLElement} */ (element).dataset.words ?? ""];
  }
  for (const element of root.querySelectorAll("[data-words-label]")) {
    const label = said[/** @type {HTMLElement} */ (element).dataset.wordsLabel ?? ""];
    element.ariaLabel = label;
    if (element.hasAttribute("title")) element.setAttribute("title", label);
  }
}
