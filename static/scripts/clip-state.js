/** What a row says about its clip: one place that turns states into words. Pure. */

import { brief, clock, fileName, time } from "./format.js";
import { words } from "./words.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Gap} Gap */
/**
 * @typedef {"kept"|"sending"|"refused"|"left"|"recording"|"stalled"|"waiting"|"transcribing"|"done"|"failed"|"off"} Kind
 * @typedef {{
 *   kind: Kind, status: string, retry?: boolean, save?: boolean, resume?: boolean, finish?: string,
 *   progress?: number|null, running?: boolean
 * }} Condition
 *
 * `resume` offers to record on, `finish` is the name of the button that ends it; `running` grows with each second;
 * `settled` are words that the transcript will replace, `tentative` those that may change at any moment;
 * `gaps` is a sentence and `marks` where they are, from 0 to 1; `spoken` is null where no language can be chosen, and
 * `by` who wrote the words down.
 * @typedef {Required<Condition> & {
 *   name: string, text: string|null, settled: string, tentative: string, duration_ms: number|null, facts: string,
 *   fileName: string, gaps: string, marks: number[], spoken: import("./views/language.js").Spoken|null, by: string
 * }} View
 */

/** A recorder sends every two seconds; one that has not for so long is paused, offline or gone. */
const STALLED_MS = 20_000;

/** More gaps than these are counted, not told. */
const MOST_GAPS = 6;

/** @type {Record<Gap["cause"], string>} */
const CAUSES = {
  muted: "the microphone was silenced",
  frozen: "the browser gave no sound",
  lost: "the recorder stopped sending",
  interrupted: "the microphone went away",
  closed: "the tab was closed",
  unheard: "nothing is heard in this part",
  missing: "some of it is missing",
};

const CALM = { retry: false, save: false, resume: false, finish: "", progress: null, running: false };

/** The words for an entry. @param {Entry} entry @param {string} [locale] @param {number} [now_ms] @returns {View} */
export function viewOf(entry, locale = undefined, now_ms = Date.now()) {
  const { clip, local, hearing } = entry;
  const about = local ?? clip;
  if (!about) throw new Error("An entry is a clip, a kept recording, or both.");
  const until_ms = Math.min(now_ms, entry.cut_ms ?? now_ms);
  const silent_ms = Math.max(0, until_ms - (entry.heard_ms ?? until_ms));
  const condition = { ...CALM, ...(local ? onDevice(local, silent_ms) : onServer(clip, silent_ms, hearing)) };
  if (entry.cut_ms && condition.kind === "recording" && !local) condition.status = words.offline.wasRecording;
  const known_ms = about.duration_ms ?? clip?.duration_ms ?? null;
  const duration_ms = condition.running ? (known_ms ?? 0) + silent_ms : known_ms;
  const unsent = entry.changes?.some(({ state }) => state === "waiting") ? words.offline.unsent : "";
  const gaps = (clip?.gaps?.length ? clip.gaps : local?.gaps) ?? [];
  return {
    ...condition,
    name: about.name,
    text: clip?.text ?? null,
    ...heard(entry),
    duration_ms,
    fileName: fileName(about.name, about.mime),
    facts: [time(entry.at, locale), duration_ms === null ? "" : clock(duration_ms), unsent].filter(Boolean).join(" · "),
    spoken: local ? null : spokenIn(clip),
    by: (clip?.text && clip.recognizer) || "",
    gaps: gapWords(gaps),
    marks: known_ms ? gaps.filter(hasPlace).map(({ at_ms }) => Math.min(1, at_ms / known_ms)) : [],
  };
}

/** Words that are there before the transcript is. @param {Entry} entry */
function heard({ clip, captions, hearing }) {
  if (clip?.text) return { settled: "", tentative: "" };
  if (!captions) return { settled: hearing?.text ?? "", tentative: "" };
  const { missing, settled, tentative } = captions;
  return { settled: `${missing ? "… " : ""}${settled.trimStart()}`, tentative };
}

