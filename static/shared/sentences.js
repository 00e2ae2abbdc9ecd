/**
 * What the server says about a clip, in the reader's language. It writes English sentences, which stay with the clip: a
 * sentence that is not in this table is shown as it is. Pure.
 */

import { size } from "./format.js";
import { reasonOf } from "./problem.js";
import { words } from "./words.js";

/** @typedef {import("./problem.js").Reason} Reason */
/** @typedef {import("./words.js").Words} Words */

/** The server's sentence, with `{}` for a number, and its key in the words. @type {[string, keyof typeof words.told][]} */
const SENTENCES = [
  ["This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved.", "unreadable"],
  ["The sound in this file is damaged: nothing of it can be decoded.", "undecodable"],
  ["There is no sound in this file.", "noSound"],
  ["The file ends before its sound begins: it was cut off while it was saved.", "endsEarly"],
  ["Nothing was recorded: not a byte of sound arrived here.", "nothingRecorded"],
  ["The parts of this recording cannot be put into one; each of them is kept.", "notJoined"],
  ["The sound of this clip is not in the store.", "notInStore"],
  [
    "The sound is longer than {} hours, the most that this server makes words of (MAX_AUDIO_HOURS). All of its bytes are kept.",
    "tooLong",
  ],
  ["The file claims far more sound than so few bytes can hold. All of its bytes are kept.", "implausible"],
  ["The sound takes far more time to decode than sound of this length does. All of its bytes are kept.", "tooSlow"],
  ["The server's disk is full. Whoever runs it can make room; then it goes on by itself.", "full"],
  ["The transcriber got stuck at this clip and was started again.", "stuck"],
  ["The transcriber got stuck while it made this and was started again.", "stuckMaking"],
  ["The transcriber stopped {} times while it made this.", "stoppedMaking"],
  ["Trying again ({} of {}).", "again"],
  ["It was tried {} times; the sound is kept, ask again later.", "givenUp"],
];

const PATTERNS = SENTENCES.map(([sentence, key]) => {
  const escaped = sentence.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "([\\d.]+)");
  return { pattern: new RegExp(escaped, "g"), key };
});

/** What is wrong with a clip of which nothing can be played, and whether there is a file that can be saved. */
const UNPLAYABLE = new Map(Object.entries({
  unreadable: true, undecodable: true, noSound: true, endsEarly: true, nothingRecorded: false, notInStore: false,
}));

/** What the server's words about a clip mean for whoever wants to hear it; null: it can be played. @param {string|null} error */
export function unplayable(error) {
  const found = PATTERNS.find(({ pattern, key }) => UNPLAYABLE.has(key) && (error ?? "").search(pattern) >= 0);
  return found ? { hasFile: Boolean(UNPLAYABLE.get(found.key)) } : null;
}

/**
 * The sentence of a code, with its values in it. A sentence that nobody knows stays as it is: the server's, that of an
 * older release, or that of the browser.
 * @param {Reason|string|null|undefined} reason @returns {string}
 */
export function sentenceOf(reason, language = words) {
  if (!reason) return "";
  if (typeof reason === "string") return told(reason, language) ?? "";
  if (Array.isArray(reason)) return reason.map((one) => sentenceOf(one, language)).join(" ");
  if ("said" in reason) return told(reason.said, language) ?? "";
  /** @type {any} */
  const sentence = reason.code.split(".").reduce((/** @type {any} */ at, key) => at?.[key], language);
  // A code of a newer release, which was kept on this device before somebody took the newer release back.
  if (sentence === undefined) return "";
  return typeof sentence === "function" ? sentence(...(reason.values ?? []).map((value) => valueOf(value, language))) : sentence;
}

/** Say why something failed, whatever was thrown. @param {unknown} error */
export const sentenceOfError = (error) => sentenceOf(reasonOf(error));

/** @param {unknown} value of a code @param {Words} language */
function valueOf(value, language) {
  if (typeof value !== "object" || value === null) return value;
  if ("bytes" in value) return size(Number(value.bytes));
  return sentenceOf(/** @type {Reason} */ (value), language);
}

/** Put the server's words about a clip or a file into the reader's language. @param {string|null} error */
export function told(error, language = words) {
  if (error && error in language.refusals) return language.refusals[error];
  /** @param {keyof typeof words.told} key @param {string[]} numbers */
  const say = (key, numbers) => {
    const sentence = /** @type {string|((...numbers: string[]) => string)} */ (language.told[key]);
    return typeof sentence === "string" ? sentence : sentence(...numbers);
  };
  return error && PATTERNS.reduce((text, { pattern, key }) => text.replace(pattern, (_, ...found) => say(key, found)), error);
}
