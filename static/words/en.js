/** The page in English. What depends on a number or a name is a function of it. */

export const some = (/** @type {number} */ n, /** @type {string} */ one, /** @type {string} */ more = `${one}s`) =>
  `${n} ${n === 1 ? one : more}`;
export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    skip: "Skip to the content",
    settings: "Settings",
    welcome: "Choose a clip, or press Record.",
    recorderPlace: "Recording",
    player: "Player",
    stepBack: "10 seconds back",
    stepForward: "10 seconds forward",
    close: "Close",
    rename: "Rename",
    star: "Star",
    more: "More",
    parts: "Parts of the clip",
    notes: "Notes",
    offline: "Offline. What you record is kept on this device and sent when the connection is back.",
    bin: "Bin",
    choose: "Add files",
    recorder: "Recorder",
    recordingTitle: "Title of this recording",
    proof: "Proof of capture",
    recorded: "Recorded",
    onDevice: "On this device",
    onServer: "On the server",
    heard: "What was heard so far",
    microphone: "Microphone",
    clips: "Clips",
    emptyTitle: "Say something",
    emptyWords:
      "Press Record and speak. Your words appear by themselves, beside the sound they came from, on every device that has this page open.",
    emptyDrop: "You can also drop sound files anywhere, or",
    emptyPick: "pick them from this device",
    backToClips: "Back to the clips",
    binEmpty: "The bin is empty.",
    deletedClips: "Deleted clips",
    drop: "Drop to add",
    play: "Play",
    name: "Name",
    language: "Language",
    copyText: "Copy text",
    download: "Download",
    delete: "Delete",
    seek: "Seek",
    transcript: "Transcript",
    saveAgain: "Save again",
    keepMine: "Keep mine",
    useTheirs: "Use theirs",
    soFar: "Done so far",
    done: "Done",
    retry: "Retry",
    continue: "Continue",
    downloadAudio: "Download audio",
    undo: "Undo",
    restore: "Restore",
    speed: "Speed",
    skipSilence: "Skip silence",
    edit: "Edit",
    saveAs: "Save as",
    copyLink: "Copy link",
    share: "Share",
    details: "Details",
    shortcuts: "Keyboard shortcuts",
    search: "Search clips",
    filter: "Filter",
    filters: "Filters",
    select: "Select",
    selection: "Selection",
    selectAll: "All shown",
    addTag: "Add a tag",
    export: "Export",
    chips: "Active filters",
    clear: "Show all clips",
    tags: "Tags",
    date: "Date",
    anyDate: "Any date",
    from: "From",
    to: "To",
    duration: "Length",
    anyLength: "Any length",
    state: "State",
    anyState: "Any state",
    tag: "Tag",
    anyTag: "Any tag",
    order: "Order",
    install: "Install",
    reload: "Reload",
    cancel: "Cancel",
    history: "History",
    findHere: "Find in this clip",
    find: "Find",
    previousMatch: "Previous match",
    nextMatch: "Next match",
    replaceWith: "Replace with",
    replace: "Replace",
    replaceAll: "Replace all",
    track: "Track",
  },

  time: {
    hours: (/** @type {number} */ n) => some(n, "hour"),
    minutes: (/** @type {number} */ n) => some(n, "minute"),
    seconds: (/** @type {number} */ n) => some(n, "second"),
    s: "s",
    min: "min",
    h: "h",
    bytes: "bytes",
    at: (/** @type {string} */ now, /** @type {string} */ whole) => `${now} of ${whole}`,
    unnamed: "recording",
  },

  server: {
    unreachable: "The server cannot be reached.",
    silent: "The server does not answer.",
    signIn: "Sign in again.",
    answered: (/** @type {number} */ status) => `The server answered with ${status}.`,
    unreadable: "The server's answer could not be read.",
  },

  device: {
    stopFirst: "Stop the recording that runs, then continue this one.",
    elsewhere: "Another tab has this recording, or it is sent already. Reload this page to see.",
    lostPart: (/** @type {unknown} */ error) => `Something of this recording could not be kept (${error}).`,
    lost: "This device has lost the recording.",
    keepsNothing: "This browser keeps nothing on the device.",
    audioGone: "The audio is not on this device any more.",
    stumbled: "This page stumbled while it was sending, and tries again.",
    incomplete:
      "The server has lost what it had of this, and its beginning is no longer on this device. What is still here is kept.",
    noRoomForFile: "This device has no room to keep the file: leave this page open until it is sent.",
    noRoom: "This device has no room to keep the recording: leave this page open until it is sent.",
    room: (/** @type {number|null} */ minutes) =>
      `This device has room for ${minutes === null ? "little more" : `about ${minutes} more minutes of recording`}. ` +
      "Free some space, or stay online: what the server has is removed here.",
    noRoomForShared: "There is no room for all that the other app shares. Keep or discard what waits here, then share again.",
    emptyFile: (/** @type {string} */ name) => `“${name}” is empty.`,
    largeFile: (/** @type {string} */ name, /** @type {string} */ has, /** @type {string} */ most) =>
      `“${name}” has ${has}; the server takes at most ${most}.`,
    strangeFile: (/** @type {string} */ name, /** @type {string} */ why) => `“${name}” was not taken: ${why}`,
    shared: (/** @type {string} */ name, /** @type {string} */ has) => `Another app shares “${name}” (${has}).`,
    keepShared: "Keep",
    discardShared: "Discard",
  },

  microphone: {
    insecure: "Browsers give out the microphone only over HTTPS or on localhost. Open this page over HTTPS to record.",
    none: "This browser gives pages no microphone. Open this page in another browser to record.",
    old: "This browser cannot record sound. Update it, or open this page in another one to record.",
    again: "press Record again",
    byItself: "the recording goes on by itself",
    system: (/** @type {string} */ then) =>
      `The system keeps the microphone from this browser. Allow it in the privacy settings, then ${then}.`,
    denied: (/** @type {string} */ then) =>
      `The microphone is not allowed for this page. Allow it beside the address bar, then ${then}.`,
    missing: (/** @type {string} */ then) => `No microphone was found. Plug one in or switch it on, then ${then}.`,
    busy: (/** @type {string} */ then) =>
      `The microphone is busy or does not answer. Close other programs that use it, then ${then}.`,
    failed: (/** @type {string} */ why, /** @type {string} */ then) => `The microphone did not start (${why}): ${then}.`,
    noReason: "the browser gives no reason",
    unread:
      "A moment of this recording could not be read from the browser. It is marked as a gap, and the recording goes on.",
    muted: "The microphone is silenced: a call, or a switch. The recording goes on.",
    disconnected: "The microphone was disconnected. What was said until then is kept.",
    waiting: "Waiting for a microphone …",
  },

  recorder: {
    record: "Record",
    stop: "Stop",
    pause: "Pause",
    resume: "Resume",
    idle: "Press to record",
    asking: "Waiting for the microphone …",
    recording: "Recording",
    paused: "Paused",
    reconnecting: "Reconnecting the microphone …",
    unable: "Recording is not possible here",
    keptHere: "kept here, sent later",
    silence: "Nothing is heard. Is the right microphone chosen?",
    stopFirst: "Stop this recording first, then continue the other one.",
    begun: "Recording.",
    again: "Recording again.",
    ended: (/** @type {string} */ length, /** @type {string} */ name) =>
      `Recording stopped after ${length}. It is called ${name}.`,
    nothing: (/** @type {string} */ name) =>
      `Nothing was recorded: the browser gave no sound. Press Record to try again.${name && ` The title ${name} is kept for it.`}`,
    behind: "The server is behind: the recording is kept here and sent later.",
    caughtUp: "The server has it all.",
  },

  list: {
    star: (/** @type {string} */ name) => `Star ${name}`,
    menu: (/** @type {string} */ name) => `More for ${name}`,
    play: (/** @type {string} */ name) => `Play ${name}`,
    pause: (/** @type {string} */ name) => `Pause ${name}`,
    unreadable: (/** @type {string} */ problem) =>
      `The clips could not be read: ${problem} The page goes on trying.`,
    polled:
      "Changes from elsewhere come a few seconds late: the live connection to the server does not come through. The page goes on trying.",
    screens: (/** @type {number} */ n) => `Open on ${some(n, "other screen")}`,
    arrived: (/** @type {string} */ name, /** @type {string} */ text) => `${name}: ${text || "no words were heard."}`,
  },

  clip: {
    elsewhere: "Recording now, in another tab",
    left: "The tab was closed while it recorded. All until then is kept.",
    finish: "Finish",
    finishNow: "Finish now",
    refused: (/** @type {string|null} */ problem) =>
      `The server did not take it: ${problem ?? "it gave no reason."} The audio stays on this device.`,
    sending: (/** @type {number} */ percent) => (percent < 100 ? `Sending … ${percent} %` : "Sending … arriving"),
    kept: "Kept on this device, will be sent.",
    recording: "Recording now",
    stalled: "Waiting for its recorder: paused, offline or gone",
    waiting: "Waiting to be transcribed",
    transcribing: "Transcribing …",
    percent: (/** @type {number} */ percent) => `${percent} %`,
    failed: "The transcription failed.",
    off: "Not transcribed: no recognizer is set up on this server.",
    wordless: "No words were heard.",
    unknown: "In a state that this version of the page does not know",
    detect: "Detect",
    detected: (/** @type {string} */ language) => `Detect (${language})`,
    language: "Language",
  },

  /** What a clip's page says beside its words. */
  clipPage: {
    hearAgain: "Hear again",
    spoken: "Language that is spoken",
    gaps: (/** @type {number} */ n) => some(n, "gap"),
    deletedForGood: "It was deleted for good elsewhere.",
    unsavedText: (/** @type {string} */ name, /** @type {string} */ why) => `Your words for “${name}” are not saved. ${why}`,
    unsavedName: (/** @type {string} */ name, /** @type {string} */ why) => `The name “${name}” is not saved. ${why}`,
    backToIt: "Back to it",
    changedElsewhere: "The words were changed elsewhere meanwhile.",
  },

  details: {
    title: "Details",
    recorded: "Recorded",
    length: "Length",
    sound: "Sound",
    language: "Language",
    found: (/** @type {string} */ language) => `${language}, as it was found`,
    chosen: (/** @type {string} */ language) => `${language}, as it was chosen`,
    words: "Words",
    recognizer: "Written down by",
    gaps: "Gaps",
    none: "None",
  },

  history: {
    heard: "As it was heard",
    edited: (/** @type {string} */ at) => `As edited on ${at}`,
    current: "Shown now",
    compare: "Compare",
    compareOf: (/** @type {string} */ title) => `Compare “${title}”`,
    restoreOf: (/** @type {string} */ title) => `Restore “${title}”`,
    with: "Compared with",
    same: "Both say the same.",
    equal: (/** @type {string} */ n) => `${n} words that are the same`,
    empty: "No words were written down yet, so there is no history.",
    unread: (/** @type {string} */ why) => `The history could not be read. ${why}`,
    offline: "The history is on the server. It is here again as soon as there is a connection.",
    restored: (/** @type {string} */ title) => `Shown again: “${title}”.`,
    revisions: "Versions of the words",
    difference: "What is different",
    characters: (/** @type {string} */ n) => `${n} characters`,
  },

  find: {
    none: "Nothing found",
    count: (/** @type {string} */ at, /** @type {string} */ all) => `${at} of ${all}`,
    replaced: (/** @type {number} */ n) => `Replaced in ${some(n, "place")}.`,
  },

  told: {
    tooLong: (/** @type {string} */ hours) =>
      `The sound is longer than ${hours} hours, the most that this server makes words of (MAX_AUDIO_HOURS). All of its bytes are kept.`,
    implausible: "The file claims far more sound than so few bytes can hold. All of its bytes are kept.",
    tooSlow: "The sound takes far more time to decode than sound of this length does. All of its bytes are kept.",
    full: "The server's disk is full. Whoever runs it can make room; then it goes on by itself.",
    stuck: "The transcriber got stuck at this clip and was started again.",
    stuckMaking: "The transcriber got stuck while it made this and was started again.",
    stoppedMaking: (/** @type {string} */ times) => `The transcriber stopped ${times} times while it made this.`,
    again: (/** @type {string} */ number, /** @type {string} */ most) => `Trying again (${number} of ${most}).`,
    givenUp: (/** @type {string} */ times) => `It was tried ${times} times; the sound is kept, ask again later.`,
  },

  /** The server's sentences about files that it does not take. @type {Record<string, string>} */
  refusals: {},

  gaps: {
    muted: "the microphone was silenced",
    frozen: "the browser gave no sound",
    lost: "the recorder stopped sending",
    interrupted: "the microphone went away",
    closed: "the tab was closed",
    unheard: "nothing is heard in this part",
    missing: "some of it is missing",
    more: (/** @type {number} */ n) => `and ${n} more`,
    told: (/** @type {number} */ n, /** @type {string} */ places) => `${some(n, "gap")}: ${places}.`,
    shorter: (/** @type {string} */ length) => `The audio is ${length} shorter than the time that passed.`,
  },

  bin: {
    restored: "Restored.",
    moved: (/** @type {string} */ name) => `“${name}” is in the bin.`,
    elsewhere: "It was deleted elsewhere.",
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

  player: {
    play: "Play",
    pause: "Pause",
    /** @param {string} at @param {string} whole */
    of: (at, whole) => `${at} of ${whole}`,
    /** @param {string} at */
    playFrom: (at) => `Play from ${at}`,
    notAllowed: "The sound is ready. Press Play again.",
    notSupported: "The audio could not be loaded, or this browser cannot play its format.",
    copied: "Copied.",
    /** @param {string} reason */
    unsaved: (reason) => `Not saved yet. ${reason}`,
    unknown: "The clip of this link is not here. It may have been deleted for good.",
    deleted: "The clip of this link is in the bin.",
    /** @param {string} reason */
    unopened: (reason) => `The clip of this link could not be opened. ${reason}`,
    done: "Done",
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
    results: "What was found",
    reading: "Reading older clips…",
    /** @param {string} why */
    unread: (why) => `Older clips could not be read: ${why}`,
    passages: "Where it was found",
    /** @param {string} tag */
    withTag: (tag) => `Clips with the tag ${tag}`,
    /** @param {string} what */
    without: (what) => `Remove ${what}`,
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

  offline: {
    newVersion: "A new version is ready.",
    outdated: "There is a new version of this page: reload it.",
    unsent: "not sent yet",
    wasRecording: "Was recording when the connection went",
    recalled: "The server cannot be reached. These are the clips as they were last seen on this device.",
    conflict: {
      text: (/** @type {string} */ theirs) => `These words were changed elsewhere: “${theirs}”. Yours are not saved.`,
      name: (/** @type {string} */ theirs) => `The name was changed elsewhere: “${theirs}”. Yours is not saved.`,
    },
    givenUp: "You took the other ones.",
    /** @type {Record<import("../shared/types.js").Change["kind"], (title: string, problem: string) => string>} */
    refused: {
      name: (title, problem) => `“${title}” could not be renamed. ${problem}`,
      text: (title, problem) => `Your words for “${title}” could not be saved. ${problem}`,
      language: (title, problem) => `The language of “${title}” could not be changed. ${problem}`,
      tags: (title, problem) => `The tags of “${title}” could not be changed. ${problem}`,
      delete: (title, problem) => `“${title}” could not be deleted. ${problem}`,
      restore: (title, problem) => `“${title}” could not be restored. ${problem}`,
      starred: (title, problem) => `“${title}” could not be starred. ${problem}`,
      retry: (title, problem) => `“${title}” could not be transcribed again. ${problem}`,
    },
    copy: "Copy the words",
    dismiss: "Dismiss",
  },

  takeout: {
    bringing: (/** @type {string} */ name) => `“${name}” is being brought in …`,
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
