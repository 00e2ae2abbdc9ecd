/**
 * A title for a recording of its first words, as the server suggests one (`shared/clips/titles.py`): the rules are
 * explained there, and `tests/data/titles.json` holds both to them. Pure.
 */

import { fold, IS_UNSPACED, RUN } from "../search/folding.js";

const MAX_TITLE_CHARS = 60;
const MIN_CONTENT_WORDS = 4;
const MAX_READ_CHARS = 4_000;
const MIN_CUT_CHARS = MAX_TITLE_CHARS / 2;

const SENTENCE_END = /[.!?…؟۔।॥]+["'”’»)\]]*(?=\s|$)|[。！？｡]+[」』”）]*|\n/gu;
const ABBREVIATION =
  /(?:(?<![\p{L}\p{N}_])(?:dr|mr|mrs|ms|prof|st|nr|no|bzw|ca|vs|sr|sra|mme|hr|fr|etc)|(?:^|[\s.(])[\p{L}\p{N}_](?:\.[\p{L}\p{N}_])*)$/iu;
const WORD = /[^\s.,;:!?…،؟。、，！？]+/gu;

const folded = (/** @type {string} */ text) => fold(text.normalize("NFC")).folded;
const foldedAll = (/** @type {string} */ all) => new Set(all.split(" ").map((word) => folded(word)));

const FILLERS = foldedAll(
  "ah ahm alright eh ehm em er erm euh hello hey hi hm hmm hmmm mhm mm oh ok okay uh uhm um umm yeah yep " +
    "äh ähm öh öhm hallo hä ach naja tja bonjour salut ben bah hola ehi ciao allô olá oi então " +
    "えー えっと あの ええと 嗯 呃 那个 э эм ну 음 어 उम يعني",
);
const FILLERS_BESIDE_OTHERS = foldedAll(
  "so well right yes now like and also ja nun genau gut und jetzt alors bon donc voilà et bueno pues y allora ecco e " +
    "вот так итак えーと 就是 그",
);
const COMMAS = new Set([",", "…", "،", "，", "、"]);
const HAS_VOWELS = /^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]/u;

/** The first sentence with four words of content, cut at a word; null: there is none. @param {string} text */
export function suggestTitle(text) {
  for (const sentence of sentences(clean(beginning(text)))) {
    const title = withoutFillers(sentence);
    if (countContent(title) >= MIN_CONTENT_WORDS) return capitalized(shortened(title));
  }
  return null;
}

/** By characters, as the server counts them, and not by halves of surrogate pairs. @param {string} text */
function beginning(text) {
  return Array.from(text.slice(0, 2 * MAX_READ_CHARS)).slice(0, MAX_READ_CHARS).join("");
}

/** @param {string} text */
function clean(text) {
  const kept = text.replace(/[\t\r\v\f]/g, " ").replace(/(?!\n)[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, "");
  return kept.normalize("NFC");
}

/** @param {string} text */
function* sentences(text) {
  let start = 0;
  for (const end of text.matchAll(SENTENCE_END)) {
    if (end[0] === "." && ABBREVIATION.test(text.slice(start, end.index))) continue;
    yield trimmed(text.slice(start, end.index), end[0]);
    start = end.index + end[0].length;
  }
  yield trimmed(text.slice(start), "");
}

/** @param {string} sentence @param {string} end */
function trimmed(sentence, end) {
  const mark = "?!؟？！".includes(end[0] ?? " ") ? end[0] : "";
  const words = sentence.split(/\s+/u).filter(Boolean).join(" ");
  const bare = words.replace(/^["'“”„«»「」()[\]–— -]+|["'“”„«»「」()[\]–— -]+$/gu, "").replace(/[,;:、，；：،]+$/u, "");
  return words.replace(/["'“”„«»「」()[\]–— -]+/gu, "") ? bare + mark : "";
}

/** @param {string} sentence */
function withoutFillers(sentence) {
  let [start, hasFiller] = [0, false];
  for (const { 0: word, index } of sentence.matchAll(WORD)) {
    const end = index + word.length;
    const key = folded(word).trim();
    const hasComma = COMMAS.has(sentence.slice(end, end + 1));
    const isFiller = FILLERS.has(key) || (FILLERS_BESIDE_OTHERS.has(key) && (hasFiller || hasComma));
    if (!isFiller) return hasFiller ? sentence.slice(index) : sentence;
    [start, hasFiller] = [end, true];
  }
  return sentence.slice(start).replace(/^[ ,.…!?]+|[ ,.…!?]+$/gu, "");
}

/** @param {string} sentence */
function countContent(sentence) {
  let count = 0;
  for (const [run] of folded(sentence).replaceAll("'", "").matchAll(RUN)) {
    if (IS_UNSPACED.test(run)) count += Array.from(run).length / (HAS_VOWELS.test(run) ? 4 : 2);
    else if (!FILLERS.has(run)) count += 1;
  }
  return count;
}

/** @param {string} title */
function shortened(title) {
  const all = Array.from(title);
  if (all.length <= MAX_TITLE_CHARS) return title;
  const head = all.slice(0, MAX_TITLE_CHARS - 1);
  let end = head.length;
  if (!/\s/u.test(all[end])) {
    end = head.findLastIndex((character, at) => /\s/u.test(character) || "、，。".includes(head[at - 1] ?? " "));
  }
  if (end < MIN_CUT_CHARS) {
    end = head.length;
    while (end > MIN_CUT_CHARS && /\p{M}/u.test(all[end])) end -= 1;
  }
  return `${head.slice(0, end).join("").replace(/[ ,;:、，；：،\-–—]+$/u, "")}…`;
}

/** @param {string} title */
function capitalized(title) {
  const [first = "", ...rest] = Array.from(title);
  const capital = first.toUpperCase();
  return Array.from(capital).length === 1 ? capital + rest.join("") : title;
}
