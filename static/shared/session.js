/**
 * Who uses this device, as far as it knows: remembered here, so that a recording that begins without a network knows its
 * person, and told between tabs. The sign-in page (static/sign-in/) writes the same.
 */

import { Problem, refusals } from "./problem.js";
import { recall, remember } from "./preferences.js";

/**
 * `how` is "local" on a server without sign-in: everything on the device is its one person's.
 * @typedef {{id: string, name: string, email?: string|null}} Person
 * @typedef {{person: Person|null, how: string, library: string, libraries: {id: string, name?: string, role: string}[],
 *   session?: string|null, expires?: string|null,
 *   has_password?: boolean}} Known
 */

/** What marks whose something on this device is. @typedef {{person?: string, library?: string}} Mark */

export const SESSION_KEY = "session";
export const SESSION_CHANNEL = "dictaphone-session";
/** Whose clips, words and sounds this device keeps for when there is no network. */
const COPIES_KEY = "copies";

/** What was kept before people signed in belongs to the owner of this library. */
export const HOME = "home";

/**
 * Emits `change` when somebody is signed in, or is not any more; `other` when another person uses this device now, or
 * nobody: what this tab shows is not theirs.
 */
export class Session extends EventTarget {
  /** @type {Known|null} */
  #known;
  /** Whether the server does not know us, and says so. */
  isOut = false;
  /** Whether the cookie of this browser is somebody else's than this tab's, or nobody's. */
  isStranded = false;
  /** @type {Promise<void>|null} */
  #asking = null;

  /**
   * @param {{session: () => Promise<Known>}} api
   * @param {{channel?: BroadcastChannel|null, storage?: globalThis.Storage, answers?: EventTarget}} [options]
   */
  constructor(api, { channel = null, storage, answers = refusals } = {}) {
    super();
    this.api = api;
    this.channel = channel;
    this.storage = storage;
    this.#known = recall(SESSION_KEY, /** @type {Known|null} */ (null), storage);
    channel?.addEventListener("message", () => this.look());
    answers.addEventListener("sign-in", () => this.#out());
  }

  /** @returns {Person|null} */
  get person() {
    return this.#known?.person ?? null;
  }

  get known() {
    return this.#known;
  }

  /** Whether this server has no sign-in; false as well while nobody knows. */
  get isLocal() {
    return this.#known?.how === "local";
  }

  /** What is made now is marked so. @returns {Mark} */
  get mark() {
    return this.person ? { person: this.person.id, library: this.#known?.library } : {};
  }

  /** Whether something on this device is to be shown and sent by this tab. @param {Mark} made */
  isOurs({ person }) {
    if (person) return this.isLocal || this.person?.id === person;
    // It was made before anybody signed in here.
    return !this.person || this.#ownsHome;
  }

  /** Whether what this tab does to clips would be done by its own person. */
  get mayChange() {
    return !this.isStranded;
  }

  /** Whether the copies on this device are somebody else's; from here on they are ours. */
  takeCopies() {
    const person = this.person?.id;
    if (!person) return false;
    const before = recall(COPIES_KEY, /** @type {string|null} */ (null), this.storage);
    remember(COPIES_KEY, person, this.storage);
    return before === null ? !this.#ownsHome : before !== person;
  }

  /** Ask the server who we are. Never fails, and never twice at a time. */
  check() {
    return (this.#asking ??= this.#check().finally(() => (this.#asking = null)));
  }

  /** Somebody may have signed in or out in another tab. */
  look() {
    const now = recall(SESSION_KEY, /** @type {Known|null} */ (null), this.storage);
    if (now) this.#in(now);
    else if (this.person) this.#strand();
  }

  /** Forget who used this device, in all tabs; what is made of it belongs to nobody here. */
  forget() {
    remember(SESSION_KEY, null, this.storage);
    remember(COPIES_KEY, null, this.storage);
    this.channel?.postMessage("out");
  }

  /** It was not done after all. @param {Known|null} known */
  restore(known) {
    remember(SESSION_KEY, known, this.storage);
    remember(COPIES_KEY, known?.person?.id ?? null, this.storage);
    this.channel?.postMessage("in");
  }

  /** Their name is another one now. @param {Partial<Person>} changes */
  amend(changes) {
    if (!this.#known?.person) return;
    this.#known = { ...this.#known, person: { ...this.#known.person, ...changes } };
    remember(SESSION_KEY, this.#known, this.storage);
    this.dispatchEvent(new Event("change"));
  }

  async #check() {
    try {
      this.#in(await this.api.session());
    } catch (error) {
      if (error instanceof Problem && error.isSignedOut) return this.#out();
      // A server of an older release knows no people.
      if (error instanceof Problem && error.status === 404) this.#in({ person: null, how: "local", library: HOME, libraries: [] });
    }
  }

  /** @param {Known} known */
  #in(known) {
    const before = this.#known;
    if (before?.person && before.person.id !== known.person?.id && known.how !== "local") {
      // The page that is loaded in place of this one is theirs.
      remember(SESSION_KEY, known, this.storage);
      return this.#strand();
    }
    const isNews = this.isOut || JSON.stringify(before) !== JSON.stringify(known);
    [this.#known, this.isOut, this.isStranded] = [known, false, false];
    if (!isNews) return;
    remember(SESSION_KEY, known, this.storage);
    this.dispatchEvent(new Event("change"));
  }

  #out() {
    if (this.isOut) return;
    // The server asks for it now.
    if (this.isLocal) remember(SESSION_KEY, (this.#known = null), this.storage);
    this.isOut = true;
    this.dispatchEvent(new Event("change"));
  }

  #strand() {
    if (this.isStranded) return;
    this.isStranded = true;
    this.dispatchEvent(new Event("other"));
  }

  get #ownsHome() {
    return Boolean(this.#known?.libraries?.some(({ id, role }) => id === HOME && role === "owner"));
  }
}

/** A device without people: everything is ours. @type {Pick<Session, "mark"|"isOurs"|"mayChange">} */
export const NOBODY = { mark: {}, isOurs: () => true, mayChange: true };
