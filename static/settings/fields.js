/** What the settings are made of: sections, fields to choose in, boxes to tick, facts. */

import { make } from "../shared/element.js";

/** @param {string} title @param {(Node|null)[]} children those that there are */
export function section(title, ...children) {
  const heading = make("h2", { textContent: title, id: `settings-${(section.count += 1)}` });
  const element = make("section", {}, heading, ...children.filter((child) => child !== null));
  element.setAttribute("aria-labelledby", heading.id);
  return element;
}
section.count = 0;

/**
 * A list to choose from. `name` finds it again after the words have changed.
 * @param {string} name @param {string} label @param {{value: string, text: string, lang?: string}[]} options
 * @param {string} value @param {(value: string) => unknown} choose @param {string} [hint]
 */
export function choice(name, label, options, value, choose, hint) {
  const select = make("select", { id: `setting-${name}` });
  select.append(...options.map(({ value, text, lang }) => Object.assign(new Option(text, value), lang ? { lang } : {})));
  select.value = value;
  select.addEventListener("change", () => void choose(select.value));
  return field(select, label, hint);
}

/** @param {string} name @param {string} label @param {boolean} isOn @param {(isOn: boolean) => unknown} choose @param {string} [hint] */
export function toggle(name, label, isOn, choose, hint) {
  const box = make("input", { type: "checkbox", id: `setting-${name}`, checked: isOn });
  box.addEventListener("change", () => void choose(box.checked));
  return field(box, label, hint);
}

/** @param {HTMLInputElement|HTMLSelectElement} control @param {string} label @param {string} [hint] */
function field(control, label, hint) {
  const row = make("div", { className: "setting" }, make("label", { htmlFor: control.id, textContent: label }), control);
  if (hint) {
    row.append(make("p", { className: "hint", id: `${control.id}-hint`, textContent: hint }));
    control.setAttribute("aria-describedby", `${control.id}-hint`);
  }
  return row;
}

/** @param {string} text @param {() => unknown} act @param {string} [name] finds it again after the words have changed */
export function button(text, act, name = "") {
  const made = make("button", { type: "button", className: "quiet", textContent: text, id: name && `setting-${name}` });
  made.addEventListener("click", () => void act());
  return made;
}

/** @param {string} text */
export function sentence(text) {
  return make("p", { className: "hint", textContent: text });
}

/** @param {(HTMLElement|null)[]} buttons those that there are */
export function buttons(...buttons) {
  return make("div", { className: "buttons" }, ...buttons.filter((each) => each !== null));
}

/** Names and what they are. @param {([string, string]|null)[]} facts those that there are */
export function factsOf(...facts) {
  const list = make("dl", { className: "figures" });
  for (const fact of facts) {
    if (fact) list.append(make("div", {}, make("dt", { textContent: fact[0] }), make("dd", { textContent: fact[1] })));
  }
  return list;
}
