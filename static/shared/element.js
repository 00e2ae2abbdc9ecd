/** Find a part of a view by its `data-part`, of the kind that the code expects; a template without it is a fault. */

/** @template {Element} T @param {ParentNode} root @param {string} name @param {new () => T} kind @returns {T} */
export function part(root, name, kind) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} with data-part="${name}".`);
}
