/** The pieces that a MediaRecorder hands out: in which container they come, and how their bytes are read. */

/**
 * How often the bytes of a piece are asked for, how long each time, and the pause between. WebKit fails to read a Blob
 * now and then, and gives its bytes when it is asked again.
 */
const READS = 3;
const READ_MS = 2_000;
const READ_PAUSE_MS = 200;

/** Containers in the order of our wish. Safari makes fragmented MP4 well and WebM badly; all others the reverse. */
const WEBM_FIRST = [
  "audio/webm;codecs=opus",
  "audio/webm",
  "audio/mp4;codecs=mp4a.40.2",
  "audio/mp4",
  "audio/ogg;codecs=opus",
];
const MP4_FIRST = ["audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/webm;codecs=opus", "audio/webm"];

/**
 * The first container that this browser can record; empty: leave it to the browser.
 * @param {(mime: string) => boolean} can @param {boolean} safari
 */
export function container(can, safari) {
  return (safari ? MP4_FIRST : WEBM_FIRST).find(can) ?? "";
}

/**
 * The bytes of a piece, by another way at each try. Throws what the last one threw.
 * @param {Blob} data @returns {Promise<ArrayBuffer>}
 */
export async function bytesOf(data) {
  for (let read = 1; ; read += 1) {
    try {
      return await inTime(read % 2 ? data.arrayBuffer() : new Response(data).arrayBuffer());
    } catch (error) {
      if (read === READS) throw error;
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS));
    }
  }
}

/** A read that never answers has failed. @template T @param {Promise<T>} bytes @returns {Promise<T>} */
const inTime = (bytes) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the piece was not read in time")), READ_MS);
    bytes.then(resolve, reject).finally(() => clearTimeout(timer));
  });
