/** The page as an app: kept on the device, handed files by others, and new versions offered, never forced. */

/** Where the service worker puts what another app shared. */
const SHARED = "dictaphone-shared";

/** How often a page that stays open asks for a new version; browsers ask at each visit by themselves. */
const ASK_MS = 60 * 60_000;

/** Emits `ready` when a new version waits for a person's word. */
export class Installation extends EventTarget {
  /** @type {ServiceWorker|null} */
  #waiting = null;

  /** Have this page kept by the browser, and learn of the next ones. */
  async begin() {
    const workers = navigator.serviceWorker;
    if (!workers) return;
    // Another tab may have let the new version in: then it is what a reload here gets.
    const had = workers.controller;
    workers.addEventListener("controllerchange", () => had && this.#wait(workers.controller));
    // Without a network, or in a browser that keeps nothing, the page goes on as it is.
    const kept = await workers.register("/service-worker.js", { updateViaCache: "none" }).catch(() => null);
    if (!kept) return;
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

/**
 * Do what the page was opened for: to record, for which the button is at hand, or with files from other apps.
 * @param {HTMLElement} record @param {(files: File[]) => Promise<unknown>} take resolves when they are safe here
 */
export function launched(record, take) {
  if (new URLSearchParams(location.search).has("record")) record.focus();
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  void takeShared(take);
}

/** What is taken is forgotten there, and not before. @param {(files: File[]) => Promise<unknown>} take */
async function takeShared(take) {
  if (!globalThis.caches || !(await caches.has(SHARED))) return;
  const cache = await caches.open(SHARED);
  for (const request of await cache.keys()) {
    const shared = await cache.match(request);
    if (!shared) continue;
    const type = shared.headers.get("Content-Type") ?? "";
    const name = decodeURIComponent(shared.headers.get("X-Name") ?? "");
    await take([new File([await shared.blob()], name, { type })]);
    await cache.delete(request);
  }
}
