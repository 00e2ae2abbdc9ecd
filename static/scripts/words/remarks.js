/** What the page says of the sound of an open clip, in each language: it comes with the first clip that is opened. */

const en = {
  quiet: "The sound is very quiet. It was amplified for the transcript.",
  oppositePhase: "The two channels cancel each other out. The louder one was heard.",
  tracks: (/** @type {number} */ n, /** @type {string} */ says) => `${n} sound ${n === 1 ? "track" : "tracks"}: ${says}.`,
  heard: (/** @type {number} */ n, /** @type {string} */ numbers) =>
    n === 1 ? `track ${numbers} was heard` : `tracks ${numbers} were heard`,
  silent: (/** @type {number} */ n, /** @type {string} */ numbers) =>
    n === 1 ? `track ${numbers} is silent` : `tracks ${numbers} are silent`,
  notUnderstood: (/** @type {string} */ from, /** @type {string} */ to) => `Speech at ${from}–${to} was not understood.`,
  more: (/** @type {number} */ n) => `And ${n} more ${n === 1 ? "stretch" : "stretches"} not understood.`,
  listen: "Listen",
};

/** @type {typeof en} */
const de = {
  quiet: "Der Ton ist sehr leise. Für den Text wurde er verstärkt.",
  oppositePhase: "Die beiden Kanäle löschen einander aus. Gehört wurde der lautere.",
  tracks: (n, says) => `${n} ${n === 1 ? "Tonspur" : "Tonspuren"}: ${says}.`,
  heard: (n, numbers) => (n === 1 ? `Spur ${numbers} wurde gehört` : `die Spuren ${numbers} wurden gehört`),
  silent: (n, numbers) => (n === 1 ? `Spur ${numbers} ist stumm` : `die Spuren ${numbers} sind stumm`),
  notUnderstood: (from, to) => `Was bei ${from}–${to} gesprochen wird, wurde nicht verstanden.`,
  more: (n) => `Und ${n} weitere ${n === 1 ? "Stelle" : "Stellen"} nicht verstanden.`,
  listen: "Anhören",
};

export default /** @type {Record<string, typeof en>} */ ({ en, de });
