/** Whether an element is in the document and laid out. */

/**
 * Safari has `checkVisibility` since 17.4: before, an element that is laid out has at least one box.
 * @param {Element} element
 */
export function isRendered(element) {
  return element.checkVisibility ? element.checkVisibility() : element.getClientRects().length > 0;
}
