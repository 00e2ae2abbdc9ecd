/** One's account: name, devices, passkeys, password, and the way out. Not there on a server without sign-in. */

import { forgetCopies } from "../offline/copies.js";
import { Problem } from "../shared/api.js";
import { confirmed } from "../shared/confirmation.js";
import { make } from "../shared/element.js";
import { shortDate } from "../shared/format.js";
import { sentenceOfError } from "../shared/sentences.js";
import { signInAddress } from "../shared/sign-in-notice.js";
import { words } from "../shared/words.js";
import { hasPasskeys, isDeclined, makePasskey } from "../sign-in/passkeys.js";
import { button, buttons, section, sentence } from "./fields.js";

/** @typedef {{id: string, device: string, how: string, created_at: string, used_at: string, current: boolean}} Device */
/** @typedef {{id: string, name: string, created_at: string, used_at: string|null}} Passkey */

const MIN_PASSWORD = 12;

export class Account {
  /** @type {Device[]|null} */
  #devices = null;
  /** @type {Passkey[]} */
  #passkeys = [];
  /** A link for one's next device, as long as it is shown. @type {{url: string, svg: string}|null} */
  #link = null;
  #problem = "";

  /** @param {import("../shared/places.js").PlacesContext} page @param {() => void} changed */
  constructor(page, changed) {
    this.page = page;
    this.changed = changed;
    page.session.addEventListener("change", changed);
  }

  /** Ask the server for what belongs to it. */
  async look() {
    if (!this.page.session.person || this.page.session.isOut) return;
    await this.#try(async () => {
      const [{ sessions }, { passkeys }] = await Promise.all(["/api/sessions", "/api/passkeys"].map((path) => this.#ask(path)));
      [this.#devices, this.#passkeys] = [sessions, passkeys];
    });
  }

  /** They are left: what is secret is not left on the screen. */
  leave() {
    [this.#link, this.#problem] = [null, ""];
  }

  /** @returns {HTMLElement|null} */
  section() {
    const said = words.account;
    const { person, isOut } = this.page.session;
    if (!person) return null;
    if (isOut) return section(said.title, sentence(words.session.signedOut), buttons(link(words.session.signIn, signInAddress())));
    return section(
      said.title,
      this.#problem ? make("p", { className: "hint problem", role: "alert", textContent: this.#problem }) : null,
      this.#name(person.name),
      this.#list(said.devices, (this.#devices ?? []).map((device) => this.#device(device))),
      this.#link ? this.#shownLink(this.#link) : null,
      buttons(
        this.#link ? null : button(said.nextDevice, () => this.#makeLink(), "next-device"),
        (this.#devices ?? []).length > 1 ? button(said.endOthers, () => this.#endOthers(), "end-others") : null,
      ),
      this.#list(said.passkeys, this.#passkeys.map((passkey) => this.#passkey(passkey))),
      buttons(hasPasskeys() ? button(said.addPasskey, () => this.#addPasskey(), "add-passkey") : null),
      this.#password(),
      buttons(button(said.signOut, () => this.#signOut(), "sign-out")),
    );
  }

  /** @param {string} now */
  #name(now) {
    const input = make("input", { id: "setting-name", value: now, maxLength: 100, autocomplete: "username", dir: "auto" });
    input.addEventListener("change", () =>
      this.#try(async () => {
        const { person } = await this.#ask("/api/person", "PATCH", { name: input.value });
        this.page.session.amend(person);
      }),
    );
    return make("div", { className: "setting" }, make("label", { htmlFor: input.id, textContent: words.account.name }), input);
  }

  /** @param {string} title @param {HTMLElement[]} rows */
  #list(title, rows) {
    if (!rows.length) return null;
    const list = make("ul", { className: "entries", role: "list", ariaLabel: title }, ...rows);
    return make("div", {}, make("h3", { textContent: title }), list);
  }

  /** @param {Device} device */
  #device({ id, device, used_at, current }) {
    const said = words.account;
    const name = device || said.unknownDevice;
    const facts = current ? said.thisDevice : said.used(shortDate(used_at));
    return entry(name, facts, current ? null : button(said.end, () => this.#try(async () => {
      await this.#ask(`/api/sessions/${id}`, "DELETE");
      await this.look();
    }), `end-${id}`), said.endOf(name));
  }

