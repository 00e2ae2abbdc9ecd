/** The newest clips that came inside the page: they are shown before anything is asked for. */

/** @typedef {import("./types.js").Page} Page */

/** Take the list out of the page; null: it came without one, or a service worker gave it. @returns {Page|null} */
export function firstList(from = document) {
  const element = from.getElementById("first-list");
  if (!element) return null;
  // It is the truth of one moment: whoever comes later asks the server.
  element.remove();
  return JSON.parse(element.textContent ?? "");
}
