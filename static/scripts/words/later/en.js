/** The rest of the page in English: what is said by parts that come when they are needed. */

import { some } from "../en.js";

export default {
  bin: {
    title: "Bin – Dictaphone",
    unreadable: (/** @type {unknown} */ why) => `The bin could not be read: ${why}`,
    tryAgain: "Try again",
    earlier: "Deleted earlier",
    deleted: (/** @type {string} */ day, /** @type {string} */ time) => `Deleted ${day}, ${time}`,
    found: (/** @type {string} */ day, /** @type {string} */ time) => `Found again ${day}, ${time}`,
    whyFound:
      "The sound of this recording was on the server, but the server no longer knew the recording: a backup of its database may have been restored. Its name and words are lost; restored, it is transcribed anew.",
    until: (/** @type {string} */ day) => `kept until ${day}`,
    restoredOne: (/** @type {string} */ name) => `“${name}” is restored.`,
  },

  offline: {
    /** @type {Record<import("../../types.js").Change["kind"], (title: string, problem: string) => string>} */
    refused: {
      name: (title, problem) => `“${title}” could not be renamed. ${problem}`,
      text: (title, problem) => `Your words for “${title}” could not be saved. ${problem}`,
      language: (title, problem) => `The language of “${title}” could not be changed. ${problem}`,
      tags: (title, problem) => `The tags of “${title}” could not be changed. ${problem}`,
      delete: (title, problem) => `“${title}” could not be deleted. ${problem}`,
      restore: (title, problem) => `“${title}” could not be restored. ${problem}`,
      retry: (title, problem) => `“${title}” could not be transcribed again. ${problem}`,
    },
    copy: "Copy the words",
    dismiss: "Dismiss",
  },

  device: {
    shared: (/** @type {string} */ name, /** @type {string} */ has) => `Another app shares “${name}” (${has}).`,
    keepShared: "Keep",
    discardShared: "Discard",
  },

  player: {
    preparing: "Preparing the sound for this device …",
    preparingFile: "Preparing the file …",
    whileRecording: "This device can play it when the recording is finished.",
    /** @param {string} why */
    unprepared: (why) => `The sound could not be prepared for this device. ${why}`,
    slow: "It takes longer than usual. Try again later.",
    shareAgain: "The file is ready. Press Share again.",
    tracks: { all: "All tracks", one: (/** @type {number} */ track) => `Track ${track}` },
    /** @param {string} speed */
    speedIs: (speed) => `Speed ${speed}`,
    skips: "Silence is skipped.",
    skipsNot: "Silence is played.",
    help: {
      title: "Keyboard shortcuts",
      /** @type {[string, string][]} */
      keys: [
        ["Space K", "Play or pause"],
        ["← →", "5 seconds back, forward"],
        ["J L", "10 seconds back, forward"],
        ["Shift ← →", "One word back, forward"],
        [", .", "Slower, faster"],
        ["S", "Skip silence, or not"],
        ["E", "Edit the words; Esc saves them"],
        ["Esc", "Close the clip"],
        ["/", "Search"],
        ["?", "This sheet"],
      ],
      also: "They mean the clip that plays, or is open. A click on a word goes there, a double click edits it.",
      single: "Single letters are shortcuts",
      close: "Close",
    },
  },

  finder: {
    /** @param {string} time */
    jump: (time) => `Go to ${time}`,
    days: { 1: "Today", 7: "Last 7 days", 30: "Last 30 days", range: "From … to …" },
    length: { short: "Under 1 minute", medium: "1 to 10 minutes", long: "10 to 60 minutes", hours: "1 hour and more" },
    state: { done: "Transcribed", doing: "In progress", failed: "Failed", off: "Not transcribed" },
    sort: {
      ...{ best: "Best match", newest: "Newest first", oldest: "Oldest first" },
      ...{ longest: "Longest first", shortest: "Shortest first", name: "By name" },
    },
    /** @param {string} from @param {string} to days, of which one may be missing */
    range: (from, to) => [from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(" "),
    /** @param {number} number @param {string} shown as it is written @param {boolean} more @param {boolean} isPartial */
    count: (number, shown, more, isPartial) => {
      const clips = number === 1 ? "1 clip" : `${more ? "More than " : ""}${shown} clips`;
      const said = number ? clips : "Nothing was found";
      return isPartial ? `Offline: ${said.toLowerCase()} among those that this page knows.` : `${said}.`;
    },
  },

  selection: {
    /** @param {number} number @param {string} shown as it is written */
    count: (number, shown) => (number ? `${shown} selected` : "Select clips"),
    /** @param {string} name */
    pick: (name) => `Select ${name}`,
    /** @param {number} number */
    deleted: (number) => (number === 1 ? "1 clip is in the bin." : `${number} clips are in the bin.`),
    /** @param {number} number */
    restored: (number) => (number === 1 ? "1 clip is restored." : `${number} clips are restored.`),
    /** @param {number} number @param {string} tag */
    tagged: (number, tag) => `${number === 1 ? "1 clip has" : `${number} clips have`} the tag ${tag}.`,
    /** @param {number} number @param {string} why */
    undone: (number, why) => `Of ${number === 1 ? "1 clip" : `${number} clips`} that could not be done: ${why}`,
    /** @param {number} number */
    most: (number) => `At most ${number} clips can be exported at once.`,
  },

  takeout: {
    exportAll: "Export all",
    forms: { audio: "Original audio", m4a: "Audio for any device (M4A)", mp3: "Audio as MP3", txt: "Text", md: "Markdown", srt: "Subtitles (SRT)", vtt: "Subtitles (VTT)", json: "JSON" },
    brought: (/** @type {number} */ taken, /** @type {number} */ known, /** @type {number} */ refused) =>
      [
        `${some(taken, "clip")} came in.`,
        known ? `${some(known, "was", "were")} here already.` : "",
        refused ? `${some(refused, "was", "were")} refused.` : "",
      ]
        .filter(Boolean)
        .join(" "),
    refused: (/** @type {string} */ name, /** @type {string} */ why) => `${name}: ${why}`,
    failed: (/** @type {string} */ name, /** @type {string} */ why) => `“${name}” could not be brought in. ${why}`,
    unpack: "If there are sound files in it, unpack it and choose those.",
  },

  remarks: {
    quiet: "The sound is very quiet. It was amplified for the transcript.",
    oppositePhase: "The two channels cancel each other out. The louder one was heard.",
    tracks: (/** @type {number} */ n, /** @type {string} */ says) => `${n} sound ${n === 1 ? "track" : "tracks"}: ${says}.`,
    heard: (/** @type {number} */ n, /** @type {string} */ numbers) =>
      n === 1 ? `track ${numbers} was heard` : `tracks ${numbers} were heard`,
    silent: (/** @type {number} */ n, /** @type {string} */ numbers) =>
      n === 1 ? `track ${numbers} is silent` : `tracks ${numbers} are silent`,
    leftOut: (/** @type {number} */ n, /** @type {string} */ numbers) =>
      n === 1 ? `track ${numbers} was left out` : `tracks ${numbers} were left out`,
    notUnderstood: (/** @type {string} */ from, /** @type {string} */ to) => `Speech at ${from}–${to} was not understood.`,
    more: (/** @type {number} */ n) => `And ${n} more ${n === 1 ? "stretch" : "stretches"} not understood.`,
    listen: "Listen",
  },
};
