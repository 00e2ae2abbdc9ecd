/** What a file is, as the server knows it by its first bytes. It comes when files do. */

import { Problem, problemOf, reach } from "../shared/api.js";

/** By so much of its beginning the server knows what a file is. */
const HEAD_BYTES = 64 * 1024;

/**
 * The media type that the server gives a file, or why it does not take it; null: it gave no answer.
 * @param {File} file @param {AbortSignal} signal
 * @returns {Promise<{mime: string, refusal?: undefined}|{refusal: import("../shared/problem.js").Reason, mime?: undefined}|null>}
 */
export async function ask(file, signal) {
  const options = { method: "POST", body: file.slice(0, HEAD_BYTES), signal };
  try {
    const response = await reach("/api/media-type", options);
    if (!response.ok) throw await problemOf(response);
    return { mime: (await response.json()).mime };
  } catch (error) {
    if (!(error instanceof Problem && error.isOurs && error.status === 415)) return null;
    return { refusal: { code: "device.strangeFile", values: [file.name, error.reason] } };
  }
}
