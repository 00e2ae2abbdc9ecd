/** The page in German. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    retry: "Noch einmal",
    search: "Aufnahmen durchsuchen",
    filter: "Filtern",
    filters: "Filter",
    select: "Auswählen",
    selection: "Auswahl",
    selectAll: "Alle",
    addTag: "Schlagwort hinzufügen",
    export: "Exportieren",
    delete: "Löschen",
    done: "Fertig",
    undo: "Rückgängig",
    chips: "Aktive Filter",
    clear: "Alle Aufnahmen zeigen",
    tags: "Schlagwörter",
    date: "Datum",
    anyDate: "Jedes Datum",
    from: "Von",
    to: "Bis",
    duration: "Länge",
    anyLength: "Jede Länge",
    state: "Zustand",
    anyState: "Jeder Zustand",
    tag: "Schlagwort",
    anyTag: "Jedes Schlagwort",
    order: "Reihenfolge",
  },
  player: {},
  finder: {
    passages: "Fundstellen",
    /** @param {string} tag */
    withTag: (tag) => `Aufnahmen mit dem Schlagwort ${tag}`,
    /** @param {string} what */
    without: (what) => `${what} entfernen`,
    /** @param {string} time */
    jump: (time) => `Zu ${time} springen`,
    days: { 1: "Heute", 7: "Letzte 7 Tage", 30: "Letzte 30 Tage", range: "Von … bis …" },
    length: { short: "Unter 1 Minute", medium: "1 bis 10 Minuten", long: "10 bis 60 Minuten", hours: "Ab 1 Stunde" },
    state: { done: "Verschriftlicht", doing: "In Arbeit", failed: "Fehlgeschlagen", off: "Nicht verschriftlicht" },
    sort: {
      ...{ best: "Beste Treffer", newest: "Neueste zuerst", oldest: "Älteste zuerst" },
      ...{ longest: "Längste zuerst", shortest: "Kürzeste zuerst", name: "Nach Namen" },
    },
    /** @param {string} from @param {string} to days, of which one may be missing */
    range: (from, to) => [from && `vom ${from}`, to && `bis ${to}`].filter(Boolean).join(" "),
    /** @param {number} number @param {string} shown as it is written @param {boolean} more @param {boolean} isPartial */
    count: (number, shown, more, isPartial) => {
      const clips = number === 1 ? "1 Aufnahme" : `${more ? "Mehr als " : ""}${shown} Aufnahmen`;
      const said = number ? clips : "Nichts gefunden";
      return isPartial ? `Offline, nur in dem, was diese Seite kennt: ${said}.` : `${said}.`;
    },
    results: "Gefundenes",
    reading: "Ältere Aufnahmen werden geladen …",
    /** @param {string} why */
    unread: (why) => `Ältere Aufnahmen konnten nicht geladen werden: ${why}`,
  },
  selection: {
    /** @param {number} number @param {string} shown as it is written */
    count: (number, shown) => (number ? `${shown} ausgewählt` : "Aufnahmen auswählen"),
    /** @param {string} name */
    pick: (name) => `${name} auswählen`,
    /** @param {number} number */
    deleted: (number) => `${number === 1 ? "1 Aufnahme ist" : `${number} Aufnahmen sind`} im Papierkorb.`,
    /** @param {number} number */
    restored: (number) => `${number === 1 ? "1 Aufnahme ist" : `${number} Aufnahmen sind`} wieder da.`,
    /** @param {number} number @param {string} tag */
    tagged: (number, tag) => `${number === 1 ? "1 Aufnahme hat" : `${number} Aufnahmen haben`} das Schlagwort ${tag}.`,
    /** @param {number} number @param {string} why */
    undone: (number, why) => `Bei ${number === 1 ? "1 Aufnahme" : `${number} Aufnahmen`} ging es nicht: ${why}`,
    /** @param {number} number */
    most: (number) => `Höchstens ${number} Aufnahmen lassen sich auf einmal exportieren.`,
  },
  offline: {},
  takeout: {},
};
