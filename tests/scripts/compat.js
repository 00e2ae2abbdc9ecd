/**
 * What scripts, styles and markup use of browsers, and which of it is newer than the browsers that we promise, by
 * MDN's browser-compat-data (BCD).
 *
 * Names alone tell little of a member (`x.at`): it counts as too new only if every interface that has a member of this
 * name has it too late, and no script of ours defines one. What hangs on a global (`navigator.x`, `CSS.x`, `Object.x`)
 * is known exactly.
 */

import { parse as parseScript } from "acorn";
import { generate, parse as parseStyles, walk as walkStyles } from "css-tree";
import { createRequire } from "node:module";

const BCD = createRequire(import.meta.url)("@mdn/browser-compat-data");

/** The oldest browsers that we promise. Chromium is of the same age as the others. */
export const BASELINE = { chrome: 124, firefox: 128, safari: 17, safari_ios: 17 };

/** Syntax of scripts: these browsers know all of ES2024. Safari 17.0 does not know ES2025's import attributes. */
const SYNTAX = 2024;

/** Objects whose members can be looked up exactly, by the global that holds them. */
const INTERFACES = {
  navigator: ["Navigator", "Navigator.NavigatorUAData"],
  document: ["Document", "Node", "EventTarget"],
  window: ["Window", "EventTarget"],
  globalThis: ["Window", "EventTarget"],
  location: ["Location"],
  history: ["History"],
  screen: ["Screen"],
  performance: ["Performance"],
  crypto: ["Crypto"],
  caches: ["CacheStorage"],
  indexedDB: ["IDBFactory"],
};

/** Interfaces that no page of ours meets, whose members are called like the fields of our own JSON. */
const STRANGERS = /^(GPU|XR|AudioData|VideoFrame|Summarizer|CSS\w+Descriptors)/;

/** @typedef {{path: string, late: string[], line: number}} Finding `late`: the browsers that do not have it */

/** The browsers that do not have a feature at the baseline. @param {any} feature of BCD */
export function late(feature) {
  const support = feature?.__compat?.support;
  if (!support) return [];
  return Object.entries(BASELINE)
    .filter(([browser, baseline]) => {
      const all = [support[browser] ?? []].flat();
      return all.length > 0 && !all.some((one) => isSupported(one, baseline));
    })
    .map(([browser]) => browser);
}

/** @param {any} statement @param {number} baseline */
function isSupported({ version_added: added, version_removed: removed, flags, prefix, alternative_name: alias }, baseline) {
  if (flags || prefix || alias || removed || !added || added === "preview") return false;
  return added === true || Number.parseFloat(String(added).replace("≤", "")) <= baseline;
}

/** The feature at a path of BCD, or undefined. @param {string} path */
export const featureAt = (path) => path.split(".").reduce((at, key) => at?.[key], BCD);

/** All paths of members, events and parameters by their last name. @type {Map<string, string[]>} */
const MEMBERS = new Map();
/** @param {string} name @param {string} path */
function index(name, path) {
  MEMBERS.set(name, [...(MEMBERS.get(name) ?? []), path]);
}
for (const root of ["api", "javascript.builtins"]) {
  for (const [owner, members] of Object.entries(featureAt(root))) {
    if (STRANGERS.test(owner)) continue;
    indexOptions(owner, members, `${root}.${owner}`);
    for (const [name, member] of Object.entries(members)) {
      if (name === "__compat") continue;
      index(name, `${root}.${owner}.${name}`);
      indexOptions(name, member, `${root}.${owner}.${name}`);
    }
  }
}

/** The options that a function takes: `fetch({priority})`. @param {string} name @param {any} feature @param {string} path */
function indexOptions(name, feature, path) {
  for (const parameter of Object.keys(feature).filter((key) => key.endsWith("_parameter"))) {
    for (const option of Object.keys(feature[parameter])) index(`${name}({${option}})`, `${path}.${parameter}.${option}`);
    const [, option] = parameter.match(/^[a-z]+_(\w+)_parameter$/) ?? [];
    if (option) index(`${name}({${option}})`, `${path}.${parameter}`);
  }
}

/** Types of values (colours, functions, units) by name. @type {Map<string, string[]>} */
const TYPES = new Map();
(function indexTypes(node, path) {
  for (const [name, below] of Object.entries(node)) {
    if (name === "__compat") continue;
    TYPES.set(name, [...(TYPES.get(name) ?? []), `${path}.${name}`]);
    indexTypes(below, `${path}.${name}`);
  }
})(BCD.css.types, "css.types");

/** The findings of the paths, if none of them is there in time. @param {string[]} paths @param {number} line @returns {Finding[]} */
function unlessOneIsThere(paths, line) {
  const known = paths.filter((path) => featureAt(path)?.__compat);
  const all = known.map((path) => ({ path, late: late(featureAt(path)), line }));
  return all.length && all.every((one) => one.late.length) ? all.slice(0, 1) : [];
}

