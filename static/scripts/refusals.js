/** Why the microphone is not there, each time in a sentence that says what to do. */

import { Problem } from "./api.js";

/**
 * Why this page cannot record, in a sentence, or null.
 * @param {{secure: boolean, microphone: boolean, recorder: boolean}} has
 */
export function obstacle({ secure, microphone, recorder }) {
  if (!microphone && !secure) {
    return "Browsers give out the microphone only over HTTPS or on localhost. Open this page over HTTPS to record.";
  }
  if (!microphone) return "This browser gives pages no microphone. Open this page in another browser to record.";
  if (!recorder) return "This browser cannot record sound. Update it, or open this page in another one to record.";
  return null;
}

/**
 * Why the microphone did not start, in a sentence that says what to do.
 * @param {unknown} error from getUserMedia @param {string} [then] what comes after that
 */
export function refusal(error, then = "press Record again") {
  if (error instanceof Problem) return error.message;
  const { name = "", message = "" } = error instanceof Error ? error : {};
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(message)
        ? `The system keeps the microphone from this browser. Allow it in the privacy settings, then ${then}.`
        : `The microphone is not allowed for this page. Allow it beside the address bar, then ${then}.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No microphone was found. Plug one in or switch it on, then ${then}.`;
    case "NotReadableError":
    case "AbortError":
      return `The microphone is busy or does not answer. Close other programs that use it, then ${then}.`;
    default:
      return `The microphone did not start (${message || name || "the browser gives no reason"}): ${then}.`;
  }
}
