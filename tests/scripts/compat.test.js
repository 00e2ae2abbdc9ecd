/** Nothing is newer than the browsers that we promise, unless it is named here with its fall-back. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { awaitsAtTop, definitions, late, lateInMarkup, lateInScript, lateInStyles, featureAt } from "./compat.js";

const STATIC = new URL("../../static/", import.meta.url);

/** What may stand anywhere, since a page without it is as good. @type {Record<string, string>} */
const HARMLESS = {
  "api.Document.freeze_event": "saves a moment earlier what is saved when the page is hidden",
  "api.Window.appinstalled_event": "goes with beforeinstallprompt",
  "api.Window.beforeinstallprompt_event": "the browsers that lack it have a menu for it",
  "api.Window.beforeunload_event": "iOS asks nobody; what is made is on the device all the same",
  "api.fetch.options_parameter.priority": "a wish about the order of requests",
  "css.properties.accent-color": "Safari has had it since 15.4, but for its contrast",
  "css.properties.cursor": "iOS shows no pointer",
  "css.properties.field-sizing": "a list is as wide as its longest entry",
  "css.properties.overflow-anchor": "Safari moves nothing by itself, which is what is asked for",
  "css.properties.overscroll-behavior": "a scroll that goes on where this one ends",
  "css.properties.resize": "a field that keeps its size",
  "css.properties.scrollbar-width": "the bar is as wide as the system draws it",
  "css.properties.text-wrap": "lines of different length",
  "css.selectors.selection": "iOS marks what is selected in its own colour",
  "html.elements.link": "what the head tells of icons and apps is for those who know it",
  "api.Notification": "an event of our own has the name of one of its events",
  "css.properties.forced-color-adjust": "Safari has no forced colours",
  "html.elements.meta": "what the head tells of colours and screens is for those who know it",
};

/** What stands where something else does the same without it: its files, and what that is. @type {Record<string, [files: string[], fallback: string]>} */
const FALLBACKS = {
  "api.CSS.highlights_static": [["clip/transcript.js", "clip/text-marks.js"], "the paragraph is marked, or boxes behind the letters"],
  "api.CaretPosition.offsetNode": [["clip/transcript.js"], "caretRangeFromPoint, of Chromium and Safari"],
  "api.Document.caretPositionFromPoint": [["clip/transcript.js"], "caretRangeFromPoint, of Chromium and Safari"],
  "api.Document.caretRangeFromPoint": [["clip/transcript.js"], "caretPositionFromPoint, of Firefox"],
  "api.HTMLElement.popover": [["shared/menu.js"], "a press elsewhere closes the menu, which iOS does by itself since 18.3"],
  "api.Highlight": [["clip/transcript.js", "clip/text-marks.js"], "the paragraph is marked, or boxes behind the letters"],
  "api.MediaDevices.getDisplayMedia": [["recording/sources.js"], "the microphone alone"],
  "api.Navigator.canShare": [["clip/sharing.js"], "no Share button"],
  "api.Navigator.canShare.data_files_parameter": [["clip/sharing.js"], "the link is shared"],
  "api.Navigator.connection": [["offline/audio-cache.js"], "nobody wishes to save data"],
  "api.Navigator.share": [["list/clip-row.js", "clip/clip-tools.js"], "no Share in the menu, and Copy link in its place"],
  "api.Navigator.wakeLock": [["recording/advice.js", "recording/capture.js"], "a person is told to keep the screen on"],
  "api.NetworkInformation.saveData": [["offline/audio-cache.js"], "nobody wishes to save data"],
  "api.TrustedTypePolicyFactory.createPolicy": [["offline/install.js"], "an address in plain text"],
  "api.Window.requestIdleCallback": [["page.js"], "setTimeout"],
  "css.selectors.highlight": [["clip/clip-page.css"], "the paragraph is marked"],
  "html.global_attributes.contenteditable.plaintext-only": [["shared/plain-text.js"], "keepPlain"],
};

/** @param {string} path */
const isHarmless = (path) => Object.keys(HARMLESS).some((harmless) => path === harmless || path.startsWith(`${harmless}.`));

/** @param {string} end @returns {Map<string, string>} */
function sources(end) {
  const paths = readdirSync(STATIC, { recursive: true }).map(String);
  return new Map(
    paths.filter((path) => path.endsWith(end)).map((path) => [path.replaceAll("\\", "/"), readFileSync(new URL(path, STATIC), "utf8")]),
  );
}

function everyFinding() {
  const scripts = sources(".js");
  const ours = definitions([...scripts.values()]);
  return [
    ...[...scripts].map(([file, source]) => ({ file, found: lateInScript(source, ours) })),
    ...[...sources(".css")].map(([file, source]) => ({ file, found: lateInStyles(source) })),
    ...[...sources(".html")].map(([file, source]) => ({ file, found: lateInMarkup(source) })),
  ].flatMap(({ file, found }) => found.map((one) => ({ file, ...one })));
}

