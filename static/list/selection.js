/** Which clips are chosen. Pure. */

export class Selection {
  /** @type {Set<string>} */
  ids = new Set();
  #last = "";

  get size() {
    return this.ids.size;
  }

  /**
   * Choose a clip, or leave it out; with `between`, all from the one before to this one.
   * @param {string} id @param {boolean} chosen @param {(from: string, to: string) => string[]} [between]
   */
  pick(id, chosen, between) {
    const known = between && this.#last ? between(this.#last, id) : [];
    // One that was left out of the list since is no place to begin at.
    for (const one of known.includes(this.#last) ? known : [id]) {
      if (chosen) this.ids.add(one);
      else this.ids.delete(one);
    }
    this.#last = id;
  }

  /** @param {Iterable<string>} ids */
  set(ids) {
    this.ids = new Set(ids);
    this.#last = "";
  }
}