/** Visit every node of a syntax tree, with its parent. @param {any} node @param {(node: any, parent: any) => void} visit */
function walkScript(node, visit, parent = null) {
  visit(node, parent);
  for (const [key, child] of Object.entries(node)) {
    if (key === "loc") continue;
    for (const each of [child].flat()) if (typeof each?.type === "string") walkScript(each, visit, node);
  }
}

/** @param {string} source */
const treeOf = (source) => parseScript(source, { ecmaVersion: SYNTAX, sourceType: "module", locations: true });

/** WebKit fails at a second `import()` of a module that awaits at its top (bug 242740). @param {string} source */
export function awaitsAtTop(source) {
  /** @param {any} node @returns {boolean} */
  const awaits = (node) => {
    if (/Function/.test(node.type)) return false;
    if (node.type === "AwaitExpression" || node.await) return true;
    const children = Object.entries(node).flatMap(([key, child]) => (key === "loc" ? [] : child));
    return children.some((child) => typeof child?.type === "string" && awaits(child));
  };
  return awaits(treeOf(source));
}

const nameOf = (/** @type {any} */ node) => (node?.type === "Identifier" ? node.name : undefined);

/** Members and bindings that scripts define themselves. @param {string[]} sources @returns {{members: Set<string>, bindings: Set<string>}} */
export function definitions(sources) {
  const [members, bindings] = [new Set(), new Set()];
  const bind = (/** @type {any} */ pattern) => {
    if (!pattern) return;
    if (pattern.type === "Identifier") bindings.add(pattern.name);
    for (const each of pattern.properties ?? pattern.elements ?? []) bind(each?.value ?? each?.argument ?? each);
    bind(pattern.left ?? pattern.argument);
  };
  for (const source of sources) {
    walkScript(treeOf(source), (node) => {
      if (node.type === "MethodDefinition" || node.type === "PropertyDefinition") members.add(nameOf(node.key));
      if (node.type === "Property") members.add(nameOf(node.key) ?? node.key.value);
      if (node.type === "AssignmentExpression" && node.left.object?.type === "ThisExpression") {
        members.add(nameOf(node.left.property));
      }
      if (node.type === "VariableDeclarator") bind(node.id);
      if (/Function|Class/.test(node.type) && node.id) bind(node.id);
      for (const parameter of node.params ?? []) bind(parameter);
      if (node.param) bind(node.param);
      if (/^Import.*Specifier$/.test(node.type)) bind(node.local);
    });
  }
  return { members, bindings };
}

/**
 * What a script uses that is too new. @param {string} source @param {ReturnType<typeof definitions>} [ours]
 * @returns {Finding[]}
 */
export function lateInScript(source, ours = definitions([source])) {
  /** @type {Finding[]} */
  const found = [];
  walkScript(treeOf(source), (node, parent) => {
    const line = node.loc.start.line;
    if (node.type === "MemberExpression") found.push(...lateMember(node, ours, line));
    else if (node.type === "Identifier") found.push(...lateGlobal(node, parent, ours, line));
    else if (node.type === "CallExpression" || node.type === "NewExpression") found.push(...lateCall(node, line));
    else if (node.type === "BinaryExpression" && node.operator === "in" && typeof node.left.value === "string") {
      return; // `"x" in y` is how a fall-back asks.
    } else if (node.type === "Literal" && typeof node.value === "string") {
      found.push(...lateValue(node.value, line));
    }
  });
  return found;
}

/** @param {any} node @param {ReturnType<typeof definitions>} ours @param {number} line */
function lateMember({ object, property, computed }, { members, bindings }, line) {
  const name = nameOf(property);
  if (computed || !name) return [];
  const owner = nameOf(object);
  if (owner && !bindings.has(owner)) {
    const interfaces = INTERFACES[owner] ?? [owner, `${owner}.${owner}`];
    const exact = interfaces.flatMap((each) =>
      [`api.${each}.${name}`, `api.${each}.${name}_static`, `javascript.builtins.${each}.${name}`, `api.${name}`],
    );
    if (exact.some((path) => featureAt(path)?.__compat)) return unlessOneIsThere(exact, line);
  }
  return members.has(name) ? [] : unlessOneIsThere(MEMBERS.get(name) ?? [], line);
}

/** @param {any} node @param {any} parent @param {ReturnType<typeof definitions>} ours @param {number} line */
function lateGlobal({ name }, parent, { bindings }, line) {
  const isKey = (parent?.type === "MemberExpression" && nameOf(parent.property) === name) || parent?.key?.name === name;
  if (isKey || bindings.has(name)) return [];
  return unlessOneIsThere([`api.${name}`, `api.Window.${name}`, `javascript.builtins.${name}`], line);
}

