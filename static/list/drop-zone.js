/** Files dropped anywhere on the page, or chosen by the button. */

import { late } from "../shared/late.js";
import { part } from "../shared/element.js";

const folders = late(() => import("./folders.js"));

/** @param {HTMLElement} page @param {(files: File[]) => void} take */
export function acceptFiles(page, take) {
  const input = part(page, "files", HTMLInputElement);
  const veil = part(page, "veil", HTMLElement);
  for (const button of page.querySelectorAll("[data-choose]")) button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = ""; // The same file can be chosen again.
  });
  // `dragleave` also comes when the pointer passes from one element to the next: count in and out.
  let depth = 0;
  /** @param {DragEvent} event @param {number} by */
  const move = (event, by) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    depth = by ? depth + by : 0;
    veil.hidden = depth <= 0;
  };
  addEventListener("dragenter", (event) => move(event, 1));
  addEventListener("dragleave", (event) => move(event, -1));
  addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  addEventListener("drop", async (event) => {
    move(event, 0);
    const files = event.dataTransfer ? await filesOf(event.dataTransfer) : [];
    if (files.length) take(files);
  });
}

/** @param {DataTransfer} dropped */
async function filesOf(dropped) {
  const files = [...dropped.files];
  // They can be asked for only as long as the event lasts.
  const entries = [...dropped.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  const { filesWithin } = await folders();
  return (await Promise.all(entries.map(filesWithin))).flat();
}
