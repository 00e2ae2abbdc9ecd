/**
 * What a person has to know of their device before they walk away from a recording, as codes of `words.advice`. Pure,
 * but for `device`.
 */

/** @typedef {"staysOpen"|"screenOn"} Advice */
/** @typedef {{isHomeScreenApp: boolean, keepsScreenOn: boolean}} Device */

/**
 * iOS takes the microphone from an app of the home screen as soon as another app is in front of it; a tab of Safari goes
 * on. Where nothing keeps the screen on, it goes dark by itself, which is the same.
 * @param {Device} device @returns {Advice[]}
 */
export function adviceFor({ isHomeScreenApp, keepsScreenOn }) {
  /** @type {Advice[]} */
  const advice = [];
  if (isHomeScreenApp) advice.push("staysOpen");
  if (!keepsScreenOn) advice.push("screenOn");
  return advice;
}

/**
 * What this device is. iOS alone has `navigator.standalone`. Its wake lock says yes in apps of the home screen and does
 * nothing there before 18.4, whose other news is the cookie store.
 * @param {any} [browser] the global object
 * @returns {Device}
 */
export function device(browser = globalThis) {
  const isHomeScreenApp = browser.navigator?.standalone === true;
  const hasWakeLock = Boolean(browser.navigator?.wakeLock);
  return { isHomeScreenApp, keepsScreenOn: hasWakeLock && (!isHomeScreenApp || "cookieStore" in browser) };
}
