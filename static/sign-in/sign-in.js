/** Signing in, claiming a server that is new, and coming in by a link of one's other device. */

import { Refusal, ask, onward, takeSecret, welcome } from "./door.js";
import { hasPasskeys, isDeclined, makePasskey, usePasskey } from "./passkeys.js";
import { speak } from "./words.js";

const MIN_PASSWORD = 12;

const { code, device } = takeSecret();
const parameters = new URLSearchParams(location.search);
const said = speak(document);

/** @type {(name: string) => HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (document.querySelector(`[data-part="${name}"]`));
const form = /** @type {HTMLFormElement} */ (part("form"));
const passkey = /** @type {HTMLButtonElement} */ (part("passkey"));
const submit = /** @type {HTMLButtonElement} */ (part("submit"));
/** @type {(name: string) => HTMLInputElement} */
const input = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** @param {string} title @param {string} lead */
function say(title, lead) {
  document.title = `${title} · Dictaphone`;
  part("title").textContent = title;
  part("lead").textContent = lead;
  part("title").focus();
}

/** @param {string} sentence */
function complain(sentence) {
  part("problem").hidden = !sentence;
  part("problem").textContent = sentence;
}

/** @param {unknown} error */
function sentenceOf(error) {
  if (isDeclined(error)) return said.declined;
  if (!(error instanceof Refusal)) return said.failed;
  if (error.status === 0) return said.away;
  return said.refusals[error.kind] ?? (error.message || said.failed);
}

/** Do it with the buttons at rest, and say what went wrong. @param {() => Promise<any>} work that answers a session */
async function enter(work) {
  complain("");
  passkey.disabled = submit.disabled = true;
  try {
    welcome(await work());
  } catch (error) {
    passkey.disabled = submit.disabled = false;
    complain(sentenceOf(error));
    if (error instanceof Refusal && error.kind === "wrong-credentials") input("password").select();
    return;
  }
  arrive();
}

/** Go on where one wanted to. */
function arrive() {
  form.hidden = true;
  const path = location.pathname;
  // Another tab records, and goes on by itself.
  if (parameters.has("beside")) return say(said.isIn, said.closeTab);
  if (path === "/sign-in" || path === "/claim") location.replace(onward(parameters.get("next")));
  else location.reload();
}

/** @param {boolean} isNew whether the password is a new one */
function showForm(isNew, canPasskey = hasPasskeys()) {
  part("name-label").textContent = said.name;
  part("password-label").textContent = isNew ? said.newPassword : said.password;
  const password = input("password");
  password.autocomplete = isNew ? "new-password" : "current-password";
  if (isNew) password.minLength = MIN_PASSWORD;
  part("hint").hidden = !isNew;
  part("hint").textContent = said.passwordHint;
  passkey.hidden = part("or").hidden = !canPasskey;
  passkey.textContent = isNew ? said.makePasskey : said.usePasskey;
  part("or").textContent = said.or;
  submit.textContent = isNew ? said.claimByPassword : said.signIn;
  submit.classList.toggle("main", !canPasskey);
  form.hidden = false;
}

/** @param {(name: string) => Promise<any>} byPasskey @param {(name: string, password: string) => Promise<any>} byPassword */
function listen(byPasskey, byPassword, needsName = false) {
  passkey.addEventListener("click", () => {
    const name = input("name");
    if (needsName && !name.reportValidity()) return;
    void enter(() => byPasskey(name.value));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void enter(() => byPassword(input("name").value, input("password").value));
  });
}

/** @param {string[]} ways */
function signIn(ways) {
  say(said.signIn, said.lead);
  const canPasskey = hasPasskeys() && ways.includes("passkey");
  listen(
    async () => {
      const { ceremony, options } = await ask("/api/sign-in/passkey/begin", {});
      return ask("/api/sign-in/passkey/finish", { ceremony, credential: await usePasskey(options) });
    },
    (name, password) => ask("/api/sign-in/password", { name, password }),
  );
  // The passkey says who it is: a name is asked for beside the password.
  form.prepend(passkey, part("or"));
  showForm(false, canPasskey);
}

async function claim() {
  const { person } = await ask("/api/claim/look", { code });
  say(person ? said.comeBack(person) : said.claim, person ? said.comeBackLead : said.claimLead);
  part("name-field").hidden = Boolean(person);
  input("name").value = person ?? "";
  const named = (/** @type {string} */ name) => (person ? {} : { name });
  listen(
    async (name) => {
      const { ceremony, options } = await ask("/api/claim/passkey/begin", { code, ...named(name) });
      return ask("/api/claim", { code, ...named(name), ceremony, credential: await makePasskey(options) });
    },
    (name, password) => ask("/api/claim", { code, ...named(name), password }),
    !person,
  );
  const { ways } = await ask("/api/sign-in");
  showForm(true, hasPasskeys() && ways.includes("passkey"));
}

/** Which of them it is. */
async function begin() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  try {
    if (device) {
      say(said.device, said.deviceLead);
      part("name-field").hidden = part("password-field").hidden = true;
      input("name").required = input("password").required = false;
      submit.textContent = said.signIn;
      submit.classList.add("main");
      form.hidden = false;
      // A preview of the link, or a stray tap, does not use it up.
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void enter(() => ask("/api/sign-in/device", { secret: device }));
      });
    } else if (code) await claim();
    else {
      const { on, claimed, ways } = await ask("/api/sign-in");
      if (!on) return location.replace(onward(parameters.get("next")));
      if (claimed) signIn(ways);
      else say(said.unclaimed, said.unclaimedLead);
    }
  } catch (error) {
    say(error instanceof Refusal && error.status === 0 ? said.offline : said.signIn, "");
    complain(sentenceOf(error));
    const link = /** @type {HTMLAnchorElement} */ (part("onward"));
    part("after").hidden = false;
    link.textContent = said.again;
    link.href = location.pathname === "/claim" ? "/sign-in" : `${location.pathname}${location.search}`;
  } finally {
    main.removeAttribute("aria-busy");
  }
}

void begin();
