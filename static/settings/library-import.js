/** Libraries that come in as a zip; what goes out is a link. */

import { Problem, problemOf, reach } from "../shared/api.js";
import { sentenceOfError } from "../shared/sentences.js";
import { words } from "../shared/words.js";

/** More refusals than these are counted, not told. */
const MOST_TOLD = 5;

/**
 * Have the server take in the clips of a library; those that it has stay as they are.
 * @param {File} file @returns {Promise<string>} what came of it, in sentences
 */
export async function bring(file) {
  try {
    const response = await reach("/api/library", { method: "POST", body: file });
    if (!response.ok) throw await problemOf(response);
    const { taken, known, refused } = await response.json();
    const told = refused.slice(0, MOST_TOLD).map((/** @type {{name: string, detail: string}} */ { name, detail }) =>
      words.takeout.refused(name, detail),
    );
    return [words.takeout.brought(taken, known, refused.length), ...told].join("\n");
  } catch (error) {
    const told = words.takeout.failed(file.name, sentenceOfError(error));
    return error instanceof Problem && error.status === 422 ? `${told} ${words.takeout.unpack}` : told;
  }
}
