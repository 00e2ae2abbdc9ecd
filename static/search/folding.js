/**
 * Folds text for search, and finds what a person typed, as the server does (`shared/search/folding.py`, `query.py`): the
 * rules are explained there, and `tests/data/search.json` holds both to them. Pure.
 */

/** @typedef {import("../shared/types.js").Span} Span */
/** @typedef {{folded: string, positions: number[]|null}} Folded code units, each with its place in the text; null: the same */

const WORD_LENGTH = 64;

/** Words and phrases of one query; the rest is ignored. */
const PHRASES = 16;

const UNSPACED =
  "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff" +
  "\u{20000}-\u{3ffff}\u2600-\u27bf\u{1f000}-\u{1faff}";
const WORD = `[^ '${UNSPACED}]`;
const JOINED = `[^ ${UNSPACED}]`;

/** In a folded text: a run of characters of a script without spaces, or a word of a script with spaces. */
export const RUN = new RegExp(`[${UNSPACED}]+|${WORD}+`, "gu");
/** What begins with a character of a script without spaces. */
export const IS_UNSPACED = new RegExp(`^[${UNSPACED}]`, "u");
const ONE_WORD = new RegExp(`^${JOINED}+$`, "u");
const LOOSE_JOINT = new RegExp(`(?<!${WORD})'|'(?!${WORD})`, "gu");
const CHUNK = /["“”„«»]([^"“”„«»]*)(["“”„«»]?)|([^\s"“”„«»]+)/gu;

const JOINTS = new Set(
  "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u2018\u2019\u201b\u2032\uff07\u055a\u05f3\u05f4" +
    "-\u058a\u05be\u1806\u2010\u2011\u2e17\ufe63\uff0d\u00b7",
);

/** @type {Record<string, string>} */
const VARIANTS = {
  ...{ ø: "o", ł: "l", đ: "d", ħ: "h", ŧ: "t", ı: "i", ð: "d", œ: "oe", æ: "ae", ς: "σ" },
  ...{ "\u05f0": "\u05d5\u05d5", "\u05f1": "\u05d5\u05d9", "\u05f2": "\u05d9\u05d9" },
  ...{ "\u0671": "\u0627", "\u0649": "\u064a", "\u06cc": "\u064a", "\u06d2": "\u064a", "\u06a9": "\u0643" },
  ...{ "\u0629": "\u0647", "\u06c1": "\u0647", "\u06c3": "\u0647", "\u06d5": "\u0647", "\u0640": "", "\u07fa": "" },
};

const HALFWIDTH_SYLLABLE = /[\u304b-\u30fd\uff66-\uff9d][\uff9e\uff9f]/g;

/** Characters so far, and what they fold to. @type {Map<string, string>} */
const known = new Map();

