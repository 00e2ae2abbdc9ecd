/** The page in German. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    retry: "Noch einmal",
  },
  player: {},
  finder: {
    results: "Gefundenes",
    reading: "Ältere Aufnahmen werden geladen …",
    /** @param {string} why */
    unread: (why) => `Ältere Aufnahmen konnten nicht geladen werden: ${why}`,
  },
  selection: {},
  offline: {},
  takeout: {},
};
