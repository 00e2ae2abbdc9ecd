/**
 * The shapes that more than one module speaks of. Types only: nothing loads this file in a browser.
 *
 * What happens to a clip; any other text is the status of a release that is newer than this page.
 * @typedef {"recording"|"pending"|"transcribing"|"done"|"failed"|"off"|(string & {})} Status
 *
 * Something that was not heard: where in the audio, for how long (0: nobody knows), and why; a newer release may know
 * other causes.
 * @typedef {"muted"|"frozen"|"lost"|"interrupted"|"closed"|"unheard"|"missing"|(string & {})} Cause
 * @typedef {{at_ms: number, length_ms: number, cause: Cause}} Gap
 *
 * What a person should know about a clip's sound although its words are there; a newer release may know other kinds.
 * @typedef {{
 *   kind: string, at_ms?: number|null, length_ms?: number|null,
 *   heard?: number[]|null, silent?: number[]|null, left_out?: number[]|null
 * }} Remark
 *
 * A moment of a clip that a person has marked, and how they call it.
 * @typedef {{id: string, at_ms: number, text: string}} Marker
 * @typedef {{set?: Marker[], remove?: string[]}} MarkerChanges
 *
 * A clip as the server shows it; of two, the one with the higher version is the truth. The list's short form leaves `text`,
 * `notes` and `markers` out and has an `excerpt` of the words, which are `text_chars` long. `found_at` is when the server
 * found its sound again, which no row of the database knew.
 * @typedef {{
 *   id: string, name: string, mime: string, bytes: number, duration_ms: number|null, segments: number, gaps: Gap[],
 *   status: Status, text?: string|null, excerpt?: string|null, text_chars?: number|null, language: string|null, language_set: string|null, recognizer: string|null,
 *   error: string|null, version: number, created_at: string, updated_at: string, deleted_at: string|null,
 *   tags: string[], edited: boolean, found_at?: string|null,
 *   has_true_clock?: boolean, remarks?: Remark[], track_set?: number|null,
 *   starred?: boolean, name_origin?: string, notes?: string, markers?: Marker[],
 *   cuts?: [number, number][]
 * }} Clip
 *
 * A stretch of a recording that is a container of its own: `bytes` are made, `sent` of them acknowledged by the server
 * at `url`; `sealed` when it knows that no more come.
 * @typedef {{mime: string, bytes: number, sent: number, url: string|null, sealed: boolean}} Segment
 *
 * A recording, or a file, as the journal keeps it on this device until the server has it. `recording`: a tab makes it;
 * `left`: the tab that made it is gone, and nobody said that it is over; `ready`: it is complete.
 * `told` is what the server was told of name, bin, notes and markers; `name_origin` is "default" until a person names it;
 * `person` recorded it, for a `library`; with its `key` it is sent though that person is signed out; none: before there were people.
 * `heard_at` the moment of the last piece; `modified_at` when a file was changed last; `language` what is spoken, if a
 * person said so; `reason` why it is not sent, which an older release wrote as the sentence `problem`.
 * @typedef {{
 *   id: string, name: string, mime: string, is_file: boolean, bytes: number, duration_ms: number|null,
 *   created_at: string, heard_at: string, state: "recording"|"left"|"copying"|"ready"|"refused",
 *   problem: string|null, reason?: import("./problem.js").Reason|null, deleted_at: string|null, segments: Segment[], gaps: Gap[], sent_ms: number,
 *   told: Told|null, modified_at?: string|null, name_origin?: "default", notes?: string, markers?: Marker[],
 *   language?: string|null, person?: string, library?: string, key?: string
 * }} Kept
 * @typedef {{name: string, name_origin?: "default", deleted: boolean, notes?: string, markers?: Marker[]}} Told
 *
 * The same, with what its sender is doing about it; `progress` from 0 to 1.
 * @typedef {Kept & {sending: "waiting"|"sending", progress: number, sent_bytes: number}} Local
 *
 * How far a transcription is, and its newest words: said about once a second, and never again.
 * @typedef {{clip: {id: string}, percent: number, text: string}} Progress
 *
 * Words of a recording that still goes on: the end of those that are settled, which begins behind `from` characters,
 * and those that may still change. Said whenever there are others, and never again.
 * @typedef {{clip: {id: string}, from: number, committed: string, tentative: string}} Caption
 *
 * What was told of them so far, without its first `missing` characters.
 * @typedef {{missing: number, settled: string, tentative: string}} Captions
 *
 * A word of a clip's text, and when it was said.
 * @typedef {{start_ms: number, end_ms: number, text: string}} TimedWord
 *
 * Something that a person did to a clip and the server does not know yet. `base` is what the words were when they began;
 * `taken` when (ms) a tab began to send it at once, 0 otherwise; `conflict` waits for a person, and so does `refused`;
 * `theirs` is what the words are elsewhere, as that person is told.
 * @typedef {{
 *   seq?: number, id: string, kind: "name"|"text"|"language"|"tags"|"starred"|"notes"|"markers"|"delete"|"restore"|"retry",
 *   value: string|boolean|{add: string[], remove: string[]}|MarkerChanges|null, base: string|null, title: string, at: string, taken: number,
 *   state: "waiting"|"conflict"|"refused", failures: number, problem?: string, reason?: import("./problem.js").Reason,
 *   theirs?: string|null, person?: string
 * }} Change
 *
 * One line of the list: what the server knows, what this device still keeps, or both. `heard_ms` is when, by this
 * device's clock, the recording last grew, or something was heard of the transcription. `clip` is as `changes` leave it, which the server does not know yet;
 * `cut_ms` is since when nothing can be heard of it.
 * @typedef {{
 *   id: string, at: string, clip: Clip|null, local: Local|null, heard_ms?: number, hearing?: Progress,
 *   captions?: Captions, changes?: Change[], cut_ms?: number
 * }} Entry
 *
 * @typedef {{url: string, cursor: string|null}} Realtime
 * @typedef {{
 *   clips: Clip[], next: string|null, realtime: Realtime, limits: {upload_bytes: number, bin_days?: number}, found?: Record<string, Found>
 * }} Page
 *
 * Where matched words begin and end, as `slice` takes it; of a clip's name, and of excerpts of its text, with the moment
 * at which the first of them was said.
 * @typedef {[number, number]} Span
 * @typedef {{name: Span[], passages: {text: string, marks: Span[], at_ms: number|null}[]}} Found
 *
 * Which clips a list shows, all filters together, and in which order; `from` and `to` are ISO instants.
 * @typedef {{
 *   q?: string, starred?: boolean, from?: string, to?: string, shortest_ms?: number, longest_ms?: number, status?: Status[], tag?: string[],
 *   sort?: "newest"|"oldest"|"longest"|"shortest"|"name"|"best", deleted?: boolean, limit?: number
 * }} Wish
 *
 * @typedef {{name: string, clips: number}} Tag
 *
 * A version of a clip's words, without them; `source` is who wrote it: a machine or a person.
 * @typedef {{id: number, source: string, created_at: string, saved_at: string, chars: number, current: boolean}} Revision
 */
export {};
