/** The page as an app: kept on the device, handed files by others, and new versions offered, never forced. */

/** Where the service worker puts what another app shared. */
const SHARED = "dictaphone-shared";

/** How often a page that stays open asks for a new version; browsers ask at each visit by themselves. */
const ASK_MS = 60 * 60_000;

/** Emits `ready` when a new version waits for a person's word. */
export class Installation extends EventTarget {
  /** @type {ServiceWorker|null} */
  #waiting = null;
  /** Whether the browser keeps this page. */
  isKept = false;

  /** Have this page kept by the browser, and learn of the next ones. */
  async begin() {
    const workers = navigator.serviceWorker;
    if (!workers) return;
    // Another tab may have let the new version in: then it is what a reload here gets.
    const had = workers.controller;
    workers.addEventListener("controllerchange", () => had && this.#wait(workers.controller));
    // Without a network, or in a browser that keeps nothing, the page goes on as it is.
    const kept = await workers.register(address(), { updateViaCache: "none" }).catch(() => null);
    if (!kept) return;
    this.isKept = true;
    if (kept.waiting && kept.active) this.#wait(kept.waiting);
    const watch = () => {
      const worker = kept.installing;
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed" && kept.active) this.#wait(worker);
      });
    };
    watch();
    kept.addEventListener("updatefound", watch);
    const ask = () => document.visibilityState === "visible" && void kept.update().catch(() => {});
    setInterval(ask, ASK_MS);
    document.addEventListener("visibilitychange", ask);
  }

  /** A person wants the new version, here and now. Other tabs stay as they are until they are reloaded. */
  reload() {
    const worker = this.#waiting;
    if (!worker || worker.state !== "installed") return location.reload();
    worker.addEventListener("statechange", () => worker.state === "activated" && location.reload());
    worker.postMessage("activate");
  }

  /** @param {ServiceWorker|null} worker */
  #wait(worker) {
    this.#waiting = worker;
    this.dispatchEvent(new CustomEvent("ready"));
  }
}

/** The service worker's address: the page's policy lets no plain text lead to a script (Trusted Types). */
function address() {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const policy = trustedTypes?.createPolicy("service-worker", { createScriptURL: () => "/service-worker.js" });
  return policy?.createScriptURL("") ?? "/service-worker.js";
}

/**
 * Do what the page was opened for: to record, for which the button is at hand, or with files from other apps.
 * @param {HTMLElement} record @returns {boolean} whether there was no room for a file that another app shared
 */
export function launched(record) {
  const search = new URLSearchParams(location.search);
  if (search.has("record")) record.focus();
  // Only the list is opened for something; other places have addresses of their own behind the `?`.
  if (location.search && location.pathname === "/") history.replaceState(history.state, "", location.pathname + location.hash);
  return search.get("shared") === "full";
}

/**
 * What other apps have shared and nobody has kept yet. It is forgotten when a person says so, and not before.
 * @returns {Promise<{file: File, forget: () => Promise<unknown>}[]>}
 */
export async function shared() {
  if (!globalThis.caches || !(await caches.has(SHARED))) return [];
  const cache = await caches.open(SHARED);
  const found = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    if (!response) continue; // another tab was faster
    const type = response.headers.get("Content-Type") ?? "";
    const name = decodeURIComponent(response.headers.get("X-Name") ?? "");
    const lastModified = Number(response.headers.get("X-Modified")) || Date.now();
    const file = new File([await response.blob()], name, { type, lastModified });
    found.push({ file, forget: () => cache.delete(request) });
  }
  return found;
}
