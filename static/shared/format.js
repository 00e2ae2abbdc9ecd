/** Dates, durations and names as people read them; in the language of the page. */

import { LANGUAGES, code, locale, words } from "./words.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY_MS = 24 * HOUR * 1000;

/** Write a duration like a clock: `0:07`, `12:40`, `1:02:03`. @param {number} ms */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / HOUR), Math.floor((seconds % HOUR) / MINUTE), seconds % MINUTE];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Write a duration as it is said aloud: `1 minute 4 seconds`. @param {number} ms */
export function spoken(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / HOUR), Math.floor((seconds % HOUR) / MINUTE), seconds % MINUTE];
  const said = [h && words.time.hours(h), m && words.time.minutes(m), s && words.time.seconds(s)].filter(Boolean);
  return said.join(" ") || words.time.seconds(0);
}

/** Write a duration as people say it of a conversation: `23 seconds`, `12 minutes`, `1 hour 5 minutes`. @param {number} ms */
export function inWords(ms) {
  const minutes = Math.round(ms / 1000 / MINUTE);
  return ms < MINUTE * 1000 ? spoken(Math.max(1, Math.round(ms / 1000)) * 1000) : spoken(minutes * MINUTE * 1000);
}

/** Write a duration in the units that matter: `3 s`, `12 min`, `1 h 32 min`. @param {number} ms */
export function brief(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < MINUTE) return `${seconds} ${words.time.s}`;
  const minutes = Math.round(seconds / MINUTE);
  const [h, m] = [Math.floor(minutes / MINUTE), minutes % MINUTE];
  return [h && `${h} ${words.time.h}`, m && `${m} ${words.time.min}`].filter(Boolean).join(" ");
}

/** Write a number of bytes in the largest fitting unit of 1000. @param {number} bytes */
export function size(bytes) {
  const units = [words.time.bytes, "kB", "MB", "GB"];
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  // Behind Arabic letters, the number would be taken to the other side of its unit.
  const mark = LANGUAGES[code].direction === "rtl" ? "\u200e" : "";
  return `${mark}${value.toLocaleString(locale, { maximumFractionDigits: power && value < 10 ? 1 : 0 })} ${units[power]}`;
}

/** The local calendar day of an instant, as a sortable key: `2026-11-22`. @param {string|Date} instant */
export function day(instant) {
  const at = new Date(instant);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
}

/**
 * The heading of a day: today and yesterday in words, this year without its number.
 * @param {string} key from `day()` @param {Date} [now] @param {string} [as] a locale
 */
export function dayTitle(key, now = new Date(), as = locale) {
  // Noon, so that a change to or from summer time moves neither day into its neighbour.
  const [at, today] = [new Date(`${key}T12:00`), new Date(`${day(now)}T12:00`)];
  const away = Math.round((at.getTime() - today.getTime()) / DAY_MS);
  if (away === 0 || away === -1) return new Intl.RelativeTimeFormat(as, { numeric: "auto" }).format(away, "day");
  const year = at.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return at.toLocaleDateString(as, { weekday: "long", day: "numeric", month: "long", year });
}

/**
 * The day on which the bin lets go of a clip.
 * @param {string} deleted_at @param {number} days that it is kept @param {string} [as] a locale
 */
export function keptUntil(deleted_at, days, as = locale) {
  const at = new Date(Date.parse(deleted_at) + days * DAY_MS);
  return at.toLocaleDateString(as, { day: "numeric", month: "long" });
}

/** The time of day of an instant. @param {string} instant @param {string} [as] a locale */
export function time(instant, as = locale) {
  return new Date(instant).toLocaleTimeString(as, { hour: "numeric", minute: "2-digit" });
}

/** The day alone, with its year where that is another one. @param {string} instant @param {Date} [now] */
export function shortDate(instant, now = new Date(), as = locale) {
  const at = new Date(instant);
  const year = at.getFullYear() === now.getFullYear() ? undefined : /** @type {const} */ ("numeric");
  return at.toLocaleDateString(as, { day: "numeric", month: "short", year });
}

/** Date and time of day of an instant, in words. @param {string} instant @param {string} [as] a locale @param {boolean} [withYear] */
export function dateTime(instant, as = locale, withYear = false) {
  const date = new Date(instant);
  const year = withYear || date.getFullYear() !== new Date().getFullYear() ? "numeric" : undefined;
  return date.toLocaleString(as, { day: "numeric", month: "long", year, hour: "numeric", minute: "2-digit" });
}

/** The name that a recording has until a person gives it one. @param {Date} at @param {string} [as] a locale */
export function defaultName(at, as = locale) {
  const name = at.toLocaleString(as, { dateStyle: "medium", timeStyle: "short" });
  return name.replace(/\s/g, " "); // Intl's narrow no-break spaces are hard to search for and to type.
}

/** Characters of the first lines: more than three lines of the widest column hold. */
const FIRST_CHARACTERS = 400;

/** What a closed row shows of its words. @param {string} text */
export function firstLines(text) {
  return text.slice(0, FIRST_CHARACTERS);
}

/** How much is shown of another wording, and how much of it before what differs. */
const DIFFERING = 120;
const BEFORE = 20;

/** From a little before where the other wording differs. @param {string} mine @param {string} theirs */
export function differing(mine, theirs) {
  let at = 0;
  while (at < theirs.length && mine[at] === theirs[at]) at += 1;
  const from = theirs.lastIndexOf(" ", at - BEFORE) + 1;
  const to = from + DIFFERING;
  return `${from ? "… " : ""}${theirs.slice(from, to)}${to < theirs.length ? " …" : ""}`;
}

/** Endings of audio files by media type, and the type of files that come without one. */
const ENDINGS = /** @type {[string, string][]} */ ([
  ["audio/webm", "webm"],
  ["audio/mp4", "m4a"],
  ["audio/ogg", "ogg"],
  ["audio/ogg", "oga"],
  ["audio/ogg", "opus"],
  ["audio/mpeg", "mp3"],
  ["audio/wav", "wav"],
  ["audio/x-wav", "wav"],
  ["audio/flac", "flac"],
  ["audio/aac", "aac"],
  ["video/mp4", "mp4"],
  ["video/webm", "webm"],
  ["video/quicktime", "mov"],
  ["video/x-matroska", "mkv"],
  ["audio/x-matroska", "mka"],
  ["audio/mp4", "qta"],
  ["audio/x-caf", "caf"],
  ["audio/amr", "amr"],
  ["audio/aiff", "aiff"],
  ["audio/x-ms-wma", "wma"],
  ["video/mp2t", "ts"],
  ["video/3gpp", "3gp"],
]);

/**
 * A file name for a clip's audio: its name without what file systems refuse.
 * @param {string} name @param {string} mime
 */
export function fileName(name, mime) {
  const type = mime.split(";")[0].trim().toLowerCase();
  const ending = ENDINGS.find(([known]) => known === type)?.[1];
  const stem = name.replace(/[\u0000-\u001f\\/:*?"<>|]+/g, "-").trim() || words.time.unnamed;
  return ending && !stem.toLowerCase().endsWith(`.${ending}`) ? `${stem}.${ending}` : stem;
}

/** The media type of a file that says none, by its ending. @param {string} name */
export function mimeOf(name) {
  const ending = name.split(".").pop()?.toLowerCase();
  return ENDINGS.find(([, known]) => known === ending)?.[0] ?? "application/octet-stream";
}

/** Make a UUID; `crypto.randomUUID` is missing on pages that came over plain HTTP. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
