/**
 * Keeps the page on this device, one version as a whole, and gives it out without asking the network. The server writes
 * a first line before this: SHELL, with the version and the files. What people said and changed is not kept here, but in
 * IndexedDB, by the page.
 */

const OURS = `shell-${SHELL.version}`;
/** Sound that was played or recorded here: static/offline/audio-cache.js fills it. */
const SOUNDS = "dictaphone-sounds";
/** Files that another app handed over, until a person keeps them: static/offline/install.js. */
const SHARED = "dictaphone-shared";
/** Files that may wait there: more than a person shares at once. */
const MAX_SHARED = 20;
/** Part of the browser's room for this site that they may take. */
const MAX_SHARED_ROOM = 0.25;

/** Addresses of the page's places; the server knows the same (services/api/app.py). */
const PLACES = /^\/(?:recording|settings|bin|clips\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/i;
/** Files whose addresses change with their content: one that the browser has already is the right one. */
const BUNDLED = "/static/bundle/";

/** Where the name of an open tab is noted, in the cache of the version that it was opened with. */
const mark = (/** @type {string} */ client) => `/client/${client}`;

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(begin()));
// Only a person's click makes a new version the one that new tabs get.
addEventListener("message", (event) => event.data === "activate" && skipWaiting());

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.method === "POST" && pathname === "/share") event.respondWith(take(request));
  else if (request.method !== "GET") return;
  else if (request.mode === "navigate" && request.destination === "document" && PLACES.test(pathname)) event.respondWith(page(event));
  else if (request.mode === "navigate" && pathname === "/sign-in") event.respondWith(fetch(request).catch(() => page(event)));
  else if (pathname.startsWith("/static/")) event.respondWith(file(event, pathname));
  else if (/\/(waveform|transcript\.json)$/.test(pathname)) event.respondWith(fresh(request));
});

/** Keep every file, or none; the server refuses those of any other version. */
async function keep() {
  const cache = await caches.open(OURS);
  try {
    await Promise.all(
      SHELL.files.map(async (path) => {
        const isBundled = path.startsWith(BUNDLED);
        const response = await (isBundled ? fetch(path) : fetch(`${path}?shell=${SHELL.version}`, { cache: "no-cache" }));
        if (!response.ok || response.redirected) throw new Error(`${path}: ${response.status}`);
        await cache.put(path, response);
      }),
    );
  } catch (error) {
    await caches.delete(OURS);
    throw error;
  }
}

/** Let go of the versions that no open tab was opened with. */
async function begin() {
  const open = await clients.matchAll({ includeUncontrolled: true, type: "window" });
  const others = (await caches.keys()).filter((name) => name.startsWith("shell-") && name !== OURS);
  for (const name of others) {
    const cache = await caches.open(name);
    const used = await Promise.all(open.map(({ id }) => cache.match(mark(id))));
    if (!used.some(Boolean)) await caches.delete(name);
  }
  // At the first visit the page is of this version, and goes on without a network from here; later there is an owner.
  if (others.length) return;
  const ours = await caches.open(OURS);
  await Promise.all(open.map(({ id }) => ours.put(mark(id), new Response())));
  await clients.claim();
}

/** The page itself, for a new tab or a reload. @param {FetchEvent} event */
async function page(event) {
  const cache = await caches.open(OURS);
  const kept = await cache.match("/");
  if (!kept) return fetch(event.request);
  event.waitUntil(cache.put(mark(event.resultingClientId), new Response()));
  return kept;
}

/** A file of the version that the tab was opened with. @param {FetchEvent} event @param {string} path */
async function file(event, path) {
  const ours = await caches.open(OURS);
  let cache = ours;
  if (event.clientId && !(await ours.match(mark(event.clientId)))) {
    for (const name of await caches.keys()) {
      if (!name.startsWith("shell-") || name === OURS) continue;
      const other = await caches.open(name);
      if (await other.match(mark(event.clientId))) cache = other;
    }
  }
  return (await cache.match(path)) ?? fetch(event.request);
}

/** What the server says, or, without it and for who is signed out, what is kept beside a clip's sound. @param {Request} request */
async function fresh(request) {
  const kept = () => caches.match(request.url, { cacheName: SOUNDS });
  try {
    const response = await fetch(request);
    return response.status === 401 ? ((await kept()) ?? response) : response;
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}

/**
 * Another app shares files. Pages of other sites can do that, too, without a person's word: so the files wait here until
 * somebody keeps them, and never fill the device. @param {Request} request
 */
async function take(request) {
  const cache = await caches.open(SHARED);
  const waiting = await Promise.all((await cache.keys()).map((key) => cache.match(key)));
  const { quota = Infinity } = (await navigator.storage?.estimate?.()) ?? {};
  let count = waiting.length;
  let bytes = waiting.reduce((sum, response) => sum + Number(response?.headers.get("X-Size")), 0);
  for (const file of (await request.formData()).getAll("files")) {
    if (!(file instanceof File)) continue;
    count += 1;
    bytes += file.size;
    if (count > MAX_SHARED || bytes > quota * MAX_SHARED_ROOM) return Response.redirect("/?shared=full", 303);
    const headers = {
      ...{ "Content-Type": file.type, "X-Name": encodeURIComponent(file.name) },
      ...{ "X-Size": String(file.size), "X-Modified": String(file.lastModified) },
    };
    await cache.put(`/shared/${Date.now()}-${count}`, new Response(file, { headers }));
  }
  return Response.redirect("/?shared", 303);
}
