/** Words that are there before the transcript is: those that are settled, and those that may still change. */

export class LiveWords {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.tentative = document.createElement("i");
    this.settled = document.createTextNode("");
    element.replaceChildren(this.settled, this.tentative);
  }

  /** @param {{settled: string, tentative: string}} words recognizers begin a word with the space before it */
  show({ settled, tentative: next }) {
    const tentative = settled ? next : next.trimStart();
    // Only what is new is written, so that nobody loses what they selected.
    const known = this.settled.data;
    if (settled.startsWith(known)) this.settled.appendData(settled.slice(known.length));
    else this.settled.data = settled;
    if (this.tentative.textContent !== tentative) this.tentative.textContent = tentative;
    this.element.hidden = !settled && !tentative;
  }
}
