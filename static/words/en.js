/** The page in English. What depends on a number or a name is a function of it. */

import { counting } from "./plurals.js";

const count = counting("en");

/** @param {number} n @param {string} one @param {string} [more] @param {string} [shown] the number as it is written */
const some = (n, one, more = `${one}s`, shown) => count(n, { one: `{} ${one}`, other: `{} ${more}` }, shown);

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    skip: "Skip to the content",
    toList: "Skip to the clips",
    show: "Show",
    starred: "Starred",
    settings: "Settings",
    welcome: "Choose a clip, or press Record.",
    recorderPlace: "Recording",
    player: "Player",
    closePlayer: "Close the player",
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
    markers: "Markers",
    proof: "Proof of capture",
    recorded: "Recorded",
    onDevice: "On this device",
    onServer: "On the server",
    heard: "What was heard so far",
    microphone: "Microphone",
    clips: "Clips",
    emptyTitle: "Say something",
    noneYet: "No clips yet",
    firstRecord: "Press Record and speak: nothing of it is lost, though the network goes or the battery dies.",
    firstWords: "Your words appear by themselves, beside the sound they came from, on every device that has this page open.",
    emptyDrop: ", or drop them anywhere on this page.",
    emptyPick: "Add sound files",
    backToClips: "Back to the clips",
    backToSettings: "Back to the settings",
    emptyBin: "Empty the bin",
    eraseForGood: "Delete for good",
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
    searchShort: "Search",
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
    hours: (/** @type {number} */ n, /** @type {string|undefined} */ shown = undefined) => some(n, "hour", "hours", shown),
    minutes: (/** @type {number} */ n) => some(n, "minute"),
    seconds: (/** @type {number} */ n) => some(n, "second"),
    s: "s",
    min: "min",
    h: "h",
    bytes: "bytes",
    at: (/** @type {string} */ now, /** @type {string} */ whole) => `${now} of ${whole}`,
    unnamed: "recording",
  },

  session: {
    signedOut: "Sign in when you are back: what you recorded is kept on this device.",
    nobody: "Sign in to see your clips. What you record is kept on this device.",
    signIn: "Sign in",
    others: (/** @type {number} */ n) => count(n, { one: "{} recording of another person waits here.", other: "{} recordings of another person wait here." }),
  },

  account: {
    title: "Account",
    name: "Name",
    devices: "Devices",
    thisDevice: "This device",
    unknownDevice: "A device",
    used: (/** @type {string} */ when) => `Last used ${when}`,
    made: (/** @type {string} */ when) => `Made ${when}`,
    end: "Sign out",
    endOf: (/** @type {string} */ name) => `Sign out ${name}`,
    endOthers: "Sign out all others",
    nextDevice: "Sign in on another device",
    code: "A code that your other device scans",
    codeHint: "Scan it with your other device. It counts once, for ten minutes.",
    passkeys: "Passkeys",
    addPasskey: "Add a passkey",
    remove: "Remove",
    removeOf: (/** @type {string} */ name) => `Remove ${name}`,
    removePasskey: (/** @type {string} */ name) => `Remove “${name}”?`,
    removeWords: "It opens nothing here any more. Delete it on its device, too.",
    setPassword: "Set a password",
    changePassword: "Change the password",
    currentPassword: "Present password",
    newPassword: "New password",
    passwordHint: "At least 12 characters. A sentence is good. All other devices are signed out.",
    passwordSaved: "The password is changed.",
    save: "Save",
    signInAgain: "Sign out and in again first: this changes what opens the server to you.",
    signOut: "Sign out",
    signOutTitle: "Sign out on this device?",
    allSent: "All that you recorded is on the server. The clips that this device keeps for when there is no network are deleted here.",
    unsent: (/** @type {number} */ clips, /** @type {number} */ changes) =>
      `${[clips && some(clips, "recording"), changes && some(changes, "change")].filter(Boolean).join(" · ")}: not sent yet. That stays on this device, and is sent when you sign in here again. The clips that this device keeps for when there is no network are deleted here.`,
    stopFirst: "Stop the recording first.",
    notSignedOut: (/** @type {string} */ problem) => `You are not signed out: ${problem}`,
  },

  server: {
    unreachable: "The server cannot be reached.",
    silent: "The server does not answer.",
    signIn: "Sign in again.",
    signedOut: "Sign in again: what you do here is kept on this device.",
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
    sendingFailed: "This page failed while it was sending, and tries again.",
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

  sources: {
    other: "Tab or computer",
    meeting: "Record a meeting: microphone and the sound of a tab or the computer",
    alone: "Record the sound of a tab or the computer alone",
    add: "Add the sound of a tab or the computer",
    leave: "Leave out the sound of the tab or the computer",
    unavailable: "The sound of a tab or the computer …",
    why: "This browser gives pages no sound of tabs or of the computer. Chrome and Edge on a computer do.",
    failed: (/** @type {string} */ why) => `The sound could not be shared (${why}). The microphone alone can be recorded.`,
    soundless: "It was shared without sound. Share again, and switch on “Also share audio” in the browser's dialog.",
    refused: "Nothing was shared. Ask again, choose a tab or a screen, and switch on its audio.",
    ended: "The shared sound has ended. The recording goes on with the microphone.",
    endedAlone: "The shared sound has ended, so the recording is paused. Resume goes on with the microphone; Stop ends it.",
    unplugged: "The microphone was disconnected, and is waited for. The shared sound is still recorded.",
  },

  /** What a device does to a recording that nobody looks at: static/recording/advice.js. */
  advice: {
    staysOpen:
      "Stay in this app while you record: iOS takes the microphone from an app of the home screen as soon as another one is in front. In a tab of Safari the recording goes on.",
    screenOn: "Keep the screen on while you record: here the recording stops when it goes dark.",
  },

  /** How long what is not sent is kept: static/offline/persistence.js. */
  persistence: {
    kept: "This browser keeps what is not sent until you delete it.",
    untilFull: "This browser keeps what is not sent until the device is full.",
    sevenDays:
      "Safari forgets what is not sent when this page is not opened for seven days. Open it again before then, or add it to the home screen.",
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
    speak: "Speak. Your words appear here, or on the page of the clip after Stop.",
    untitled: "Named by its first words",
    silent: "Nothing is heard. Is the right microphone chosen?",
    silentOther: "Nothing is heard from there.",
    quiet: "Very quiet",
    loud: "Too loud",
    mark: "Marker",
    markerAt: (/** @type {string} */ time) => `Marker at ${time}`,
    markerText: "What is it?",
    unmark: (/** @type {string} */ time) => `Remove the marker at ${time}`,
    manyMarkers: "A clip holds at most 500 markers.",
    back: (/** @type {string} */ state, /** @type {string} */ time) => `${state} · ${time}`,
    microphonesLater: "Microphones are named here once one is allowed",
    safety: {
      begins: "Being kept on this device and on the server",
      both: "Safe on this device and on the server",
      device: "Safe on this device; sent to the server later",
      server: "Safe on the server",
      page: "Not safe yet: leave this page open until it is sent",
    },
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
    all: "All",
    starred: "Starred",
    unread: "New words",
    menu: (/** @type {string} */ name) => `More for ${name}`,
    play: (/** @type {string} */ name) => `Play ${name}`,
    pause: (/** @type {string} */ name) => `Pause ${name}`,
    doTo: (/** @type {string} */ what, /** @type {string} */ name) => `${what}: ${name}`,
    unreadable: (/** @type {string} */ problem) =>
      `The clips could not be read: ${problem} The page goes on trying.`,
    polled:
      "Changes from elsewhere come a few seconds late: the live connection to the server does not come through. The page goes on trying.",
    screens: (/** @type {number} */ n) => `+${some(n, "screen")}`,
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
    unplayed: "There is nothing to play. Download gives the file as it came.",
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
    unsavedNotes: (/** @type {string} */ name, /** @type {string} */ why) => `Your notes on “${name}” are not saved. ${why}`,
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
    unreadable: "This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved.",
    undecodable: "The sound in this file is damaged: nothing of it can be decoded.",
    noSound: "There is no sound in this file.",
    endsEarly: "The file ends before its sound begins: it was cut off while it was saved.",
    nothingRecorded: "Nothing was recorded: not a byte of sound arrived here.",
    notJoined: "The parts of this recording cannot be put into one; each of them is kept.",
    notInStore: "The sound of this clip is not in the store.",
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
    /** @param {number} days @param {string} shown as it is written */
    kept: (days, shown) => `What is deleted is kept for ${some(days, "day", "days", shown)}.`,
    save: (/** @type {string} */ name) => `Download ${name}`,
    restore: (/** @type {string} */ name) => `Restore ${name}`,
    erase: (/** @type {string} */ name) => `Delete for good: ${name}`,
    eraseOne: {
      title: (/** @type {string} */ name) => `Delete “${name}” for good?`,
      sentence: "Its sound, its words and its notes will be gone, here and on the server. This cannot be taken back.",
      action: "Delete for good",
    },
    erased: (/** @type {string} */ name) => `“${name}” is deleted for good.`,
    empty: {
      title: "Empty the bin?",
      sentence: "The sound, the words and the notes of all clips in the bin will be gone, here and on the server. This cannot be taken back.",
      action: "Empty the bin",
    },
    unemptied: (/** @type {string} */ why) => `The bin could not be emptied. ${why}`,
  },

  firstVisit: {
    /** @param {string[]} most how many bytes, and how long */
    taken: (most) =>
      `Taken are M4A, MP3, WAV, FLAC, Ogg, WebM, MP4, MOV and nearly everything else that has sound${most.length ? `, up to ${most.join(" and ")} a file` : ""}.`,
  },

  settings: {
    recording: "Recording",
    test: "Test the microphone",
    testEnd: "End the test",
    testing: "Speak: the bars follow your voice. Nothing of it is kept.",
    spoken: "Language that you speak",
    spokenHint: "For new recordings on this device. A clip’s language can be changed on its page.",
    detect: "Detect it",
    captions: "Words while you record",
    captionsHint: "The words come all the same when the recording is over.",
    look: "Language and look",
    pageLanguage: "Language of this page",
    asBrowser: "As the browser asks for",
    machineMade: (/** @type {string} */ name) => `${name} (translated by a machine)`,
    machineHint: "This language was translated by a machine, and nobody who speaks it has read it yet.",
    theme: "Theme",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    showKeys: "All keys",
    device: "This device",
    unsent: "Not sent yet",
    allSent: "Nothing: the server has it all",
    /** @param {number} n @param {string} shown as it is written */
    changes: (n, shown) => some(n, "change", "changes", shown),
    soundKept: "Sound kept to play without a network",
    used: "Room that this page takes",
    keep: "Ask the browser to keep it",
    clearSound: "Remove the kept sound",
    server: "The server",
    library: "Clips",
    length: "Length",
    openBin: "Open the bin",
    /** @param {number} n @param {string} shown as it is written */
    clips: (n, shown) => (n ? some(n, "clip", "clips", shown) : "None"),
    /** @param {string} when @param {string} why */
    lastSeen: (when, why) => `${why} This is as it was on ${when}.`,
    takeoutHint: "Import sound, video, or a library that was exported: what is here already stays as it is. The export is one zip with all sound and words.",
    import: "Import",
    about: "About",
    version: "Version",
    licence: "Licence",
    aboutWords: "Dictaphone is free software. Its handbook and its source lie side by side; this server’s interface is open to other programs.",
    installByHand: "To install it as an app, press Share, then Add to Home Screen.",
    install: "Install as an app",
    api: "The server’s interface",
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
        ["Ctrl F", "Find and replace in the clip"],
        ["M", "Mark this moment"],
        ["R", "Record"],
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
      notes: (/** @type {string} */ theirs) => `The notes were changed elsewhere: “${theirs}”. Yours are not saved.`,
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
      notes: (title, problem) => `The notes on “${title}” could not be saved. ${problem}`,
      markers: (title, problem) => `The markers of “${title}” could not be saved. ${problem}`,
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
    join: "Join to one clip",
    joined: (/** @type {number} */ number) => `${number} clips are one new clip; they stay as they are.`,
    mostJoined: (/** @type {number} */ number) => `At most ${number} clips can be joined.`,
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

  markers: {
    title: "Markers",
    add: "Mark this moment",
    text: "What is it?",
    toDo: "To do",
    hint: "Write here. A line that begins with - [ ] is something to do.",
    /** @param {string} time */
    of: (time) => `Marker at ${time}`,
    /** @param {string} time */
    remove: (time) => `Remove the marker at ${time}`,
    /** @param {number} number */
    most: (number) => `A clip has at most ${number} markers.`,
  },

  trim: {
    title: "Trim",
    from: "Start of the stretch",
    to: "End of the stretch",
    startHere: "Start here",
    endHere: "End here",
    listen: "Listen",
    keep: "Keep only this",
    cut: "Cut this out",
    split: "Split at the start",
    whole: "Bring all of it back",
    chosen: (/** @type {string} */ from, /** @type {string} */ to) => `${from} to ${to} is chosen.`,
    removed: (/** @type {string} */ length) => `${length} of the recording is cut out; it is kept.`,
    done: (/** @type {string} */ length) => `The clip is ${length} long now.`,
    splitDone: "The clip is two clips now.",
  },
};