/** Options, events, elements and attributes that a call names. @param {any} node @param {number} line */
function lateCall({ callee, arguments: given }, line) {
  const name = nameOf(callee) ?? nameOf(callee.property);
  const first = given[0]?.value;
  /** @type {Finding[]} */
  const found = [];
  if (name === "addEventListener" && first) found.push(...unlessOneIsThere(MEMBERS.get(`${first}_event`) ?? [], line));
  if (name === "createElement" && first) found.push(...unlessOneIsThere([`html.elements.${first}`], line));
  if (/^(set|toggle)Attribute$/.test(name) && first) found.push(...unlessOneIsThere([`html.global_attributes.${first}`], line));
  for (const argument of given) {
    for (const { key } of argument.properties ?? []) {
      found.push(...unlessOneIsThere(MEMBERS.get(`${name}({${nameOf(key)}})`) ?? [], line));
    }
  }
  return found;
}

/** A value of an attribute, as in `x.contentEditable = "plaintext-only"`. @param {string} value @param {number} line */
function lateValue(value, line) {
  if (!/^[a-z]+(-[a-z]+)+$/.test(value)) return [];
  const attributes = Object.keys(BCD.html.global_attributes);
  return unlessOneIsThere(attributes.map((attribute) => `html.global_attributes.${attribute}.${value}`), line);
}

/** What a style sheet uses that is too new, unless what stands beside it is its fall-back. @param {string} source @returns {Finding[]} */
export function lateInStyles(source) {
  /** @type {Finding[]} */
  const found = [];
  walkStyles(parseStyles(source, { positions: true, parseCustomProperty: true }), {
    enter(node) {
      const line = node.loc?.start.line ?? 0;
      if (node.type === "Atrule") found.push(...unlessOneIsThere([`css.at-rules.${node.name}`], line));
      if (node.type === "Feature") {
        found.push(...unlessOneIsThere([`css.at-rules.${this.atrule?.name}.${node.name.replace(/^(min|max)-/, "")}`], line));
      }
      // With a prefix, a selector is one engine's name for what each has under a name of its own.
      if (/^Pseudo(Class|Element)Selector$/.test(node.type) && !node.name.startsWith("-")) {
        found.push(...unlessOneIsThere([`css.selectors.${node.name}`], line));
      }
      if (node.type === "NestingSelector") found.push(...unlessOneIsThere(["css.selectors.nesting"], line));
      if (node.type !== "Declaration" || isGuarded(node, this)) return;
      found.push(...lateDeclaration(node, line));
    },
  });
  return found;
}

/** Whether another declaration of the property stands beside it, or `@supports` asks for it. @param {any} node @param {any} context */
function isGuarded({ property }, { atrule, block }) {
  if (atrule?.name === "supports" && generate(atrule.prelude).includes(property)) return true;
  const before = block?.children.toArray() ?? [];
  const same = new Set([property, `-webkit-${property}`]);
  return before.filter((/** @type {any} */ each) => same.has(each.property)).length > 1;
}

/** @param {any} node @param {number} line */
function lateDeclaration({ property, value }, line) {
  if (property.startsWith("-")) return lateValues([], value, line);
  const path = `css.properties.${property}`;
  if (!featureAt(path)) return [{ path, late: ["every browser"], line }];
  const own = unlessOneIsThere([path], line);
  return own.length ? own : lateValues([path], value, line);
}

/** @param {string[]} paths @param {any} value @param {number} line */
function lateValues(paths, value, line) {
  /** @type {Finding[]} */
  const found = [];
  walkStyles(value, (node) => {
    if (node.type === "Operator" && node.value === "/" && paths[0] === "css.properties.content") {
      found.push(...unlessOneIsThere(["css.properties.content.alt_text"], line));
    }
    if (node.type === "Identifier") found.push(...unlessOneIsThere(paths.map((path) => `${path}.${node.name}`), line));
    if (node.type !== "Function") return;
    const types = (TYPES.get(node.name) ?? []).concat(paths.map((path) => `${path}.${node.name}`));
    found.push(...unlessOneIsThere(types, line));
    const first = node.children.first;
    if (first?.type !== "Identifier" || first.name !== "from") return;
    found.push(...unlessOneIsThere([`css.types.color.${node.name}.relative_syntax`], line));
  });
  return found;
}

/** What markup uses that is too new. @param {string} source @returns {Finding[]} */
export function lateInMarkup(source) {
  /** @type {Finding[]} */
  const found = [];
  source.split("\n").forEach((text, at) => {
    for (const [, tag, attributes] of text.matchAll(/<([a-z][\w-]*)((?:\s+[^\s=>]+(?:="[^"]*")?)*)/g)) {
      found.push(...unlessOneIsThere([`html.elements.${tag}`], at + 1));
      for (const [, name, value] of attributes.matchAll(/([^\s=]+)(?:="([^"]*)")?/g)) {
        const paths = [`html.elements.${tag}.${name}`, `html.global_attributes.${name}`];
        found.push(...unlessOneIsThere(paths, at + 1));
        if (value) found.push(...unlessOneIsThere(paths.map((path) => `${path}.${value}`), at + 1));
        if (tag === "input" && name === "type") found.push(...unlessOneIsThere([`html.elements.input.type_${value}`], at + 1));
      }
    }
  });
  return found;
}
