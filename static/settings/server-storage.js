/** What the server has, what comes in and goes out as a whole, and how long the bin keeps it. */

import { make } from "../shared/element.js";
import { dateTime, size, spoken } from "../shared/format.js";
import { locale, words } from "../shared/words.js";
import { button, buttons, factsOf, section, sentence } from "./fields.js";

/**
 * @param {import("../shared/server-facts.js").ServerFacts} facts @param {{choose: () => unknown, empty: () => unknown}} acts
 *   `choose`: files that come in; `empty`: the bin
 */
export function serverSection(facts, { choose, empty }) {
  const said = words.settings;
  const { storage, seen_ms } = facts.now;
  const { bin_days } = facts;
  const exporting = make("a", { className: "quiet", href: "/api/library.zip", textContent: words.takeout.exportAll });
  exporting.setAttribute("download", "");
  return section(
    said.server,
    facts.problem && seen_ms ? sentence(said.lastSeen(dateTime(new Date(seen_ms).toISOString()), facts.problem)) : null,
    facts.problem && !seen_ms ? sentence(facts.problem) : null,
    storage &&
      factsOf(
        [said.library, many(storage)],
        storage.duration_ms ? [said.length, spoken(storage.duration_ms - (storage.duration_ms % 60_000) || storage.duration_ms)] : null,
        [words.page.bin, many(storage.bin)],
      ),
    sentence(words.bin.kept(bin_days, bin_days.toLocaleString(locale))),
    buttons(
      make("a", { className: "quiet", href: "/bin", textContent: said.openBin }),
      storage?.bin.clips ? button(words.page.emptyBin, empty, "empty") : null,
    ),
    sentence(said.takeoutHint),
    buttons(button(said.import, choose, "import"), exporting),
  );
}

/** @param {{clips: number, bytes: number}} stored */
function many({ clips, bytes }) {
  const number = words.settings.clips(clips, clips.toLocaleString(locale));
  return clips ? `${number} · ${size(bytes)}` : number;
}
