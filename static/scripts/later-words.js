/** What is said by the parts of the page that come when they are needed: they wait for these words, the page does not. */

import { code, unturned } from "./words.js";

/** @typedef {typeof import("./words/later/en.js").default} LaterWords */

/** @type {LaterWords} */
export const laterWords = unturned((await import(`./words/later/${code}.js`)).default);
