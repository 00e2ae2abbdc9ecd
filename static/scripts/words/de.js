/** The page in German. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    install: "Installieren",
    reload: "Neu laden",
  },
  player: {},
  finder: {},
  selection: {},
  offline: {
    newVersion: "Eine neue Version ist da.",
  },
  takeout: {},
};
