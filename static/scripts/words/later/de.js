/** The rest of the page in German. */

import { some } from "../de.js";

/** @type {import("../../later-words.js").LaterWords} */
export default {
  bin: {
    title: "Papierkorb – Dictaphone",
    unreadable: (why) => `Der Papierkorb konnte nicht gelesen werden: ${why}`,
    tryAgain: "Noch einmal versuchen",
    earlier: "Früher gelöscht",
    deleted: (day, time) => `Gelöscht ${day}, ${time}`,
    found: (day, time) => `Wiedergefunden ${day}, ${time}`,
    whyFound:
      "Der Ton dieser Aufnahme war auf dem Server, aber der Server kannte die Aufnahme nicht mehr: Vielleicht wurde eine Sicherung seiner Datenbank eingespielt. Name und Wörter sind verloren; wiederhergestellt wird sie neu transkribiert.",
    until: (day) => `bleibt bis ${day}`,
    restoredOne: (name) => `„${name}“ ist wiederhergestellt.`,
  },

  offline: {
    refused: {
      name: (title, problem) => `„${title}“ konnte nicht umbenannt werden. ${problem}`,
      text: (title, problem) => `Dein Text für „${title}“ konnte nicht gespeichert werden. ${problem}`,
      language: (title, problem) => `Die Sprache von „${title}“ konnte nicht geändert werden. ${problem}`,
      tags: (title, problem) => `Die Schlagwörter von „${title}“ konnten nicht geändert werden. ${problem}`,
      delete: (title, problem) => `„${title}“ konnte nicht gelöscht werden. ${problem}`,
      restore: (title, problem) => `„${title}“ konnte nicht wiederhergestellt werden. ${problem}`,
      retry: (title, problem) => `„${title}“ konnte nicht neu transkribiert werden. ${problem}`,
    },
    copy: "Text kopieren",
    dismiss: "Verstanden",
  },

  device: {
    shared: (name, has) => `Eine andere App teilt „${name}“ (${has}).`,
    keepShared: "Behalten",
    discardShared: "Verwerfen",
  },

  player: {
    preparing: "Der Ton wird für dieses Gerät vorbereitet …",
    preparingFile: "Die Datei wird vorbereitet …",
    whileRecording: "Dieses Gerät kann es abspielen, wenn die Aufnahme fertig ist.",
    /** @param {string} why */
    unprepared: (why) => `Der Ton konnte für dieses Gerät nicht vorbereitet werden. ${why}`,
    slow: "Es dauert länger als sonst. Bitte später noch einmal versuchen.",
    shareAgain: "Die Datei ist bereit. Bitte noch einmal auf Teilen drücken.",
    tracks: { all: "Alle Spuren", one: (/** @type {number} */ track) => `Spur ${track}` },
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
        ["/", "Suchen"],
        ["?", "Diese Übersicht"],
      ],
      also:
        "Sie gelten der Aufnahme, die spielt oder offen ist. Ein Klick auf ein Wort springt dorthin, " +
        "ein Doppelklick bearbeitet es.",
      single: "Einzelne Buchstaben sind Kürzel",
      close: "Schließen",
    },
  },

  finder: {
    /** @param {string} time */
    jump: (time) => `Zu ${time} springen`,
    days: { 1: "Heute", 7: "Letzte 7 Tage", 30: "Letzte 30 Tage", range: "Von … bis …" },
    length: { short: "Unter 1 Minute", medium: "1 bis 10 Minuten", long: "10 bis 60 Minuten", hours: "Ab 1 Stunde" },
    state: { done: "Transkribiert", doing: "In Arbeit", failed: "Fehlgeschlagen", off: "Nicht transkribiert" },
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

  takeout: {
    exportAll: "Alle exportieren",
    forms: {
      audio: "Ton im Original",
      m4a: "Ton für jedes Gerät (M4A)",
      mp3: "Ton als MP3",
      txt: "Nur Text",
      md: "Text mit Zeiten (Markdown)",
      srt: "Untertitel (SRT)",
      vtt: "Untertitel (VTT)",
      json: "Daten (JSON)",
    },
    brought: (taken, known, refused) =>
      [
        `${some(taken, "Aufnahme kam", "Aufnahmen kamen")} herein.`,
        known ? `${some(known, "war", "waren")} schon hier.` : "",
        refused ? `${some(refused, "wurde", "wurden")} abgelehnt.` : "",
      ]
        .filter(Boolean)
        .join(" "),
    refused: (name, why) => `${name}: ${why}`,
    failed: (name, why) => `„${name}“ konnte nicht hereingeholt werden. ${why}`,
    unpack: "Wenn Tondateien darin sind, entpacke es und wähle diese aus.",
  },

  remarks: {
    quiet: "Der Ton ist sehr leise. Für den Text wurde er verstärkt.",
    oppositePhase: "Die beiden Kanäle löschen einander aus. Gehört wurde der lautere.",
    tracks: (n, says) => `${n} ${n === 1 ? "Tonspur" : "Tonspuren"}: ${says}.`,
    heard: (n, numbers) => (n === 1 ? `Spur ${numbers} wurde gehört` : `die Spuren ${numbers} wurden gehört`),
    silent: (n, numbers) => (n === 1 ? `Spur ${numbers} ist stumm` : `die Spuren ${numbers} sind stumm`),
    leftOut: (n, numbers) => (n === 1 ? `Spur ${numbers} wurde ausgelassen` : `die Spuren ${numbers} wurden ausgelassen`),
    notUnderstood: (from, to) => `Was bei ${from}–${to} gesprochen wird, wurde nicht verstanden.`,
    more: (n) => `Und ${n} weitere ${n === 1 ? "Stelle" : "Stellen"} nicht verstanden.`,
    listen: "Anhören",
  },
};
