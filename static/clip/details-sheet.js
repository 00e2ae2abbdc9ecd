/** What there is to know of a clip beside its words: on a sheet, for whoever asks. */

import { make } from "../shared/element.js";
import { dateTime, inWords } from "../shared/format.js";
import { language } from "../shared/languages.js";
import { showSheet } from "../shared/sheet.js";
import { locale, words } from "../shared/words.js";
import { told } from "./remarks.js";

/** @typedef {import("../shared/types.js").Entry} Entry */

/** @param {Entry} entry @param {import("../shared/clip-state.js").View} view */
export async function showDetails(entry, view) {
  const list = make("dl", { className: "details" });
  for (const [name, said] of lines(entry, view)) {
    if (!said) continue;
    list.append(make("dt", { textContent: name }), make("dd", { textContent: said, dir: "auto" }));
  }
  await showSheet(words.details.title, [list]);
}

/** @param {Entry} entry @param {import("../shared/clip-state.js").View} view @returns {[string, string][]} */
function lines({ at, clip }, { duration_ms, gaps, by, fileName }) {
  const said = words.details;
  const remarks = told(clip?.remarks ?? []).map(({ words: sentence }) => sentence);
  return [
    [said.recorded, dateTime(at, locale, true)],
    [said.length, duration_ms === null ? "" : inWords(duration_ms)],
    [said.sound, [fileName.split(".").at(-1)?.toUpperCase() ?? "", ...remarks].join(". ")],
    [said.language, spoken(clip)],
    [said.words, wordCount(clip?.text ?? "")],
    [said.recognizer, by],
    [said.gaps, gaps || said.none],
  ];
}

/** @param {Entry["clip"]} clip */
function spoken(clip) {
  if (clip?.language_set) return words.details.chosen(language(clip.language_set));
  return clip?.language ? words.details.found(language(clip.language)) : "";
}

/** @param {string} text */
function wordCount(text) {
  const count = text.match(/\S+/g)?.length ?? 0;
  return count ? count.toLocaleString(locale) : "";
}
