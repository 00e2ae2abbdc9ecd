/** The page in German. What depends on a number or a name is a function of it. */

import { counting } from "./plurals.js";

const count = counting("de");

/** @param {number} n @param {string} one @param {string} more @param {string} [shown] the number as it is written */
const some = (n, one, more, shown) => count(n, { one: `{} ${one}`, other: `{} ${more}` }, shown);

/** @type {import("../shared/words.js").Words} */
export default {
  /** Of the markup: `translate` puts them in. */
  page: {
    skip: "Zum Inhalt",
    toList: "Zu den Aufnahmen springen",
    show: "Zeigen",
    starred: "Mit Stern",
    settings: "Einstellungen",
    welcome: "Wähle eine Aufnahme, oder drück „Aufnehmen“.",
    recorderPlace: "Aufnahme",
    player: "Wiedergabe",
    closePlayer: "Wiedergabe schließen",
    stepBack: "10 Sekunden zurück",
    stepForward: "10 Sekunden vor",
    close: "Schließen",
    rename: "Umbenennen",
    star: "Markieren",
    more: "Mehr",
    parts: "Teile der Aufnahme",
    notes: "Notizen",
    offline: "Offline. Aufnahmen bleiben auf diesem Gerät und werden gesendet, sobald die Verbindung wieder da ist.",
    bin: "Papierkorb",
    choose: "Dateien hinzufügen",
    recorder: "Aufnahmegerät",
    markers: "Marken",
    recordingTitle: "Titel dieser Aufnahme",
    proof: "Stand der Sicherung",
    recorded: "Aufgenommen",
    onDevice: "Auf diesem Gerät",
    onServer: "Auf dem Server",
    heard: "Bisher verstanden",
    microphone: "Mikrofon",
    clips: "Aufnahmen",
    emptyTitle: "Sag etwas",
    noneYet: "Noch keine Aufnahmen",
    firstRecord: "Drück „Aufnehmen“ und sprich: Nichts geht verloren, auch wenn das Netz ausfällt oder der Akku leer ist.",
    firstWords:
      "Deine Worte erscheinen von selbst, neben dem Ton, aus dem sie stammen, auf jedem Gerät, das diese Seite offen hat.",
    emptyDrop: " oder irgendwo auf diese Seite ziehen.",
    emptyPick: "Tondateien hinzufügen",
    backToClips: "Zurück zu den Aufnahmen",
    backToSettings: "Zurück zu den Einstellungen",
    emptyBin: "Papierkorb leeren",
    eraseForGood: "Endgültig löschen",
    binEmpty: "Der Papierkorb ist leer.",
    deletedClips: "Gelöschte Aufnahmen",
    drop: "Zum Hinzufügen loslassen",
    play: "Abspielen",
    name: "Name",
    language: "Sprache",
    copyText: "Text kopieren",
    download: "Herunterladen",
    delete: "Löschen",
    seek: "Stelle",
    transcript: "Transkript",
    saveAgain: "Noch einmal speichern",
    keepMine: "Meine behalten",
    useTheirs: "Andere nehmen",
    soFar: "Bisher fertig",
    done: "Fertig",
    retry: "Noch einmal",
    continue: "Fortsetzen",
    downloadAudio: "Ton herunterladen",
    undo: "Rückgängig",
    restore: "Wiederherstellen",
    speed: "Tempo",
    skipSilence: "Stille überspringen",
    edit: "Bearbeiten",
    saveAs: "Speichern als",
    copyLink: "Link kopieren",
    share: "Teilen",
    details: "Einzelheiten",
    shortcuts: "Tastenkürzel",
    search: "Aufnahmen durchsuchen",
    searchShort: "Suchen",
    filter: "Filtern",
    filters: "Filter",
    select: "Auswählen",
    selection: "Auswahl",
    selectAll: "Alle gezeigten",
    addTag: "Schlagwort hinzufügen",
    export: "Exportieren",
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
    install: "Installieren",
    reload: "Neu laden",
    cancel: "Abbrechen",
    history: "Verlauf",
    findHere: "In dieser Aufnahme suchen",
    find: "Suchen",
    previousMatch: "Vorherige Fundstelle",
    nextMatch: "Nächste Fundstelle",
    replaceWith: "Ersetzen durch",
    replace: "Ersetzen",
    replaceAll: "Alle ersetzen",
    track: "Spur",
  },

  time: {
    hours: (n, shown = undefined) => some(n, "Stunde", "Stunden", shown),
    minutes: (n) => some(n, "Minute", "Minuten"),
    seconds: (n) => some(n, "Sekunde", "Sekunden"),
    s: "s",
    min: "min",
    h: "h",
    bytes: "Byte",
    at: (now, whole) => `${now} von ${whole}`,
    unnamed: "Aufnahme",
  },

  session: {
    signedOut: "Melde dich an, wenn du zurück bist: Was du aufgenommen hast, liegt auf diesem Gerät.",
    nobody: "Melde dich an, um deine Clips zu sehen. Was du aufnimmst, bleibt auf diesem Gerät.",
    signIn: "Anmelden",
    others: (/** @type {number} */ n) => count(n, { one: "{} Aufnahme einer anderen Person wartet hier.", other: "{} Aufnahmen einer anderen Person warten hier." }),
  },

  account: {
    title: "Konto",
    name: "Name",
    devices: "Geräte",
    thisDevice: "Dieses Gerät",
    unknownDevice: "Ein Gerät",
    used: (/** @type {string} */ when) => `Zuletzt benutzt: ${when}`,
    made: (/** @type {string} */ when) => `Angelegt: ${when}`,
    end: "Abmelden",
    endOf: (/** @type {string} */ name) => `${name} abmelden`,
    endOthers: "Alle anderen abmelden",
    nextDevice: "Auf einem anderen Gerät anmelden",
    code: "Ein Code, den dein anderes Gerät liest",
    codeHint: "Lies ihn mit deinem anderen Gerät. Er gilt einmal, zehn Minuten lang.",
    passkeys: "Passkeys",
    addPasskey: "Einen Passkey hinzufügen",
    remove: "Entfernen",
    removeOf: (/** @type {string} */ name) => `${name} entfernen`,
    removePasskey: (/** @type {string} */ name) => `„${name}“ entfernen?`,
    removeWords: "Er öffnet hier nichts mehr. Lösch ihn auch auf seinem Gerät.",
    setPassword: "Ein Passwort festlegen",
    changePassword: "Das Passwort ändern",
    currentPassword: "Jetziges Passwort",
    newPassword: "Neues Passwort",
    passwordHint: "Mindestens 12 Zeichen. Ein Satz ist gut. Alle anderen Geräte werden abgemeldet.",
    passwordSaved: "Das Passwort ist geändert.",
    save: "Speichern",
    signInAgain: "Melde dich erst ab und neu an: Das ändert, was dir den Server öffnet.",
    signOut: "Abmelden",
    signOutTitle: "Auf diesem Gerät abmelden?",
    allSent: "Alles, was du aufgenommen hast, ist auf dem Server. Die Clips, die dieses Gerät für die Zeit ohne Netz aufhebt, werden hier gelöscht.",
    unsent: (/** @type {number} */ clips, /** @type {number} */ changes) =>
      `${[clips && some(clips, "Aufnahme", "Aufnahmen"), changes && some(changes, "Änderung", "Änderungen")].filter(Boolean).join(" · ")}: noch nicht gesendet. Das bleibt auf diesem Gerät und wird gesendet, wenn du dich hier wieder anmeldest. Die Clips, die dieses Gerät für die Zeit ohne Netz aufhebt, werden hier gelöscht.`,
    stopFirst: "Beende erst die Aufnahme.",
    notSignedOut: (/** @type {string} */ problem) => `Du bist nicht abgemeldet: ${problem}`,
  },

  server: {
    unreachable: "Der Server ist nicht zu erreichen.",
    silent: "Der Server antwortet nicht.",
    signIn: "Melde dich neu an.",
    signedOut: "Melde dich neu an: Was du hier tust, bleibt auf diesem Gerät.",
    answered: (status) => `Der Server hat mit ${status} geantwortet.`,
    unreadable: "Die Antwort des Servers ist nicht zu lesen.",
  },

  device: {
    stopFirst: "Beende die laufende Aufnahme, dann setze diese fort.",
    elsewhere: "Ein anderer Tab hat diese Aufnahme, oder sie ist schon gesendet. Lade die Seite neu, um es zu sehen.",
    lostPart: (error) => `Ein Teil dieser Aufnahme konnte nicht gesichert werden (${error}).`,
    lost: "Dieses Gerät hat die Aufnahme verloren.",
    keepsNothing: "Dieser Browser bewahrt nichts auf dem Gerät auf.",
    audioGone: "Der Ton ist nicht mehr auf diesem Gerät.",
    sendingFailed: "Das Senden ist fehlgeschlagen; die Seite versucht es noch einmal.",
    incomplete:
      "Der Server hat verloren, was er davon hatte, und der Anfang ist nicht mehr auf diesem Gerät. Was noch hier ist, bleibt.",
    noRoomForFile: "Auf diesem Gerät ist kein Platz für die Datei: Lass diese Seite offen, bis sie gesendet ist.",
    noRoom: "Auf diesem Gerät ist kein Platz für die Aufnahme: Lass diese Seite offen, bis sie gesendet ist.",
    room: (minutes) =>
      `Auf diesem Gerät ist ${minutes === null ? "kaum noch Platz" : `noch Platz für etwa ${minutes} Minuten`}. ` +
      "Schaffe Platz oder bleib online: Was der Server hat, wird hier entfernt.",
    noRoomForShared:
      "Für alles, was die andere App teilt, ist kein Platz. Behalte oder verwirf, was hier wartet, und teile es dann noch einmal.",
    emptyFile: (name) => `„${name}“ ist leer.`,
    largeFile: (name, has, most) => `„${name}“ hat ${has}; der Server nimmt höchstens ${most}.`,
    strangeFile: (name, why) => `„${name}“ wurde nicht angenommen: ${why}`,
    shared: (name, has) => `Eine andere App teilt „${name}“ (${has}).`,
    keepShared: "Behalten",
    discardShared: "Verwerfen",
  },

  microphone: {
    insecure:
      "Browser geben das Mikrofon nur über HTTPS oder auf localhost her. Öffne diese Seite zum Aufnehmen über HTTPS.",
    none: "Dieser Browser gibt Seiten kein Mikrofon. Öffne diese Seite zum Aufnehmen in einem anderen.",
    old: "Dieser Browser kann keinen Ton aufnehmen. Aktualisiere ihn, oder nimm in einem anderen auf.",
    again: "drück noch einmal auf Aufnehmen",
    byItself: "geht die Aufnahme von selbst weiter",
    system: (then) =>
      `Das System gibt diesem Browser das Mikrofon nicht. Erlaube es in den Datenschutz-Einstellungen, dann ${then}.`,
    denied: (then) => `Das Mikrofon ist für diese Seite nicht erlaubt. Erlaube es neben der Adresszeile, dann ${then}.`,
    missing: (then) => `Kein Mikrofon gefunden. Schließe eines an oder schalte es ein, dann ${then}.`,
    busy: (then) =>
      `Das Mikrofon ist belegt oder antwortet nicht. Schließe andere Programme, die es benutzen, dann ${then}.`,
    failed: (why, then) => `Das Mikrofon ist nicht angesprungen (${why}): ${then}.`,
    noReason: "der Browser nennt keinen Grund",
    unread:
      "Ein Augenblick dieser Aufnahme ließ sich nicht aus dem Browser lesen. Er ist als Lücke vermerkt, und die Aufnahme läuft weiter.",
    muted: "Das Mikrofon ist stumm: ein Anruf oder ein Schalter. Die Aufnahme läuft weiter.",
    disconnected: "Das Mikrofon wurde getrennt. Was bis dahin gesagt wurde, ist gesichert.",
    waiting: "Warte auf ein Mikrofon …",
  },

  sources: {
    other: "Tab oder Computer",
    meeting: "Besprechung aufnehmen: Mikrofon und der Ton eines Tabs oder des Computers",
    alone: "Nur den Ton eines Tabs oder des Computers aufnehmen",
    add: "Ton eines Tabs oder des Computers dazunehmen",
    leave: "Ton des Tabs oder des Computers weglassen",
    unavailable: "Ton eines Tabs oder des Computers …",
    why: "Dieser Browser gibt Seiten keinen Ton von Tabs oder vom Computer. Chrome und Edge auf einem Computer tun es.",
    failed: (why) => `Der Ton konnte nicht geteilt werden (${why}). Das Mikrofon allein lässt sich aufnehmen.`,
    soundless: "Es wurde ohne Ton geteilt. Teile noch einmal und schalte im Fenster des Browsers den Ton mit ein.",
    refused: "Es wurde nichts geteilt. Frag noch einmal, wähle einen Tab oder Bildschirm und schalte seinen Ton ein.",
    ended: "Der geteilte Ton ist zu Ende. Die Aufnahme läuft mit dem Mikrofon weiter.",
    endedAlone: "Der geteilte Ton ist zu Ende, deshalb pausiert die Aufnahme. Weiter nimmt mit dem Mikrofon auf, Beenden beendet sie.",
    unplugged: "Das Mikrofon wurde getrennt, es wird darauf gewartet. Der geteilte Ton wird weiter aufgenommen.",
  },

  advice: {
    staysOpen:
      "Bleib beim Aufnehmen in dieser App: iOS nimmt einer App vom Home-Bildschirm das Mikrofon, sobald eine andere vorn ist. In einem Tab von Safari geht die Aufnahme weiter.",
    screenOn: "Lass beim Aufnehmen den Bildschirm an: Wird er dunkel, endet hier die Aufnahme.",
  },

  persistence: {
    kept: "Dieser Browser behält, was noch nicht gesendet ist, bis du es löschst.",
    untilFull: "Dieser Browser behält, was noch nicht gesendet ist, bis das Gerät voll ist.",
    sevenDays:
      "Safari vergisst, was noch nicht gesendet ist, wenn diese Seite sieben Tage lang nicht geöffnet wird. Öffne sie vorher, oder leg sie auf den Home-Bildschirm.",
  },

  recorder: {
    record: "Aufnehmen",
    stop: "Beenden",
    pause: "Pause",
    resume: "Weiter",
    idle: "Zum Aufnehmen drücken",
    asking: "Warte auf das Mikrofon …",
    recording: "Nimmt auf",
    paused: "Pausiert",
    reconnecting: "Das Mikrofon wird neu verbunden …",
    unable: "Hier kann nicht aufgenommen werden",
    keptHere: "hier gesichert, wird später gesendet",
    speak: "Sprich. Deine Worte erscheinen hier, oder nach dem Beenden auf der Seite der Aufnahme.",
    untitled: "Heißt nach den ersten Worten",
    silent: "Es ist nichts zu hören. Ist das richtige Mikrofon gewählt?",
    silentOther: "Von dort ist nichts zu hören.",
    quiet: "Sehr leise",
    loud: "Zu laut",
    mark: "Marke",
    markerAt: (time) => `Marke bei ${time}`,
    markerText: "Was ist dort?",
    unmark: (time) => `Marke bei ${time} entfernen`,
    manyMarkers: "Eine Aufnahme hat höchstens 500 Marken.",
    back: (state, time) => `${state} · ${time}`,
    microphonesLater: "Die Mikrofone stehen hier, sobald eines erlaubt ist",
    safety: {
      begins: "Wird auf diesem Gerät und auf dem Server gesichert",
      both: "Sicher auf diesem Gerät und auf dem Server",
      device: "Sicher auf diesem Gerät; wird später gesendet",
      server: "Sicher auf dem Server",
      page: "Noch nicht sicher: Lass diese Seite offen, bis alles gesendet ist",
    },
    stopFirst: "Beende erst diese Aufnahme, dann setze die andere fort.",
    begun: "Die Aufnahme läuft.",
    again: "Die Aufnahme läuft wieder.",
    ended: (length, name) => `Aufnahme nach ${length} beendet. Sie heißt ${name}.`,
    nothing: (name) =>
      `Es wurde nichts aufgenommen: Der Browser hat keinen Ton geliefert. Zum Wiederholen auf Aufnehmen drücken.${name && ` Der Titel ${name} bleibt dafür erhalten.`}`,
    behind: "Der Server hängt nach: Die Aufnahme ist hier gesichert und wird später gesendet.",
    caughtUp: "Der Server hat alles.",
  },

  list: {
    all: "Alle",
    starred: "Mit Stern",
    unread: "Neue Worte",
    menu: (/** @type {string} */ name) => `Mehr zu ${name}`,
    play: (/** @type {string} */ name) => `${name} abspielen`,
    pause: (/** @type {string} */ name) => `${name} anhalten`,
    doTo: (what, name) => `${what}: ${name}`,
    unreadable: (problem) => `Die Aufnahmen konnten nicht gelesen werden: ${problem} Die Seite versucht es weiter.`,
    polled:
      "Was anderswo geschieht, kommt hier ein paar Sekunden später an: Die Live-Verbindung zum Server kommt nicht zustande. Die Seite versucht es weiter.",
    screens: (n) => `+${some(n, "Fenster", "Fenster")}`,
    arrived: (name, text) => `${name}: ${text || "Es war nichts zu verstehen."}`,
  },

  clip: {
    elsewhere: "Wird gerade in einem anderen Tab aufgenommen",
    left: "Der Tab wurde während der Aufnahme geschlossen. Alles bis dahin ist gesichert.",
    finish: "Abschließen",
    finishNow: "Jetzt abschließen",
    refused: (problem) =>
      `Der Server hat sie nicht genommen: ${problem ?? "Er hat keinen Grund genannt."} Der Ton bleibt auf diesem Gerät.`,
    sending: (percent) => (percent < 100 ? `Wird gesendet … ${percent} %` : "Wird gesendet … kommt an"),
    kept: "Auf diesem Gerät gesichert, wird gesendet.",
    recording: "Wird gerade aufgenommen",
    stalled: "Wartet auf das Aufnahmegerät: pausiert, offline oder fort",
    waiting: "Wartet auf das Transkript",
    transcribing: "Wird transkribiert …",
    percent: (percent) => `${percent} %`,
    failed: "Das Transkribieren ist misslungen.",
    off: "Kein Transkript: Auf diesem Server ist keine Spracherkennung eingerichtet.",
    wordless: "Es war nichts zu verstehen.",
    unplayed: "Es gibt nichts abzuspielen. „Herunterladen“ gibt die Datei, wie sie kam.",
    unknown: "In einem Zustand, den diese Version der Seite nicht kennt",
    detect: "Erkennen",
    detected: (language) => `Erkennen (${language})`,
    language: "Sprache",
  },

  /** What a clip's page says beside its words. */
  clipPage: {
    hearAgain: "Noch einmal anhören",
    spoken: "Gesprochene Sprache",
    gaps: (/** @type {number} */ n) => some(n, "Lücke", "Lücken"),
    deletedForGood: "Die Aufnahme wurde anderswo endgültig gelöscht.",
    unsavedText: (/** @type {string} */ name, /** @type {string} */ why) =>
      `Deine Worte für „${name}“ sind nicht gespeichert. ${why}`,
    unsavedNotes: (name, why) => `Deine Notizen zu „${name}“ sind nicht gespeichert. ${why}`,
    unsavedName: (/** @type {string} */ name, /** @type {string} */ why) => `Der Name „${name}“ ist nicht gespeichert. ${why}`,
    backToIt: "Zurück dazu",
    changedElsewhere: "Die Worte wurden inzwischen anderswo geändert.",
  },

  details: {
    title: "Einzelheiten",
    recorded: "Aufgenommen",
    length: "Länge",
    sound: "Ton",
    language: "Sprache",
    found: (/** @type {string} */ language) => `${language}, wie erkannt`,
    chosen: (/** @type {string} */ language) => `${language}, wie gewählt`,
    words: "Wörter",
    recognizer: "Aufgeschrieben von",
    gaps: "Lücken",
    none: "Keine",
  },

  history: {
    heard: "Wie es verstanden wurde",
    edited: (/** @type {string} */ at) => `Wie bearbeitet am ${at}`,
    current: "Jetzt gezeigt",
    compare: "Vergleichen",
    compareOf: (/** @type {string} */ title) => `„${title}“ vergleichen`,
    restoreOf: (/** @type {string} */ title) => `„${title}“ wiederherstellen`,
    with: "Verglichen mit",
    same: "Beide sagen dasselbe.",
    equal: (/** @type {string} */ n) => `${n} gleiche Wörter`,
    empty: "Noch sind keine Worte aufgeschrieben, also gibt es keinen Verlauf.",
    unread: (/** @type {string} */ why) => `Der Verlauf konnte nicht gelesen werden. ${why}`,
    offline: "Der Verlauf ist auf dem Server. Er ist wieder da, sobald es eine Verbindung gibt.",
    restored: (/** @type {string} */ title) => `Wieder gezeigt: „${title}“.`,
    revisions: "Fassungen der Worte",
    difference: "Was anders ist",
    characters: (/** @type {string} */ n) => `${n} Zeichen`,
  },

  find: {
    none: "Nichts gefunden",
    count: (/** @type {string} */ at, /** @type {string} */ all) => `${at} von ${all}`,
    replaced: (/** @type {number} */ n) => `An ${some(n, "Stelle", "Stellen")} ersetzt.`,
  },

  told: {
    unreadable: "Das ist keine Tondatei, die sich lesen lässt: Sie ist von anderer Art, oder sie wurde beim Speichern abgeschnitten.",
    undecodable: "Der Ton in dieser Datei ist beschädigt: Nichts davon lässt sich dekodieren.",
    noSound: "In dieser Datei ist kein Ton.",
    endsEarly: "Die Datei endet, bevor ihr Ton beginnt: Sie wurde beim Speichern abgeschnitten.",
    nothingRecorded: "Es wurde nichts aufgenommen: Kein Byte Ton ist hier angekommen.",
    notJoined: "Die Teile dieser Aufnahme lassen sich nicht zusammenfügen; jeder von ihnen ist aufbewahrt.",
    notInStore: "Der Ton dieser Aufnahme ist nicht im Speicher.",
    tooLong: (hours) =>
      `Der Ton ist länger als ${hours} Stunden; mehr transkribiert dieser Server nicht (MAX_AUDIO_HOURS). Alle Bytes sind aufbewahrt.`,
    implausible: "Die Datei gibt weit mehr Ton vor, als so wenige Bytes enthalten können. Alle Bytes sind aufbewahrt.",
    tooSlow: "Das Dekodieren dauert weit länger als bei Ton dieser Länge üblich. Alle Bytes sind aufbewahrt.",
    full: "Die Platte des Servers ist voll. Wer ihn betreibt, kann Platz schaffen; dann geht es von selbst weiter.",
    stuck: "Das Transkribieren blieb bei dieser Aufnahme hängen und wurde neu gestartet.",
    stuckMaking: "Das Umwandeln blieb hängen und wurde neu gestartet.",
    stoppedMaking: (times) => `Das Umwandeln ist ${times}-mal abgebrochen.`,
    again: (number, most) => `Nächster Versuch (${number} von ${most}).`,
    givenUp: (times) => `Es wurde ${times}-mal versucht; der Ton ist aufbewahrt, später lässt es sich noch einmal versuchen.`,
  },

  refusals: {
    "This is a dictation in a format of its recorder's maker (DSS, DS2 or Sony MSV), which only the maker's program reads. Save it there as WAV or MP3, and send that.":
      "Das ist ein Diktat im Format eines Geräteherstellers (DSS, DS2 oder Sony MSV), das nur dessen Programm liest. Speichere es dort als WAV oder MP3 und sende das.",
    "This is an Audible audiobook, and it is protected: only Audible's own apps play it. Send a copy without copy protection.":
      "Das ist ein Hörbuch von Audible, und es ist geschützt: Nur Audibles eigene Apps spielen es ab. Sende eine Kopie ohne Kopierschutz.",
    "The sound in this file is encrypted (DRM): only the app that it comes from can play it. Send a copy without copy protection.":
      "Der Ton in dieser Datei ist verschlüsselt (DRM): Nur die App, aus der sie stammt, kann ihn abspielen. Sende eine Kopie ohne Kopierschutz.",
    "This file was cut off while it was saved: the index that MP4 writes at its end is missing, and without it nothing can be played. Send it once more from the device that made it.":
      "Diese Datei wurde beim Speichern abgeschnitten: Das Verzeichnis, das MP4 an sein Ende schreibt, fehlt, und ohne das lässt sich nichts abspielen. Sende sie noch einmal von dem Gerät, das sie aufgenommen hat.",
    "This is MIDI: it holds notes and no sound. Export it from a music program as WAV or MP3, and send that.":
      "Das ist MIDI: Es enthält Noten und keinen Ton. Exportiere es aus einem Musikprogramm als WAV oder MP3 und sende das.",
    "This is a playlist: it names sound files and holds no sound. Send the files that it names.":
      "Das ist eine Wiedergabeliste: Sie nennt Tondateien und enthält keinen Ton. Sende die Dateien, die sie nennt.",
    "This is a project of an audio program, and its sound lies elsewhere or in parts. Export it there as WAV, MP3 or M4A, and send that.":
      "Das ist das Projekt eines Audioprogramms, und sein Ton liegt anderswo oder in Teilen. Exportiere es dort als WAV, MP3 oder M4A und sende das.",
    "This is an archive (zip, rar and the like). Unpack it, and send the sound files that are in it.":
      "Das ist ein Archiv (zip, rar und dergleichen). Entpacke es und sende die Tondateien, die darin sind.",
    "This is a picture: there is no sound in it. Send the recording or the video itself.":
      "Das ist ein Bild: Es enthält keinen Ton. Sende die Aufnahme oder das Video selbst.",
    "This is a document: there is no sound in it. Send the recording itself.":
      "Das ist ein Dokument: Es enthält keinen Ton. Sende die Aufnahme selbst.",
    "This is a web page and not the sound that it shows: perhaps the download needed a sign-in. Save the sound itself, and send that.":
      "Das ist eine Webseite und nicht der Ton, den sie zeigt: Vielleicht verlangte der Download eine Anmeldung. Speichere den Ton selbst und sende das.",
    "This is text: there is no sound in it. Send the recording itself.":
      "Das ist Text: Er enthält keinen Ton. Sende die Aufnahme selbst.",
    "This is a sound format that cannot be read here (Musepack, DSD, Sony's ATRAC, MXF and the like). Convert it to WAV, FLAC, MP3 or M4A, with VLC for example, and send that.":
      "Das ist ein Tonformat, das hier nicht gelesen werden kann (Musepack, DSD, Sonys ATRAC, MXF und dergleichen). Wandle es in WAV, FLAC, MP3 oder M4A um, zum Beispiel mit VLC, und sende das.",
    "This video has no sound.":
      "Dieses Video hat keinen Ton.",
    "These bytes are no audio that we know: WebM, MP4, Ogg, WAV, MP3, AAC, FLAC, CAF, AMR, WMA and the like.":
      "Diese Bytes sind kein Ton, den wir kennen: WebM, MP4, Ogg, WAV, MP3, AAC, FLAC, CAF, AMR, WMA und dergleichen.",
  },

  gaps: {
    muted: "das Mikrofon war stumm",
    frozen: "der Browser gab keinen Ton",
    lost: "das Aufnahmegerät sendete nicht mehr",
    interrupted: "das Mikrofon war fort",
    closed: "der Tab war geschlossen",
    unheard: "in diesem Teil ist nichts zu hören",
    missing: "etwas davon fehlt",
    more: (n) => `und ${n} weitere`,
    told: (n, places) => `${some(n, "Lücke", "Lücken")}: ${places}.`,
    shorter: (length) => `Der Ton ist ${length} kürzer als die Zeit, die vergangen ist.`,
  },

  bin: {
    restored: "Wiederhergestellt.",
    moved: (name) => `„${name}“ ist im Papierkorb.`,
    elsewhere: "Das wurde anderswo gelöscht.",
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
    kept: (days, shown) => `Gelöschtes bleibt ${some(days, "Tag", "Tage", shown)} lang erhalten.`,
    save: (name) => `${name} herunterladen`,
    restore: (name) => `Wiederherstellen: ${name}`,
    erase: (name) => `Endgültig löschen: ${name}`,
    eraseOne: {
      title: (name) => `„${name}“ endgültig löschen?`,
      sentence: "Ton, Worte und Notizen sind dann fort, hier und auf dem Server. Das lässt sich nicht zurücknehmen.",
      action: "Endgültig löschen",
    },
    erased: (name) => `„${name}“ ist endgültig gelöscht.`,
    empty: {
      title: "Papierkorb leeren?",
      sentence:
        "Ton, Worte und Notizen aller Aufnahmen im Papierkorb sind dann fort, hier und auf dem Server. Das lässt sich nicht zurücknehmen.",
      action: "Papierkorb leeren",
    },
    unemptied: (why) => `Der Papierkorb konnte nicht geleert werden. ${why}`,
  },

  firstVisit: {
    taken: (most) =>
      `Angenommen werden M4A, MP3, WAV, FLAC, Ogg, WebM, MP4, MOV und fast alles andere, das Ton hat${most.length ? `, je Datei bis zu ${most.join(" und ")}` : ""}.`,
  },

  settings: {
    recording: "Aufnehmen",
    test: "Mikrofon testen",
    testEnd: "Test beenden",
    testing: "Sprich: Die Balken folgen deiner Stimme. Nichts davon wird aufbewahrt.",
    spoken: "Sprache, die du sprichst",
    spokenHint: "Für neue Aufnahmen auf diesem Gerät. Auf der Seite einer Aufnahme lässt sich ihre Sprache ändern.",
    detect: "Erkennen",
    captions: "Worte während der Aufnahme",
    captionsHint: "Nach der Aufnahme kommen die Worte auf jeden Fall.",
    look: "Sprache und Aussehen",
    pageLanguage: "Sprache dieser Seite",
    asBrowser: "Wie im Browser",
    machineMade: (name) => `${name} (maschinell übersetzt)`,
    machineHint: "Diese Sprache wurde maschinell übersetzt, und noch niemand, der sie spricht, hat sie gelesen.",
    theme: "Farben",
    themes: { system: "Wie das System", light: "Hell", dark: "Dunkel" },
    showKeys: "Alle Tasten",
    device: "Dieses Gerät",
    unsent: "Noch nicht gesendet",
    allSent: "Nichts: Der Server hat alles",
    changes: (n, shown) => some(n, "Änderung", "Änderungen", shown),
    soundKept: "Ton, der ohne Netz spielt",
    used: "Platz, den diese Seite belegt",
    keep: "Den Browser bitten, es zu behalten",
    clearSound: "Diesen Ton entfernen",
    server: "Der Server",
    library: "Aufnahmen",
    length: "Länge",
    openBin: "Papierkorb öffnen",
    clips: (n, shown) => (n ? some(n, "Aufnahme", "Aufnahmen", shown) : "Keine"),
    lastSeen: (when, why) => `${why} Das ist der Stand vom ${when}.`,
    takeoutHint:
      "Importiert werden Ton, Video oder eine exportierte Sammlung; was schon hier ist, bleibt, wie es ist. Der Export ist ein zip mit allem Ton und allen Worten.",
    import: "Importieren",
    about: "Über Dictaphone",
    version: "Version",
    licence: "Lizenz",
    aboutWords:
      "Dictaphone ist freie Software. Handbuch und Quelltext liegen beieinander; die Schnittstelle dieses Servers steht anderen Programmen offen.",
    installByHand: "Als App: Drück auf Teilen, dann auf „Zum Home-Bildschirm“.",
    install: "Als App installieren",
    api: "Schnittstelle des Servers",
  },

  player: {
    play: "Abspielen",
    pause: "Pause",
    /** @param {string} at @param {string} whole */
    of: (at, whole) => `${at} von ${whole}`,
    /** @param {string} at */
    playFrom: (at) => `Ab ${at} abspielen`,
    notAllowed: "Der Ton ist bereit. Bitte noch einmal auf Abspielen drücken.",
    notSupported: "Der Ton konnte nicht geladen werden, oder dieser Browser kennt sein Format nicht.",
    copied: "Kopiert.",
    /** @param {string} reason */
    unsaved: (reason) => `Noch nicht gespeichert. ${reason}`,
    unknown: "Die Aufnahme zu diesem Link gibt es hier nicht. Vielleicht wurde sie endgültig gelöscht.",
    deleted: "Die Aufnahme zu diesem Link liegt im Papierkorb.",
    /** @param {string} reason */
    unopened: (reason) => `Die Aufnahme zu diesem Link konnte nicht geöffnet werden. ${reason}`,
    done: "Fertig",
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
        ["Ctrl F", "In der Aufnahme suchen und ersetzen"],
        ["M", "Diese Stelle merken"],
        ["R", "Aufnehmen"],
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
    results: "Gefundenes",
    reading: "Ältere Aufnahmen werden geladen …",
    /** @param {string} why */
    unread: (why) => `Ältere Aufnahmen konnten nicht geladen werden: ${why}`,
    passages: "Fundstellen",
    /** @param {string} tag */
    withTag: (tag) => `Aufnahmen mit dem Schlagwort ${tag}`,
    /** @param {string} what */
    without: (what) => `${what} entfernen`,
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

  offline: {
    newVersion: "Eine neue Version ist da.",
    outdated: "Von dieser Seite gibt es eine neue Version: lade sie neu.",
    unsent: "noch nicht gesendet",
    wasRecording: "Nahm auf, als die Verbindung abbrach",
    recalled: "Der Server ist nicht erreichbar. So sahen die Aufnahmen auf diesem Gerät zuletzt aus.",
    conflict: {
      notes: (theirs) => `Die Notizen wurden anderswo geändert: „${theirs}“. Deine sind nicht gespeichert.`,
      text: (theirs) => `Der Text wurde anderswo geändert: „${theirs}“. Deiner ist nicht gespeichert.`,
      name: (theirs) => `Der Name wurde anderswo geändert: „${theirs}“. Deiner ist nicht gespeichert.`,
    },
    givenUp: "Du hast den anderen genommen.",
    /** @type {Record<import("../shared/types.js").Change["kind"], (title: string, problem: string) => string>} */
    refused: {
      name: (title, problem) => `„${title}“ konnte nicht umbenannt werden. ${problem}`,
      text: (title, problem) => `Dein Text für „${title}“ konnte nicht gespeichert werden. ${problem}`,
      language: (title, problem) => `Die Sprache von „${title}“ konnte nicht geändert werden. ${problem}`,
      tags: (title, problem) => `Die Schlagwörter von „${title}“ konnten nicht geändert werden. ${problem}`,
      delete: (title, problem) => `„${title}“ konnte nicht gelöscht werden. ${problem}`,
      restore: (title, problem) => `„${title}“ konnte nicht wiederhergestellt werden. ${problem}`,
      notes: (title, problem) => `Deine Notizen zu „${title}“ konnten nicht gespeichert werden. ${problem}`,
      markers: (title, problem) => `Die Marken von „${title}“ konnten nicht gespeichert werden. ${problem}`,
      starred: (title, problem) => `„${title}“ konnte nicht markiert werden. ${problem}`,
      retry: (title, problem) => `„${title}“ konnte nicht neu transkribiert werden. ${problem}`,
    },
    copy: "Text kopieren",
    dismiss: "Verstanden",
  },

  takeout: {
    bringing: (name) => `„${name}“ wird hereingeholt …`,
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

  selection: {
    join: "Zu einer Aufnahme verbinden",
    joined: (number) => `${number} Aufnahmen sind eine neue; sie selbst bleiben, wie sie sind.`,
    mostJoined: (number) => `Höchstens ${number} Aufnahmen lassen sich verbinden.`,
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

  markers: {
    title: "Marken",
    add: "Diese Stelle merken",
    text: "Was ist hier?",
    toDo: "Zu tun",
    hint: "Schreib hier. Eine Zeile, die mit - [ ] beginnt, ist etwas, das zu tun ist.",
    of: (time) => `Marke bei ${time}`,
    remove: (time) => `Marke bei ${time} entfernen`,
    most: (number) => `Eine Aufnahme hat höchstens ${number} Marken.`,
  },

  trim: {
    title: "Schneiden",
    from: "Anfang des Abschnitts",
    to: "Ende des Abschnitts",
    startHere: "Anfang hier",
    endHere: "Ende hier",
    listen: "Anhören",
    keep: "Nur das behalten",
    cut: "Das herausschneiden",
    split: "Am Anfang teilen",
    whole: "Alles zurückholen",
    chosen: (from, to) => `${from} bis ${to} ist gewählt.`,
    removed: (length) => `${length} der Aufnahme sind herausgeschnitten; sie bleiben erhalten.`,
    done: (length) => `Die Aufnahme ist jetzt ${length} lang.`,
    splitDone: "Es sind jetzt zwei Aufnahmen.",
  },
};
