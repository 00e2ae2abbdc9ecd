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
    unsent: "noch nicht gesendet",
    wasRecording: "Nahm auf, als die Verbindung abbrach",
    recalled: "Der Server ist nicht erreichbar. So sahen die Aufnahmen auf diesem Gerät zuletzt aus.",
    conflict: "Dieser Text wurde inzwischen anderswo geändert; deine Fassung ist nicht gespeichert.",
    /** @type {Record<import("../types.js").Change["kind"], (title: string, problem: string) => string>} */
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
  takeout: {},
};
