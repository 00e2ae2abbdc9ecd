/** The settings of this device and what the server says of itself. */

import { part } from "../shared/element.js";

export class Settings {
  /** @param {HTMLElement} element @param {import("../shared/places.js").PlacesContext} page */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.title = part(element, "settings-title", HTMLElement);
  }

  /** Show what may have changed since they were looked at. */
  show() {}
}