test("the page uses nothing that Safari 17, Firefox 128 or Chromium 124 lack, but for what has a fall-back", () => {
  const findings = everyFinding();
  const unnamed = findings.filter(({ path, file }) => !isHarmless(path) && !FALLBACKS[path]?.[0].includes(file));
  assert.deepEqual(
    unnamed.map(({ file, line, path, late }) => `static/${file}:${line}: ${path} (not in ${late.join(", ")})`),
    [],
    "Take something older, or name it in FALLBACKS with what stands beside it.",
  );
  const unused = Object.entries(FALLBACKS).flatMap(([path, [files]]) =>
    files.filter((file) => !findings.some((one) => one.path === path && one.file === file)).map((file) => `${path} in ${file}`),
  );
  assert.deepEqual(unused, [], "These are not used there any more.");
});

const paths = (/** @type {{path: string}[]} */ found) => found.map(({ path }) => path);

for (const [source, expected] of /** @type {[string, string[]][]} */ ([
  ["element.checkVisibility()", ["api.Element.checkVisibility"]],
  ["new Highlight()", ["api.Highlight"]],
  ["CSS.highlights.set('a', b)", ["api.CSS.highlights_static"]],
  ["Object.groupBy(a, b)", ["javascript.builtins.Object.groupBy"]],
  ["Promise.withResolvers()", ["javascript.builtins.Promise.withResolvers"]],
  ["fetch(a, { priority: 'low' })", ["api.fetch.options_parameter.priority"]],
  ["field.contentEditable = 'plaintext-only'", ["html.global_attributes.contenteditable.plaintext-only"]],
  ["document.startViewTransition(a)", ["api.Document.startViewTransition"]],
  ["requestIdleCallback(a)", ["api.Window.requestIdleCallback"]],
  ["[1].at(0); Object.hasOwn(a, b); structuredClone(a); a?.b ?? c", []],
  ["class A { checkVisibility() {} } a.checkVisibility()", []],
])) {
  test(`in scripts, what is too new is found: ${source}`, () => assert.deepEqual(paths(lateInScript(source)), expected));
}

test("no module awaits at its top, which WebKit bears only once", () => {
  assert.deepEqual([...sources(".js")].filter(([, source]) => awaitsAtTop(source)).map(([file]) => file), []);
  for (const source of ["await a;", "if (a) await b;", "for await (const a of b) {}"]) assert.ok(awaitsAtTop(source), source);
  assert.equal(awaitsAtTop("const a = async () => await b; class C { async d() { await e; } }"), false);
});

test("in scripts, newer syntax is refused", () => {
  assert.throws(() => lateInScript("import a from './a.json' with { type: 'json' };"), SyntaxError);
  assert.throws(() => lateInScript("a = /(?i:b)/;"), SyntaxError);
});

for (const [source, expected] of /** @type {[string, string[]][]} */ ([
  ["a { field-sizing: content }", ["css.properties.field-sizing"]],
  ["a { color: light-dark(red, blue) }", ["css.types.color.light-dark"]],
  ["a { --b: light-dark(red, blue) }", ["css.types.color.light-dark"]],
  ["a { color: red; color: light-dark(red, blue) }", []],
  ["@supports (field-sizing: content) { a { field-sizing: content } }", []],
  ["@starting-style { a { color: red } }", ["css.at-rules.starting-style"]],
  ["a { text-wrap: pretty }", ["css.properties.text-wrap"]],
  ["a { content: 'x' / '' }", ["css.properties.content.alt_text"]],
  ["a { content: 'x'; content: 'x' / '' }", []],
  ["a { user-select: none }", ["css.properties.user-select"]],
  ["a { -webkit-user-select: none; user-select: none }", []],
  ["a { nonsense: 1px }", ["css.properties.nonsense"]],
  ["::highlight(a) { color: red }", ["css.selectors.highlight"]],
  ["a:has(b) > c { inset-inline: 0; color: color-mix(in srgb, red, blue) }", []],
])) {
  test(`in styles, what is too new is found: ${source}`, () => assert.deepEqual(paths(lateInStyles(source)), expected));
}

test("in markup, what is too new is found", () => {
  const found = lateInMarkup('<div contenteditable="plaintext-only" hidden>\n<input type="search" enterkeyhint="done"></div>');
  assert.deepEqual(paths(found), ["html.global_attributes.contenteditable.plaintext-only"]);
});

test("a first version counts where nothing has to be switched on, and nothing is missing", () => {
  assert.deepEqual(late(featureAt("api.Element.closest")), []);
  assert.deepEqual(late(featureAt("api.Element.checkVisibility")), ["safari", "safari_ios"]);
});
