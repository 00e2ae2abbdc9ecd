/** What other apps have shared: a page of another site can share, too, so nothing is kept without a person's word. */

import { size } from "../shared/format.js";
import { words } from "../shared/words.js";

/** @typedef {Awaited<ReturnType<typeof import("./install.js").shared>>[number]} Shared */

/** @param {HTMLElement} element @param {Shared[]} files @param {(file: File) => Promise<unknown>} keep */
export function show(element, files, keep) {
  element.replaceChildren(...files.map((shared) => line(element, shared, keep)));
  element.hidden = !files.length;
}

/** @param {HTMLElement} element @param {Shared} shared @param {(file: File) => Promise<unknown>} keep */
function line(element, { file, forget }, keep) {
  const asked = document.createElement("p");
  /** @param {string} name @param {() => Promise<unknown>} work */
  const button = (name, work) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "link";
    made.textContent = name;
    made.addEventListener("click", async () => {
      for (const each of asked.querySelectorAll("button")) each.disabled = true;
      await work();
      await forget();
      asked.remove();
      element.hidden = !element.childElementCount;
    });
    return made;
  };
  asked.append(
    words.device.shared(file.name, size(file.size)),
    " ",
    button(words.device.keepShared, () => keep(file)),
    button(words.device.discardShared, async () => {}),
  );
  return asked;
}