/** @param {string} text in NFC @returns {Folded} */
export function fold(text) {
  // Most texts, in a tenth of the time.
  if (!/[^\0-\x7f]/.test(text)) {
    const folded = text.toLowerCase().replace(/[-`]/g, "'").replace(/[^a-z0-9']/g, " ");
    return { folded: folded.replace(LOOSE_JOINT, " "), positions: null };
  }
  const spelled = text.replace(HALFWIDTH_SYLLABLE, (pair) => {
    const syllable = pair.normalize("NFKC");
    return syllable.length === 1 ? `${syllable}\u00ad` : pair;
  });
  let folded = "";
  let [at, isMoved] = [0, false];
  const positions = [];
  for (const character of spelled) {
    let plain = known.get(character);
    if (plain === undefined) known.set(character, (plain = foldCharacter(character)));
    for (let unit = 0; unit < plain.length; unit += 1) {
      positions.push(plain.length === character.length ? at + unit : at);
    }
    isMoved ||= plain.length !== character.length;
    folded += plain;
    at += character.length;
  }
  return { folded: folded.replace(LOOSE_JOINT, " "), positions: isMoved ? positions : null };
}

/** @param {string} character */
function foldCharacter(character) {
  if (JOINTS.has(character)) return "'";
  // Capitals between: ß is SS, and the last sigma of a word is a sigma; but a capital ß is none of these.
  const letters = stripAccents(stripAccents(character).toLowerCase().toUpperCase().toLowerCase());
  return Array.from(letters, (letter) => VARIANTS[letter] ?? letter).join("").replace(/./gsu, letterOrSpace);
}

/** @param {string} text */
function stripAccents(text) {
  const letters = Array.from(text.normalize("NFKD")).filter((one) => /[\u3099\u309a]/.test(one) || !isAccent(one));
  return letters.join("").normalize("NFC");
}

/** Whether a mark combines. Such marks are put in order, and all others before the iota below. @param {string} character */
function isAccent(character) {
  if (!/\p{M}/u.test(character)) return false;
  const isMoved = `\u0345${character}`.normalize("NFD") !== `\u0345${character.normalize("NFD")}`;
  return character === "\u0345" || isMoved;
}

/** @param {string} character */
function letterOrSpace(character) {
  if (JOINTS.has(character)) return "'";
  if (isAccent(character) || /[\p{Cf}\p{Variation_Selector}]/u.test(character)) return "";
  if (/\p{Nd}/u.test(character)) return digit(character);
  const isPictograph = /\p{So}/u.test(character) && IS_UNSPACED.test(character);
  return isPictograph || /[\p{L}\p{M}\p{N}]/u.test(character) ? character : " ";
}

/** Digits of a script stand ten in a row, from 0 to 9. @param {string} character */
function digit(character) {
  let value = 0;
  const code = /** @type {number} */ (character.codePointAt(0));
  while (/\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value += 1;
  return String(value % 10);
}

/** What a person typed: for each word or phrase, what matches it in a folded text. @param {string} typed @returns {RegExp[]} */
export function phrases(typed) {
  const chunks = [...typed.normalize("NFC").matchAll(CHUNK)]
    .map(([, quoted, closing, unquoted]) => ({ folded: fold(quoted || unquoted || "").folded, closing }))
    .filter(({ folded }) => folded.match(RUN))
    .slice(0, PHRASES);
  return chunks.map(({ folded, closing }, index) => {
    const isUnfinished = index === chunks.length - 1 && !closing && !folded.endsWith(" ");
    return new RegExp(pattern(folded.trim(), isUnfinished), "gu");
  });
}

/** @param {string} folded @param {boolean} isUnfinished */
function pattern(folded, isUnfinished) {
  const parts = partsPattern(folded.match(RUN) ?? [], isUnfinished);
  if (!ONE_WORD.test(folded)) return parts;
  const letters = Array.from(folded.replaceAll("'", "")).slice(0, WORD_LENGTH);
  const end = isUnfinished || letters.length === WORD_LENGTH ? `${JOINED}*` : `(?!${JOINED})`;
  return `(?<!${JOINED})${letters.join("'?")}${end}|${parts}`;
}

/** Letters, digits and pictographs mean themselves in a pattern. @param {string[]} runs @param {boolean} isUnfinished */
function partsPattern(runs, isUnfinished) {
  return runs
    .map((run, index) => {
      const isUnspaced = IS_UNSPACED.test(run);
      const space = IS_UNSPACED.test(runs[index - 1] ?? "") === isUnspaced ? "[ ']+" : "[ ']*";
      const start = index ? space : isUnspaced ? "" : `(?<!${WORD})`;
      if (isUnspaced) return start + run;
      const letters = Array.from(run).slice(0, WORD_LENGTH);
      const mayContinue = letters.length === WORD_LENGTH || (isUnfinished && index === runs.length - 1);
      return start + letters.join("") + (mayContinue ? `${WORD}*` : `(?!${WORD})`);
    })
    .join("");
}

/** Where a text has any of these phrases, in order. @param {string} text @param {Folded} made of it @param {RegExp[]} sought @returns {Span[]} */
export function spans(text, { folded, positions }, sought) {
  if (!sought.length) return [];
  const any = new RegExp(sought.map(({ source }) => `(?:${source})`).join("|"), "gu");
  return [...folded.matchAll(any)].map(({ index, 0: { length } }) => {
    const [start, last] = [index, index + length - 1].map((unit) => (positions ? positions[unit] : unit));
    const rest = /^.[\p{M}\u00ad\uff9e\uff9f]*/su.exec(text.slice(last)) ?? [""];
    return /** @type {Span} */ ([start, last + rest[0].length]);
  });
}
