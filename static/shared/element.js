/** Find parts of a view, and make new ones. */

/**
 * Find a part by its `data-part`, of the kind that the code expects; a template without it is a fault.
 * @template {Element} T @param {ParentNode} root @param {string} name @param {new () => T} kind @returns {T}
 */
export function part(root, name, kind) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} with data-part="${name}".`);
}

/**
 * Make an element with its class and text, and with children behind it.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} [className] @param {string} [text]
 * @param {...(Node|string)} children @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, className = "", text = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...(text ? [text] : []), ...children);
  return made;
}
