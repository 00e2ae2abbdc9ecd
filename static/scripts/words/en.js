/** The page in English. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    install: "Install",
    reload: "Reload",
  },
  player: {},
  finder: {},
  selection: {},
  offline: {
    newVersion: "A new version is ready.",
    unsent: "not sent yet",
    wasRecording: "Was recording when the connection went",
    recalled: "The server cannot be reached. These are the clips as they were last seen on this device.",
    conflict: "These words were changed elsewhere meanwhile; yours are not saved.",
    /** @type {Record<import("../types.js").Change["kind"], (title: string, problem: string) => string>} */
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
  takeout: {},
};
