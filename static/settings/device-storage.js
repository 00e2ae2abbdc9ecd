/** What this device keeps, and what of it is nowhere else. */

import { askToKeep } from "../offline/persistence.js";
import { size } from "../shared/format.js";
import { locale, words } from "../shared/words.js";
import { button, buttons, factsOf, section, sentence } from "./fields.js";

/**
 * @typedef {{kept: {count: number, bytes: number}, unsent: {count: number, bytes: number}, changes: number,
 *   used_bytes: number|null, persistence: import("../offline/persistence.js").Persistence}} DeviceFacts
 */

/**
 * @param {import("../offline/memory.js").Memory} memory @param {import("../offline/journal.js").Journal} journal
 * @param {boolean} [isAsking] whether the browser is asked to keep it
 * @returns {Promise<DeviceFacts>}
 */
export async function deviceFacts(memory, journal, isAsking = false) {
  const [sounds, changes, rows, persistence, estimate] = await Promise.all([
    memory.all("sounds").catch(() => []),
    memory.all("changes").catch(() => []),
    journal.all().catch(() => []),
    askToKeep(isAsking),
    navigator.storage?.estimate?.().catch(() => null),
  ]);
  return {
    kept: { count: sounds.length, bytes: sum(sounds.map(({ bytes, held = bytes }) => held)) },
    unsent: { count: rows.length, bytes: sum(rows.map(({ bytes }) => bytes)) },
    changes: changes.length,
    used_bytes: estimate?.usage ?? null,
    persistence,
  };
}

/**
 * @param {DeviceFacts} facts @param {{clear: () => unknown, keep: () => unknown}} acts `clear`: forget the sound that the
 *   server has, too; `keep`: ask the browser to keep what is not sent
 */
export function deviceSection({ kept, unsent, changes, used_bytes, persistence }, { clear, keep }) {
  const said = words.settings;
  const waiting = changes ? ` · ${said.changes(changes, changes.toLocaleString(locale))}` : "";
  return section(
    said.device,
    factsOf(
      [said.unsent, unsent.count || changes ? `${clips(unsent)}${waiting}` : said.allSent],
      [said.soundKept, clips(kept)],
      used_bytes === null ? null : [said.used, size(used_bytes)],
    ),
    sentence(words.persistence[persistence]),
    buttons(
      persistence === "kept" || !navigator.storage?.persist ? null : button(said.keep, keep, "keep"),
      kept.count ? button(said.clearSound, clear, "clear") : null,
    ),
  );
}

/** @param {{count: number, bytes: number}} many */
function clips({ count, bytes }) {
  const number = words.settings.clips(count, count.toLocaleString(locale));
  return count ? `${number} · ${size(bytes)}` : number;
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}
