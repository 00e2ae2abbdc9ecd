/** What this device keeps of a person's clips for when there is no network; another person is not to find it. */

import { remember } from "../shared/preferences.js";

/** What was heard and read here. */
const TRACES = ["places", "read"];

/**
 * Forget it. What was recorded or changed here and is not sent stays: static/offline/journal.js, and `changes`.
 * @param {import("./memory.js").Memory} memory @param {import("./audio-cache.js").AudioCache} sounds
 */
export async function forgetCopies(memory, sounds) {
  for (const key of TRACES) remember(key, null);
  await Promise.allSettled([memory.clear("clips"), sounds.clear()]);
}
