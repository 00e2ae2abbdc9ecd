/** What this is, which version of it, and how it becomes an app. */

import { make } from "../shared/element.js";
import { words } from "../shared/words.js";
import { button, buttons, factsOf, section, sentence } from "./fields.js";

/** @param {string|null} version of the server @param {ParentNode} page */
export function aboutSection(version, page) {
  const said = words.settings;
  const install = page.querySelector('[data-part="install"]');
  const update = page.querySelector('[data-part="update"]');
  const canInstall = install instanceof HTMLElement && !install.hidden;
  const isNew = update instanceof HTMLElement && !update.hidden;
  const isApp = matchMedia("(display-mode: standalone)").matches || /** @type {any} */ (navigator).standalone === true;
  // Of iOS alone: there a person adds the page by hand.
  const isByHand = !isApp && "standalone" in navigator;
  return section(
    said.about,
    factsOf(version ? [said.version, version] : null, [said.licence, "MIT"]),
    sentence(said.aboutWords),
    isNew ? sentence(words.offline.newVersion) : null,
    isByHand ? sentence(said.installByHand) : null,
    buttons(
      canInstall ? button(said.install, () => install.click(), "install") : null,
      // The reload of the new version saves what is typed first.
      button(words.page.reload, () => (isNew ? press(update, "reload") : location.reload()), "reload"),
      make("a", { className: "quiet", href: "/openapi.json", textContent: said.api }),
    ),
  );
}

/** @param {Element} within @param {string} name */
function press(within, name) {
  const found = within.querySelector(`[data-part="${name}"]`);
  if (found instanceof HTMLElement) found.click();
}
