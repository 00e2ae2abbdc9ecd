/** The title of the tab: the place that is shown, and before it the recording that runs, wherever one is. */

let shown = "";
let running = "";

/** @param {string} place what is shown; empty: the list */
export function titlePlace(place) {
  shown = place;
  write();
}

/** @param {string} recording how far it is; empty: none runs */
export function titleRecording(recording) {
  running = recording;
  write();
}

function write() {
  const place = [shown, "Dictaphone"].filter(Boolean).join(" – ");
  const title = [running, place].filter(Boolean).join(" · ");
  if (document.title !== title) document.title = title;
}