/** @param {import("./types.js").Local} local @param {number} silent_ms @returns {Condition} */
function onDevice({ state, problem, sending, progress }, silent_ms) {
  if (state === "recording") {
    return { kind: "recording", status: "Recording now, in another tab", running: silent_ms < STALLED_MS };
  }
  if (state === "left") {
    const status = "The tab was closed while it recorded. All until then is kept.";
    return { kind: "left", status, resume: true, finish: "Finish" };
  }
  if (state === "refused") {
    const status = `The server did not take it: ${problem ?? "it gave no reason."} The audio stays on this device.`;
    return { kind: "refused", status, retry: true, save: true };
  }
  if (sending === "sending") {
    const part = Math.floor(progress * 100);
    return { kind: "sending", status: part < 100 ? `Sending … ${part} %` : "Sending … arriving", progress };
  }
  return { kind: "kept", status: `Kept on this device, will be sent.${problem ? ` ${problem}` : ""}` };
}

/**
 * @param {import("./types.js").Clip|null} clip @param {number} silent_ms
 * @param {import("./types.js").Progress} [hearing] @returns {Condition}
 */
function onServer(clip, silent_ms, hearing) {
  switch (clip?.status) {
    case "recording":
      if (silent_ms < STALLED_MS) return { kind: "recording", status: "Recording now", running: true };
      return { kind: "stalled", status: "Waiting for its recorder: paused, offline or gone", finish: "Finish now" };
    case "pending":
      return { kind: "waiting", status: ["Waiting to be transcribed", clip.error].filter(Boolean).join(". ") };
    case "transcribing": {
      // What keeps it waiting has the place of what is done with it.
      const doing = clip.error ?? "Transcribing …";
      if (!hearing) return { kind: "transcribing", status: doing };
      return {
        kind: "transcribing",
        status: `${doing} ${hearing.percent} %`,
        progress: hearing.percent / 100,
      };
    }
    case "failed":
      return { kind: "failed", status: clip.error ?? "The transcription failed.", retry: true };
    case "off":
      return { kind: "off", status: clip.error ?? "Not transcribed: no recognizer is set up on this server." };
    default:
      return { kind: "done", status: clip?.text === "" ? "No words were heard." : "" };
  }
}

/**
 * In which language it is. While it waits, that is worth a word only if a person has said it.
 * @param {import("./types.js").Clip|null} clip @returns {View["spoken"]}
 */
function spokenIn(clip) {
  if (!clip || clip.status === "recording" || clip.status === "off") return null;
  if (clip.status === "pending" && !clip.text && !clip.language_set) return null;
  return { found: clip.text ? clip.language : null, set: clip.language_set };
}

/** Say what was not heard: where, for how long, and why. @param {Gap[]} gaps */
export function gapWords(gaps) {
  const placed = gaps.filter(hasPlace);
  const told = placed.slice(0, MOST_GAPS).map(({ at_ms, length_ms, cause }) => {
    const why = [length_ms ? brief(length_ms) : "", CAUSES[cause]].filter(Boolean).join(", ");
    return `${clock(at_ms)} (${why})`;
  });
  if (placed.length > MOST_GAPS) told.push(`and ${placed.length - MOST_GAPS} more`);
  const sentences = told.length ? [`${placed.length} gap${placed.length === 1 ? "" : "s"}: ${told.join(", ")}.`] : [];
  const missing_ms = gaps.reduce((sum, gap) => (hasPlace(gap) ? sum : sum + gap.length_ms), 0);
  if (missing_ms) sentences.push(`The audio is ${brief(missing_ms)} shorter than the time that passed.`);
  return sentences.join(" ");
}

/** What is missing is missing from the whole. @param {Gap} gap */
function hasPlace({ cause }) {
  return cause !== "missing";
}
