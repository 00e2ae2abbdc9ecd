/** What a row says about its clip: one place that turns states into words. Pure. */

import { brief, clock, dateTime, fileName, firstLines, inWords, time } from "./format.js";
import { sentenceOf, told, unplayable } from "./sentences.js";
import { locale, words } from "./words.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Gap} Gap */
/**
 * @typedef {"kept"|"sending"|"refused"|"left"|"recording"|"stalled"|"waiting"|"transcribing"|"done"|"failed"|"off"} Kind
 * @typedef {{
 *   kind: Kind, status: string, retry?: boolean, save?: boolean, resume?: boolean, finish?: string,
 *   progress?: number|null, running?: boolean, awaited?: boolean
 * }} Condition
 *
 * `resume` offers to record on, `finish` is the name of the button that ends it; `running` grows with each second;
 * `awaited` is what somebody works on who may be stuck;
 * `settled` are words that the transcript will replace, `tentative` those that may change at any moment;
 * `gaps` is a sentence and `marks` where they are, from 0 to 1, each with its own; `spoken` is null where no language can be chosen, and
 * `by` who wrote the words down; `unplayed` says what can be had of a clip that is not `playable`.
 * @typedef {Required<Condition> & {
 *   name: string, text: string|null, excerpt: string, settled: string, tentative: string, duration_ms: number|null,
 *   time: string, length: string, unsent: string, facts: string,
 *   fileName: string, gaps: string, marks: Mark[], spoken: import("../clip/language-picker.js").Spoken|null, by: string,
 *   playable: boolean, unplayed: string
 * }} View
 * @typedef {{place: number, words: string}} Mark
 */

/** A recorder sends every two seconds; one that has not for so long is paused, offline or gone. */
const STALLED_MS = 20_000;

/** A transcription says about once a second how far it is. Of one that has not for so long, a person may ask again. */
const STUCK_MS = 180_000;

/** More gaps than these are counted, not told. */
const MOST_GAPS = 6;

const CALM = { retry: false, save: false, resume: false, finish: "", progress: null, running: false, awaited: false };

/**
 * The words for an entry.
 * @param {Entry} entry @param {string} [as] a locale @param {number} [now_ms] @returns {View}
 */
export function viewOf(entry, as = locale, now_ms = Date.now()) {
  const { clip, local, hearing } = entry;
  const about = local ?? clip;
  if (!about) throw new Error("An entry is a clip, a kept recording, or both.");
  const until_ms = Math.min(now_ms, entry.cut_ms ?? now_ms);
  const silent_ms = Math.max(0, until_ms - (entry.heard_ms ?? until_ms));
  const isStuck = now_ms - lastNews_ms(entry, now_ms) > STUCK_MS;
  const condition = { ...CALM, ...(local ? onDevice(local, silent_ms) : onServer(clip, silent_ms, isStuck, hearing)) };
  if (entry.cut_ms && condition.kind === "recording" && !local) condition.status = words.offline.wasRecording;
  const known_ms = about.duration_ms ?? clip?.duration_ms ?? null;
  const duration_ms = condition.running ? (known_ms ?? 0) + silent_ms : known_ms;
  const unsent = entry.changes?.some(({ state }) => state === "waiting") ? words.offline.unsent : "";
  const gaps = (clip?.gaps?.length ? clip.gaps : local?.gaps) ?? [];
  const broken = local || clip?.status !== "failed" ? null : unplayable(clip.error);
  return {
    ...condition,
    name: about.name,
    playable: !broken,
    unplayed: broken?.hasFile ? words.clip.unplayed : "",
    text: clip?.text ?? null,
    excerpt: firstLines(clip?.text ?? clip?.excerpt ?? ""),
    ...heard(entry),
    duration_ms,
    time: time(entry.at, as),
    length: duration_ms === null ? "" : condition.running ? clock(duration_ms) : brief(duration_ms),
    unsent,
    fileName: fileName(about.name, about.mime),
    facts: [dateTime(entry.at, as), lengthWords(duration_ms, condition.running), unsent].filter(Boolean).join(" · "),
    spoken: local ? null : spokenIn(clip),
    by: ((clip?.text ?? clip?.excerpt) && clip?.recognizer) || "",
    gaps: gapWords(gaps),
    marks: known_ms ? gaps.filter(hasPlace).map((gap) => marked(gap, known_ms)) : [],
  };
}

/** What grows is shown as a clock. @param {number|null} ms @param {boolean} isRunning */
function lengthWords(ms, isRunning) {
  if (ms === null) return "";
  return isRunning ? clock(ms) : inWords(ms);
}

/** When something was heard of the work on a clip. @param {Entry} entry @param {number} now_ms */
function lastNews_ms({ clip, hearing, heard_ms, changes }, now_ms) {
  if (!clip || changes?.some(({ kind }) => kind === "retry")) return now_ms;
  // What this device has not watched since it last changed is as old as that change.
  const news_ms = heard_ms ?? now_ms;
  return hearing ? news_ms : Math.min(news_ms, Date.parse(clip.updated_at));
}

