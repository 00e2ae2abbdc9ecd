/** The page in English. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {},
  player: {},
  finder: {},
  selection: {},
  offline: {},
  takeout: {},
};
