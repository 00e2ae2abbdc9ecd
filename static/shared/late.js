/** Parts of the page that come when somebody first needs them. */

import { Problem } from "./problem.js";

/** A network that comes back mostly does so at once: one more attempt is made after this pause. */
const PAUSE_MS = 400;

/**
 * A function that gives a part, which it fetches the first time. Whoever asks meanwhile waits for the same promise: in
 * WebKit a second `import()` of a part under way may fail (bug 242740). A part that does not come is asked for once more,
 * then it is a `Problem`, with a sentence; the next call begins anew.
 * @template T @param {() => Promise<T>} load `() => import("./part.js")`
 * @returns {() => Promise<T>}
 */
export function late(load, pause_ms = PAUSE_MS) {
  /** @type {Promise<T>|null} */
  let coming = null;
  const again = async () => {
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
    return load();
  };
  return () =>
    (coming ??= load()
      .catch(again)
      .catch(async (error) => {
        coming = null;
        const isOutdated = error instanceof SyntaxError || (await isGone());
        throw new Problem({ code: isOutdated ? "offline.outdated" : "server.unreachable" });
      }));
}

/** Whether the server has another version of the page now: it keeps no bundle but its own. A service worker would. */
async function isGone() {
  const answer = await fetch(import.meta.url, { method: "HEAD", cache: "no-store" }).catch(() => null);
  return answer?.status === 404;
}
