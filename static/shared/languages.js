/** The languages that Whisper knows; their names come from Intl, in the reader's own language. */

import { locale } from "./words.js";

// As in shared/languages.py: a test holds the two together.
const CODES =
  "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id " +
  "is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd " +
  "si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh";

/** The name of a language; its code where there is none. @param {string} code @param {string} [as] a locale */
export function language(code, as = locale) {
  try {
    return new Intl.DisplayNames(as, { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** All of them, in the order of their names. @param {string} [as] a locale @returns {{code: string, name: string}[]} */
export function languages(as = locale) {
  const all = CODES.split(" ").map((code) => ({ code, name: language(code, as) }));
  return all.sort((a, b) => a.name.localeCompare(b.name, as));
}
