/** The ways in, as the server offers them. Every method answers or throws a `Refusal`. */

import { remember } from "../shared/preferences.js";
import { SESSION_CHANNEL, SESSION_KEY } from "../shared/session.js";

/** What the server says against it; `status` 0: no answer came. */
export class Refusal extends Error {
  /** @param {number} status @param {string} kind @param {string} said */
  constructor(status, kind, said) {
    super(said);
    this.status = status;
    this.kind = kind;
  }
}

/** @param {string} path @param {unknown} [body] given: it is a POST */
export async function ask(path, body) {
  const sent = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, sent).catch(() => {
    throw new Refusal(0, "", "");
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal(response.status, /([a-z-]+)$/.exec(answer.type ?? "")?.[1] ?? "", answer.detail ?? "");
}

/** Somebody has come in: this device knows who, and every open tab goes on. @param {any} session */
export function welcome(session) {
  remember(SESSION_KEY, session);
  const channel = globalThis.BroadcastChannel ? new BroadcastChannel(SESSION_CHANNEL) : null;
  channel?.postMessage("in");
}

/** The secret behind the `#` of the address: it leaves the address, and so the history, at once. */
export function takeSecret() {
  const { hash, pathname, search } = location;
  if (!hash) return { code: "", device: "" };
  history.replaceState(null, "", `${pathname}${search}`);
  const device = /^#device=([\w-]+)$/.exec(hash)?.[1] ?? "";
  return { device, code: device ? "" : (/^#([\w-]+)$/.exec(hash)?.[1] ?? "") };
}

/** Where to go on: a place of this page, and never another site. @param {string|null} next */
export function onward(next, base = location.origin) {
  if (!next?.startsWith("/")) return "/";
  const url = URL.canParse(next, base) ? new URL(next, base) : null;
  if (url?.origin !== base || /^\/(?:sign-in|claim)$/.test(url.pathname)) return "/";
  return `${url.pathname}${url.search}`;
}
