/** What the server takes, said where nothing is yet: in the empty list, and beside it where there is room. */

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
    for (const sentence of page.querySelectorAll('[data-part="taken"]')) sentence.textContent = words.firstVisit.taken(most);
  };
  for (const news of [facts, language]) news.addEventListener("change", tell);
  tell();
}
