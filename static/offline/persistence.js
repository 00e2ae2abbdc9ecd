/** How long this browser keeps what is not sent yet, as a code of `words.persistence`. Pure, but for `askToKeep`. */

/** @typedef {"kept"|"untilFull"|"sevenDays"} Persistence */

/**
 * Safari forgets what a page keeps after seven days in which nobody has opened it, unless it promised otherwise; apps of
 * the home screen are spared. Other browsers forget only when the disk is full.
 * @param {{isPersistent: boolean, isSafari: boolean, isHomeScreenApp: boolean}} browser @returns {Persistence}
 */
export function persistenceOf({ isPersistent, isSafari, isHomeScreenApp }) {
  if (isPersistent) return "kept";
  return isSafari && !isHomeScreenApp ? "sevenDays" : "untilFull";
}

/**
 * Ask the browser to keep it, when a person has shown that they mean it; or, with `isAsking` false, only how it is.
 * Browsers that refuse keep it for days all the same. @param {boolean} isAsking @returns {Promise<Persistence>}
 */
export async function askToKeep(isAsking, { storage, vendor = "", standalone } = /** @type {any} */ (navigator)) {
  const answer = isAsking ? storage?.persist?.() : storage?.persisted?.();
  const isPersistent = (await Promise.resolve(answer).catch(() => false)) === true;
  return persistenceOf({ isPersistent, isSafari: vendor.startsWith("Apple"), isHomeScreenApp: standalone === true });
}
