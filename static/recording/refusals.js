/** Why the microphone is not there, each time as the code of a sentence that says what to do. */

import { Problem } from "../shared/problem.js";
import { Soundless } from "./sources.js";

/** @typedef {import("../shared/problem.js").Reason} Reason */

/**
 * Why this page cannot record, or null.
 * @param {{secure: boolean, microphone: boolean, recorder: boolean}} has
 * @returns {Reason|null}
 */
export function obstacle({ secure, microphone, recorder }) {
  if (!microphone && !secure) return { code: "microphone.insecure" };
  if (!microphone) return { code: "microphone.none" };
  if (!recorder) return { code: "microphone.old" };
  return null;
}

/**
 * Why the microphone did not start.
 * @param {unknown} error from getUserMedia @param {Reason} [then] what comes after that
 * @returns {Reason}
 */
export function refusal(error, then = { code: "microphone.again" }) {
  if (error instanceof Problem) return error.reason;
  const { name = "", message = "" } = error instanceof Error ? error : {};
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return { code: /system/i.test(message) ? "microphone.system" : "microphone.denied", values: [then] };
    case "NotFoundError":
    case "OverconstrainedError":
      return { code: "microphone.missing", values: [then] };
    case "NotReadableError":
    case "AbortError":
      return { code: "microphone.busy", values: [then] };
    default:
      return { code: "microphone.failed", values: [message || name || { code: "microphone.noReason" }, then] };
  }
}

/**
 * Why the shared sound did not come.
 * @param {unknown} error from getDisplayMedia @returns {Reason}
 */
export function unshared(error) {
  if (error instanceof Soundless) return { code: "sources.soundless" };
  const { name = "", message = "" } = error instanceof Error ? error : {};
  if (name === "NotAllowedError") return { code: "sources.refused" };
  return { code: "sources.failed", values: [message || name || { code: "microphone.noReason" }] };
}