  /** @param {Passkey} passkey */
  #passkey({ id, name, used_at, created_at }) {
    const said = words.account;
    return entry(name, used_at ? said.used(shortDate(used_at)) : said.made(shortDate(created_at)), button(said.remove, () => this.#try(async () => {
      if (!(await confirmed({ title: said.removePasskey(name), sentence: said.removeWords, action: said.remove }))) return;
      await this.#ask(`/api/passkeys/${id}`, "DELETE");
      await this.look();
    }), `remove-${id}`), said.removeOf(name));
  }

  /** @param {{url: string, svg: string}} shown */
  #shownLink({ url, svg }) {
    const said = words.account;
    const code = make("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: said.code, className: "qr" });
    return make("div", {}, code, sentence(said.codeHint), make("p", { className: "hint link-text", textContent: url, dir: "ltr" }));
  }

  #password() {
    const said = words.account;
    const has = Boolean(this.page.session.known?.has_password);
    const current = make("input", { type: "password", id: "setting-current", autocomplete: "current-password", required: has });
    const fresh = make("input", { type: "password", id: "setting-password", autocomplete: "new-password", minLength: MIN_PASSWORD, required: true });
    const form = make(
      "form",
      {},
      ...(has ? [row(said.currentPassword, current)] : []),
      row(said.newPassword, fresh),
      sentence(said.passwordHint),
      buttons(make("button", { className: "quiet", textContent: said.save })),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try(async () => {
        await this.#ask("/api/password", "PUT", { password: fresh.value, current: has ? current.value : null });
        this.page.toast.say(said.passwordSaved);
        form.reset();
        await this.page.session.check();
        await this.look();
      });
    });
    return make("details", {}, make("summary", { textContent: has ? said.changePassword : said.setPassword }), form);
  }

  #makeLink() {
    return this.#try(async () => void (this.#link = await this.#ask("/api/device-link", "POST")));
  }

  #endOthers() {
    return this.#try(async () => {
      await this.#ask("/api/sessions", "DELETE");
      await this.look();
    });
  }

  #addPasskey() {
    return this.#try(async () => {
      const { ceremony, options } = await this.#ask("/api/passkeys/begin", "POST");
      await this.#ask("/api/passkeys", "POST", { ceremony, credential: await makePasskey(options) });
      await this.look();
    });
  }

  /** What is unsent is named first; then the copies go, and then the session, in all tabs. */
  async #signOut() {
    const said = words.account;
    const { session, journal, memory, sounds, panel, toast, api } = this.page;
    if (panel.isLive) return toast.say(said.stopFirst);
    const [rows, changes] = await Promise.all([journal.all(), memory.all("changes").catch(() => [])]);
    const unsent = rows.filter((row) => session.isOurs(row)).length;
    const waiting = changes.filter((row) => session.isOurs(row)).length;
    const sentence = unsent || waiting ? said.unsent(unsent, waiting) : said.allSent;
    if (!(await confirmed({ title: said.signOutTitle, sentence, action: said.signOut }))) return;
    const { known } = session;
    session.forget();
    await forgetCopies(memory, sounds);
    try {
      await api.account("/api/session", { method: "DELETE" });
    } catch (error) {
      // Who is signed out already is.
      if (!(error instanceof Problem && error.isSignedOut)) {
        session.restore(known);
        return toast.say(said.notSignedOut(sentenceOfError(error)), { stays: true });
      }
    }
    location.assign("/sign-in");
  }

  /** @param {string} path @param {string} [method] @param {unknown} [body] */
  #ask(path, method, body) {
    return this.page.api.account(path, { method, body });
  }

  /** @param {() => Promise<unknown>} work */
  async #try(work) {
    this.#problem = "";
    try {
      await work();
    } catch (error) {
      const isOld = error instanceof Problem && error.kind === "sign-in-again";
      this.#problem = isDeclined(error) ? "" : isOld ? words.account.signInAgain : sentenceOfError(error);
    }
    this.changed();
  }
}

/** @param {string} name @param {string} facts @param {HTMLElement|null} act @param {string} label */
function entry(name, facts, act, label) {
  if (act) act.setAttribute("aria-label", label);
  const told = make("p", {}, make("bdi", { textContent: name }), make("span", { className: "hint", textContent: facts }));
  return make("li", {}, told, ...(act ? [act] : []));
}

/** @param {string} label @param {HTMLInputElement} input */
function row(label, input) {
  return make("div", { className: "setting" }, make("label", { htmlFor: input.id, textContent: label }), input);
}

/** @param {string} text @param {string} href */
function link(text, href) {
  return make("a", { className: "quiet", href, textContent: text });
}
