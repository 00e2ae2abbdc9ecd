/** The settings of this device, what it keeps, and what the server says of itself. */

import { keyList } from "../clip/help.js";
import { confirmed } from "../shared/confirmation.js";
import { make, part } from "../shared/element.js";
import { languages } from "../shared/languages.js";
import { recall, remember } from "../shared/preferences.js";
import { sentenceOfError } from "../shared/sentences.js";
import { code, language, LANGUAGES, speak, words } from "../shared/words.js";
import { aboutSection } from "./about.js";
import { Account } from "./account.js";
import { deviceFacts, deviceSection } from "./device-storage.js";
import { choice, section, sentence, toggle } from "./fields.js";
import { MicrophoneTest } from "./microphone-test.js";
import { serverSection } from "./server-storage.js";

const THEMES = /** @type {const} */ (["system", "light", "dark"]);

export class Settings {
  /** @type {import("./device-storage.js").DeviceFacts|null} */
  #device = null;
  #hasKeysOpen = false;

  /** @param {HTMLElement} element @param {import("../shared/places.js").PlacesContext} page */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.all = part(element, "settings-all", HTMLElement);
    this.account = new Account(page, () => this.isShown && this.#render());
    const { sources } = page.panel;
    this.test = new MicrophoneTest(
      () => sources.chosen,
      async () => {
        // Browsers name microphones once one was allowed.
        await sources.refresh();
        this.#render();
      },
    );
    for (const news of [page.facts, language]) news.addEventListener("change", () => this.#render());
    page.outbox.addEventListener("gone", () => this.isShown && void this.#look());
  }

  get isShown() {
    return this.element.hasAttribute("data-shown");
  }

  /** Show what may have changed since they were looked at. */
  show() {
    this.#render();
    void this.#look();
    void this.account.look();
    void this.page.facts.read();
  }

  /** They are left. */
  leave() {
    this.test.stop();
    this.account.leave();
  }

  /** @param {boolean} [isAsking] */
  async #look(isAsking = false) {
    this.#device = await deviceFacts(this.page.memory, this.page.journal, isAsking);
    this.#render();
  }

  /** Show everything anew; whoever is at a control stays at it. */
  #render() {
    const { activeElement } = document;
    const at = this.all.contains(activeElement) ? (activeElement?.id ?? "") : "";
    this.test.speak();
    const account = this.account.section();
    this.all.replaceChildren(
      ...(account ? [account] : []),
      this.#recording(),
      this.#appearance(),
      this.#keys(),
      ...(this.#device ? [deviceSection(this.#device, { clear: () => this.#clear(), keep: () => this.#look(true) })] : []),
      serverSection(this.page.facts, { choose: () => this.page.choose(), empty: () => this.#empty() }),
      aboutSection(this.page.facts.now.version, document),
    );
    if (at) document.getElementById(at)?.focus({ preventScroll: true });
  }

  #recording() {
    const said = words.settings;
    const { sources } = this.page.panel;
    const { devices, wanted } = sources.all;
    const found = devices.map(({ id, label }) => ({ value: id, text: label }));
    const all = [{ value: "", text: said.detect }, ...languages().map(({ code, name }) => ({ value: code, text: name }))];
    return section(
      said.recording,
      found.length
        ? choice("microphone", words.page.microphone, found, wanted, async (id) => {
            await sources.choose(id);
            if (this.test.isOn) void this.test.start();
          })
        : null,
      this.test.element,
      choice("spoken", said.spoken, all, recall("spoken", ""), (value) => remember("spoken", value), said.spokenHint),
      toggle("captions", said.captions, recall("captions", true), (isOn) => remember("captions", isOn), said.captionsHint),
    );
  }

  #appearance() {
    const said = words.settings;
    const kept = String(recall("language", ""));
    const spoken = Object.entries(LANGUAGES).map(([value, { name, isMachineMade }]) => {
      return { value, text: isMachineMade ? said.machineMade(name) : name, lang: value };
    });
    const themes = THEMES.map((value) => ({ value, text: said.themes[value] }));
    return section(
      said.look,
      choice("language", said.pageLanguage, [{ value: "", text: said.asBrowser }, ...spoken], kept, (value) => speak(value)),
      LANGUAGES[code].isMachineMade ? sentence(said.machineHint) : null,
      choice("theme", said.theme, themes, recall("theme", "system"), (theme) => {
        remember("theme", theme);
        dispatchEvent(new Event("theme"));
      }),
    );
  }

  #keys() {
    const { title, also, single } = words.player.help;
    const box = toggle("keys", single, recall("keys", true), (isOn) => remember("keys", isOn));
    const list = make("details", { open: this.#hasKeysOpen }, make("summary", { textContent: words.settings.showKeys }), keyList(), sentence(also));
    list.addEventListener("toggle", () => (this.#hasKeysOpen = list.open));
    return section(title, box, list);
  }

  async #clear() {
    await this.page.sounds.clear();
    await this.#look();
  }

  async #empty() {
    const { title, sentence, action } = words.bin.empty;
    if (!(await confirmed({ title, sentence, action }))) return;
    const { api, facts, toast, library, player } = this.page;
    try {
      await api.emptyBin();
      for (const { id, local } of library.deleted()) {
        if (id === player.id) player.close();
        if (!local) library.erase(id);
      }
      toast.say(words.page.binEmpty);
    } catch (error) {
      toast.say(words.bin.unemptied(sentenceOfError(error)), { stays: true });
    }
    await facts.read();
  }
}
