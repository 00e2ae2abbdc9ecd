/** The page in German. What depends on a number or a name is a function of it. */

export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    speed: "Tempo",
    skipSilence: "Stille überspringen",
    edit: "Bearbeiten",
    copyLink: "Link kopieren",
    transcript: "Text der Aufnahme",
    details: "Einzelheiten",
    shortcuts: "Tastenkürzel",
  },
  player: {
    play: "Abspielen",
    pause: "Pause",
    /** @param {string} at @param {string} whole */
    of: (at, whole) => `${at} von ${whole}`,
    /** @param {string} at */
    playFrom: (at) => `Ab ${at} abspielen`,
    notAllowed: "Der Browser hat das Abspielen nicht erlaubt. Bitte noch einmal auf Abspielen drücken.",
    notSupported: "Der Ton konnte nicht geladen werden, oder dieser Browser kennt sein Format nicht.",
    done: "Fertig",
    copied: "Kopiert.",
    conflict: "Diese Worte wurden inzwischen anderswo geändert; Ihre sind nicht gespeichert.",
    /** @param {string} reason */
    unsaved: (reason) => `Noch nicht gespeichert. ${reason}`,
    unknown: "Die Aufnahme zu diesem Link gibt es hier nicht. Vielleicht wurde sie endgültig gelöscht.",
    deleted: "Die Aufnahme zu diesem Link liegt im Papierkorb.",
    /** @param {string} reason */
    unopened: (reason) => `Die Aufnahme zu diesem Link konnte nicht geöffnet werden. ${reason}`,
    /** @param {string} speed */
    speedIs: (speed) => `Tempo ${speed}`,
    skips: "Stille wird übersprungen.",
    skipsNot: "Stille wird abgespielt.",
    help: {
      title: "Tastenkürzel",
      /** @type {[string, string][]} */
      keys: [
        ["Leertaste K", "Abspielen oder anhalten"],
        ["← →", "5 Sekunden zurück, vor"],
        ["J L", "10 Sekunden zurück, vor"],
        ["Umschalt ← →", "Ein Wort zurück, vor"],
        [", .", "Langsamer, schneller"],
        ["S", "Stille überspringen oder nicht"],
        ["E", "Worte bearbeiten; Esc speichert sie"],
        ["Esc", "Aufnahme schließen"],
        ["?", "Diese Übersicht"],
      ],
      also:
        "Sie gelten der Aufnahme, die spielt oder offen ist. Ein Klick auf ein Wort springt dorthin, " +
        "ein Doppelklick bearbeitet es.",
      close: "Schließen",
    },
  },
  finder: {},
  selection: {},
  offline: {},
  takeout: {},
};
