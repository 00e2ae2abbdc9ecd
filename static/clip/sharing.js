/** What another app is given of a clip: its words, and its sound, if it is here, in a form that every app takes. */

import { Problem } from "../shared/api.js";
import { fileName } from "../shared/format.js";
import { isUniversal } from "../player/playable.js";
import { formAddress, made } from "../player/renditions.js";
import { words } from "../shared/words.js";

/** @typedef {import("../shared/types.js").Clip} Clip */

/** Half an hour of speech or more. All of it is in memory, and apps that take more are few. */
const MAX_SHARED_BYTES = 50 * 1000 ** 2;

/** The file that was made last: a browser may want a second click when the first one is long ago. */
let last = { of: "", file: /** @type {File|null} */ (null) };

/**
 * Throws a `Problem` when there is no such clip, and an `AbortError` when it is given up.
 * @param {import("../shared/actions.js").Actions} actions @param {string} id @param {import("../player/renditions.js").How} how
 * @returns {Promise<ShareData>}
 */
export async function shareable({ api, library, sounds }, id, how) {
  const clip = library.get(id)?.clip;
  if (!clip) throw new Problem(words.device.audioGone);
  // A list has the beginning of the words alone.
  const { text } = clip.text === undefined ? await api.get(id) : clip;
  const data = { title: clip.name, text: text ?? "" };
  const of = `${id} ${clip.version}`;
  // Where there was none, it may have been played since.
  if (last.of !== of || !last.file) last = { of, file: await soundOf(api, clip, sounds, how) };
  const files = last.file ? [last.file] : [];
  return files.length && navigator.canShare?.({ ...data, files }) ? { ...data, files } : data;
}

/**
 * The sound as a file, if it was heard or recorded here; null where it was not. What is kept here goes along as it is
 * where the form for any device cannot be had.
 * @param {import("../shared/api.js").Api} api @param {Clip} clip @param {import("../offline/audio-cache.js").AudioCache|undefined} sounds
 * @param {import("../player/renditions.js").How} how
 */
async function soundOf(api, clip, sounds, how) {
  const kept = await sounds?.find(clip);
  if (!kept) return null;
  const isTaken = isUniversal({ ...clip, mime: kept.type });
  const sound = isTaken ? kept : await fetched(formAddress(api, clip.id, "m4a"), how);
  const { type } = sound ?? kept;
  const mime = type.split(";")[0];
  return new File([sound ?? kept], fileName(clip.name, mime), { type: mime });
}

/** What is at an address; null: it cannot be had. @param {string} address @param {import("../player/renditions.js").How} how */
async function fetched(address, how) {
  try {
    await made(address, how);
    how.waits?.();
    const response = await fetch(address, { signal: how.signal });
    if (response.ok && Number(response.headers.get("Content-Length")) <= MAX_SHARED_BYTES) return await response.blob();
    await response.body?.cancel();
  } catch {
    how.signal?.throwIfAborted();
  }
  return null;
}