/** Words that are there before the transcript is. @param {Entry} entry */
function heard({ clip, captions, hearing }) {
  if (clip?.text ?? clip?.excerpt) return { settled: "", tentative: "" };
  if (!captions) return { settled: hearing?.text ?? "", tentative: "" };
  const { missing, settled, tentative } = captions;
  return { settled: `${missing ? "… " : ""}${settled.trimStart()}`, tentative };
}

/** @param {import("./types.js").Local} local @param {number} silent_ms @returns {Condition} */
function onDevice({ state, problem, reason, sending, progress }, silent_ms) {
  if (state === "recording") {
    return { kind: "recording", status: words.clip.elsewhere, running: silent_ms < STALLED_MS };
  }
  if (state === "left") {
    return { kind: "left", status: words.clip.left, resume: true, finish: words.clip.finish };
  }
  if (state === "refused") {
    return { kind: "refused", status: words.clip.refused(sentenceOf(reason ?? problem) || null), retry: true, save: true };
  }
  if (sending === "sending") {
    return { kind: "sending", status: words.clip.sending(Math.floor(progress * 100)), progress };
  }
  return { kind: "kept", status: [words.clip.kept, sentenceOf(reason ?? problem)].filter(Boolean).join(" ") };
}

/**
 * @param {import("./types.js").Clip|null} clip @param {number} silent_ms @param {boolean} isStuck
 * @param {import("./types.js").Progress} [hearing] @returns {Condition}
 */
function onServer(clip, silent_ms, isStuck, hearing) {
  const awaited = { awaited: true, retry: isStuck };
  const error = told(clip?.error ?? null);
  switch (clip?.status) {
    case "recording":
      if (silent_ms < STALLED_MS) return { kind: "recording", status: words.clip.recording, running: true };
      return { kind: "stalled", status: words.clip.stalled, finish: words.clip.finishNow };
    case "pending":
      return { kind: "waiting", status: [words.clip.waiting, error].filter(Boolean).join(". "), ...awaited };
    case "transcribing": {
      // What keeps it waiting has the place of what is done with it.
      const doing = error ?? words.clip.transcribing;
      if (!hearing) return { kind: "transcribing", status: doing, ...awaited };
      return {
        kind: "transcribing",
        status: `${doing} ${words.clip.percent(hearing.percent)}`,
        progress: hearing.percent / 100,
        ...awaited,
      };
    }
    case "failed":
      return { kind: "failed", status: error ?? words.clip.failed, retry: true };
    case "off":
      return { kind: "off", status: error ?? words.clip.off };
    case "done":
    case undefined:
      return { kind: "done", status: (clip?.text ?? clip?.excerpt) === "" ? words.clip.wordless : "" };
    default:
      return { kind: "waiting", status: words.clip.unknown };
  }
}

/**
 * In which language it is. While it waits, that is worth a word only if a person has said it.
 * @param {import("./types.js").Clip|null} clip @returns {View["spoken"]}
 */
function spokenIn(clip) {
  if (!clip || clip.status === "recording" || clip.status === "off") return null;
  const hasWords = Boolean(clip.text ?? clip.excerpt);
  if (clip.status === "pending" && !hasWords && !clip.language_set) return null;
  return { found: hasWords ? clip.language : null, set: clip.language_set };
}

/** Say what was not heard: where, for how long, and why. @param {Gap[]} gaps */
export function gapWords(gaps) {
  const placed = gaps.filter(hasPlace);
  const told = placed.slice(0, MOST_GAPS).map(gapWord);
  if (placed.length > MOST_GAPS) told.push(words.gaps.more(placed.length - MOST_GAPS));
  const sentences = told.length ? [words.gaps.told(placed.length, told.join(", "))] : [];
  const missing_ms = gaps.reduce((sum, gap) => (hasPlace(gap) ? sum : sum + gap.length_ms), 0);
  if (missing_ms) sentences.push(words.gaps.shorter(brief(missing_ms)));
  return sentences.join(" ");
}

/** @param {Gap} gap */
function gapWord({ at_ms, length_ms, cause }) {
  const known = words.gaps[/** @type {keyof typeof words.gaps} */ (cause)];
  const why = [length_ms ? brief(length_ms) : "", typeof known === "string" ? known : ""].filter(Boolean).join(", ");
  return why ? `${clock(at_ms)} (${why})` : clock(at_ms);
}

/** @param {Gap} gap @param {number} whole_ms @returns {Mark} */
function marked(gap, whole_ms) {
  return { place: Math.min(1, gap.at_ms / whole_ms), words: gapWord(gap) };
}

/** What is missing is missing from the whole. @param {Gap} gap */
function hasPlace({ cause }) {
  return cause !== "missing";
}
