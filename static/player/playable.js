/** Which sound of a clip this device can play: the clip's own, or the form that the server makes for any device. */

/** @typedef {import("../shared/types.js").Clip} Clip */

/** What failed on this device in this visit, though it claims to play it. @type {Set<string>} */
const refused = new Set();

/** Play no more sound of this type: Safari before iOS 17.4 claims WebM. @param {Clip} clip */
export function distrust({ mime }) {
  refused.add(mime);
}

/** Whether the clip's own sound can be played here, and has the clock of its words. @param {Clip} clip */
export async function playsOriginal({ mime, has_true_clock }) {
  if (has_true_clock === false || refused.has(mime) || !document.createElement("audio").canPlayType(mime)) return false;
  try {
    // It knows of decoders that are missing. It is to be asked only about a type that names its codec.
    const asked = mime.includes("codecs") && { type: "file", audio: { contentType: mime } };
    return !asked || (await navigator.mediaCapabilities.decodingInfo(/** @type {any} */ (asked))).supported;
  } catch {
    return true;
  }
}

/** Whether every app of every device takes the clip's own sound. @param {Clip} clip */
export function isUniversal({ mime, has_true_clock }) {
  return has_true_clock !== false && /^audio\/(mpeg$|mp4; ?codecs="?mp4a\.)/.test(mime);
}
