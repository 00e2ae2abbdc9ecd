/** The page in English. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    retry: "Retry",
    search: "Search clips",
    filter: "Filter",
    filters: "Filters",
    select: "Select",
    selection: "Selection",
    selectAll: "All",
    addTag: "Add a tag",
    export: "Export",
    delete: "Delete",
    done: "Done",
    undo: "Undo",
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
  },
  player: {},
  finder: {
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
    results: "What was found",
    reading: "Reading older clips…",
    /** @param {string} why */
    unread: (why) => `Older clips could not be read: ${why}`,
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
  offline: {},
  takeout: {},
};
