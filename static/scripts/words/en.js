/** The page in English. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    speed: "Speed",
    skipSilence: "Skip silence",
    edit: "Edit",
    copyLink: "Copy link",
    transcript: "Transcript",
    details: "Details",
    shortcuts: "Keyboard shortcuts",
  },
  player: {
    play: "Play",
    pause: "Pause",
    /** @param {string} at @param {string} whole */
    of: (at, whole) => `${at} of ${whole}`,
    /** @param {string} at */
    playFrom: (at) => `Play from ${at}`,
    notAllowed: "The browser did not let it play. Press Play again.",
    notSupported: "The audio could not be loaded, or this browser cannot play its format.",
    done: "Done",
    copied: "Copied.",
    conflict: "These words were changed elsewhere meanwhile; yours are not saved.",
    /** @param {string} reason */
    unsaved: (reason) => `Not saved yet. ${reason}`,
    unknown: "The clip of this link is not here. It may have been deleted for good.",
    deleted: "The clip of this link is in the bin.",
    /** @param {string} reason */
    unopened: (reason) => `The clip of this link could not be opened. ${reason}`,
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
        ["?", "This sheet"],
      ],
      also: "They mean the clip that plays, or is open. A click on a word goes there, a double click edits it.",
      close: "Close",
    },
  },
  finder: {},
  selection: {},
  offline: {},
  takeout: {},
};
