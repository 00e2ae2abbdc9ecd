/** Elements: found by their `data-part`, or made. */

/**
 * Find a part of a view, of the kind that the code expects; a template without it is a fault.
 * @template {Element} T @param {ParentNode} root @param {string} name @param {new () => T} kind @returns {T}
 */
export function part(root, name, kind) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} with data-part="${name}".`);
}

/**
 * Make an element with properties and what is in it.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag
 * @param {Partial<Omit<HTMLElementTagNameMap[T], "style">> & Record<string, unknown>} [properties]
 * @param {(Node|string)[]} children @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (children.length) element.append(...children);
  return element;
}
