/** Asks before something is done that cannot be taken back. */

import { make } from "./element.js";
import { styled } from "./style-sheets.js";
import { words } from "./words.js";

/**
 * Say what will be gone, and wait for an answer. Escape, Cancel and a click beside it mean no.
 * @param {{title: string, sentence: string, action: string}} about `action`: what the button says
 * @returns {Promise<boolean>}
 */
export async function confirmed({ title, sentence, action }) {
  await styled("shared/sheet");
  const cancel = make("button", { type: "button", className: "quiet", textContent: words.page.cancel, autofocus: true });
  const act = make("button", { type: "button", className: "quiet grave", textContent: action });
  const dialog = make(
    "dialog",
    { className: "sheet confirmation" },
    make("h2", { id: "confirmation-title", textContent: title, dir: "auto" }),
    make("p", { id: "confirmation-words", textContent: sentence, dir: "auto" }),
    make("div", { className: "answers" }, cancel, act),
  );
  dialog.setAttribute("aria-labelledby", "confirmation-title");
  dialog.setAttribute("aria-describedby", "confirmation-words");
  document.body.append(dialog);
  return new Promise((resolve) => {
    let isMeant = false;
    act.addEventListener("click", () => {
      isMeant = true;
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isMeant);
    });
    dialog.showModal();
  });
}
