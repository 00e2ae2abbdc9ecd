/** Why the microphone is not there, each time in a sentence that says what to do. */

import { Problem } from "../shared/api.js";
import { words } from "../shared/words.js";

/**
 * Why this page cannot record, in a sentence, or null.
 * @param {{secure: boolean, microphone: boolean, recorder: boolean}} has
 */
export function obstacle({ secure, microphone, recorder }) {
  if (!microphone && !secure) return words.microphone.insecure;
  if (!microphone) return words.microphone.none;
  if (!recorder) return words.microphone.old;
  return null;
}

/**
 * Why the microphone did not start, in a sentence that says what to do.
 * @param {unknown} error from getUserMedia @param {string} [then] what comes after that
 */
export function refusal(error, then = words.microphone.again) {
  if (error instanceof Problem) return error.message;
  const { name = "", message = "" } = error instanceof Error ? error : {};
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return words.microphone[/system/i.test(message) ? "system" : "denied"](then);
    case "NotFoundError":
    case "OverconstrainedError":
      return words.microphone.missing(then);
    case "NotReadableError":
    case "AbortError":
      return words.microphone.busy(then);
    default:
      return words.microphone.failed(message || name || words.microphone.noReason, then);
  }
}
