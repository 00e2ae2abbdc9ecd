/** What the server takes, said where nothing is yet: in the empty list. */

import { part } from "../shared/element.js";
import { size } from "../shared/format.js";
import { language, locale, words } from "../shared/words.js";

/** @param {ParentNode} page @param {import("../shared/server-facts.js").ServerFacts} facts */
export function tellWhatIsTaken(page, facts) {
  const tell = () => {
    const { upload_bytes, audio_hours } = facts.now.limits;
    const most = [
      upload_bytes && size(upload_bytes),
      audio_hours && words.time.hours(audio_hours, audio_hours.toLocaleString(locale)),
    ].filter((one) => typeof one === "string");
    part(page, "taken", HTMLElement).textContent = words.firstVisit.taken(most);
  };
  for (const news of [facts, language]) news.addEventListener("change", tell);
  tell();
}
