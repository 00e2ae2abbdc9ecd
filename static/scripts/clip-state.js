/** What a row says about its clip: one place that turns states into words. Pure. */

import { clock, fileName, language, time } from "./format.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {"kept"|"sending"|"refused"|"recording"|"waiting"|"transcribing"|"done"|"failed"|"off"} Kind */
/**
 * @typedef {{
 *   name: string, kind: Kind, status: string, text: string|null, retry: boolean, save: boolean, progress: number|null,
 *   duration_ms: number|null, facts: string, fileName: string
 * }} View
 */

/** The words for an entry. @param {Entry} entry @param {string} [locale] @returns {View} */
export function viewOf(entry, locale = undefined) {
  const about = entry.local ?? entry.clip;
  if (!about) throw new Error("An entry is a clip, a kept recording, or both.");
  const { clip } = entry;
  const duration_ms = about.duration_ms ?? clip?.duration_ms ?? null;
  const facts = [
    time(entry.at, locale),
    duration_ms === null ? "" : clock(duration_ms),
    clip?.text && clip.language ? language(clip.language) : "",
    clip?.text && clip.recognizer ? clip.recognizer : "",
  ];
  return {
    name: about.name,
    text: clip?.text ?? null,
    duration_ms,
    fileName: fileName(about.name, about.mime),
    facts: facts.filter(Boolean).join(" · "),
    ...(entry.local ? onDevice(entry.local) : onServer(clip)),
  };
}

/** @param {import("./types.js").Local} local */
function onDevice({ state, problem, sending, progress }) {
  if (state === "refused") {
    const status = `The server did not take it: ${problem ?? "it gave no reason."} The audio stays on this device.`;
    return { kind: /** @type {const} */ ("refused"), status, retry: true, save: true, progress: null };
  }
  if (sending === "sending") {
    const part = Math.floor(progress * 100);
    const status = part < 100 ? `Sending … ${part} %` : "Sending … arriving";
    return { kind: /** @type {const} */ ("sending"), status, retry: false, save: false, progress };
  }
  const status = `Kept on this device, will be sent.${problem ? ` ${problem}` : ""}`;
  return { kind: /** @type {const} */ ("kept"), status, retry: false, save: false, progress: null };
}

/**
 * @param {import("./types.js").Clip|null} clip
 * @returns {{kind: Kind, status: string, retry: boolean, save: boolean, progress: null}}
 */
function onServer(clip) {
  const fine = { retry: false, save: false, progress: null };
  switch (clip?.status) {
    case "recording":
      return { ...fine, kind: "recording", status: "Recording now" };
    case "pending":
      return { ...fine, kind: "waiting", status: "Waiting to be transcribed" };
    case "transcribing":
      return { ...fine, kind: "transcribing", status: "Transcribing …" };
    case "failed":
      return { ...fine, kind: "failed", status: clip.error ?? "The transcription failed.", retry: true };
    case "off":
      return { ...fine, kind: "off", status: clip.error ?? "Not transcribed: no recognizer is set up on this server." };
    default:
      return { ...fine, kind: "done", status: clip?.text === "" ? "No words were heard." : "" };
  }
}
