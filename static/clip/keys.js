/** Which key does what to the clip that plays, or is open. Pure. The letters are those of video players. */

/**
 * @typedef {["toggle"|"here"|"skip"|"edit"|"close"|"help"|"record"|"mark", undefined?]|["by", number]|["word", 1|-1]|["speed", 1|-1]} Command
 * @type {Record<string, Command>}
 */
const COMMANDS = {
  " ": ["toggle"],
  k: ["toggle"],
  j: ["by", -10_000],
  l: ["by", 10_000],
  ArrowLeft: ["by", -5_000],
  ArrowRight: ["by", 5_000],
  "Shift+ArrowLeft": ["word", -1],
  "Shift+ArrowRight": ["word", 1],
  ",": ["speed", -1],
  ".": ["speed", 1],
  // Where keyboards have these on one key with the others.
  "<": ["speed", -1],
  ">": ["speed", 1],
  Enter: ["here"],
  s: ["skip"],
  e: ["edit"],
  r: ["record"],
  m: ["mark"],
  Escape: ["close"],
  "?": ["help"],
};

/** @typedef {Pick<KeyboardEvent, "key"|"shiftKey"|"ctrlKey"|"metaKey"|"altKey">} Press */
/** @param {Press} press @returns {Command|null} */
export function command({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return COMMANDS[shiftKey && key.length > 1 ? `Shift+${name}` : name] ?? null;
}

/** Inputs that take no text. */
const UNTYPED = new Set(["range", "checkbox", "radio", "button", "file"]);

/**
 * Whether a key is a command where the focus is: not where it has a meaning of its own.
 * @param {Command} command @param {{tag: string, type: string, editable: boolean, selects: boolean}} focus
 */
export function applies([does], { tag, type, editable, selects }) {
  if (editable || tag === "TEXTAREA" || tag === "SELECT" || (tag === "INPUT" && !UNTYPED.has(type))) return false;
  if (does === "here") return !["BUTTON", "SUMMARY", "A", "INPUT"].includes(tag);
  if (does === "toggle") return tag !== "BUTTON" && tag !== "SUMMARY" && type !== "checkbox";
  // Shift and arrows make a selection longer.
  return !(does === "word" && selects);
}
