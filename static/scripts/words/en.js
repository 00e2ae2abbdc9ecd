/** The page in English. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    retry: "Retry",
  },
  player: {},
  finder: {
    results: "What was found",
    reading: "Reading older clips…",
    /** @param {string} why */
    unread: (why) => `Older clips could not be read: ${why}`,
  },
  selection: {},
  offline: {},
  takeout: {},
};
