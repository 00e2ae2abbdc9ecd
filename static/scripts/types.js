/**
 * The shapes that more than one module speaks of. Types only: nothing loads this file in a browser.
 *
 * @typedef {"recording"|"pending"|"transcribing"|"done"|"failed"|"off"} Status
 *
 * A clip as the server shows it; of two, the one with the higher version is the truth.
 * @typedef {{
 *   id: string, name: string, mime: string, bytes: number, duration_ms: number|null, status: Status,
 *   text: string|null, language: string|null, recognizer: string|null, error: string|null, version: number,
 *   created_at: string, updated_at: string, deleted_at: string|null
 * }} Clip
 *
 * A recording as the journal keeps it on this device, until the server has it.
 * @typedef {{
 *   id: string, name: string, mime: string, bytes: number, duration_ms: number|null, created_at: string,
 *   state: "recording"|"copying"|"ready"|"refused", problem: string|null, deleted_at: string|null
 * }} Kept
 *
 * The same, with what its sender is doing about it.
 * @typedef {Kept & {sending: "waiting"|"sending", progress: number}} Local
 *
 * One line of the list: what the server knows, what this device still keeps, or both.
 * @typedef {{id: string, at: string, clip: Clip|null, local: Local|null}} Entry
 *
 * @typedef {{url: string, cursor: string|null}} Realtime
 * @typedef {{clips: Clip[], next: string|null, realtime: Realtime, limits: {upload_bytes: number}}} Page
 */
export {};
