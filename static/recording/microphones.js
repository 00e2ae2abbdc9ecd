/** Microphones: opened by their ids, and let go. */

/** @param {string} device its id, or nothing for the default */
export const open = (device) =>
  navigator.mediaDevices.getUserMedia({ audio: device ? { deviceId: { exact: device } } : true });

/** The chosen one may be gone for good; any other hears more than none. @param {string} device */
export const openOrAny = (device) =>
  open(device).catch((error) => {
    const isGone = error?.name === "OverconstrainedError" || error?.name === "NotFoundError";
    return device && isGone ? open("") : Promise.reject(error);
  });

/** Let go of a microphone, or of a sound that is shared. @param {MediaStream} stream */
export function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
