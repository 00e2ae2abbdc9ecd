/** Style sheets of parts that come when they are needed. */

/** Where they are, beside the folder of this module, or of the bundle that it is a part of. */
const FOLDER = new URL("..", import.meta.url);

/** @type {Map<string, Promise<unknown>>} */
const asked = new Map();

/** Have a style sheet, or go on without it: its part works, too. @param {string} name `search/finding` */
export function styled(name) {
  const known = asked.get(name);
  if (known) return known;
  const coming = new Promise((resolve) => {
    const link = document.createElement("link");
    const failed = () => {
      // The next time may be better.
      asked.delete(name);
      link.remove();
      resolve(null);
    };
    const done = { onload: resolve, onerror: failed };
    document.head.append(Object.assign(link, { rel: "stylesheet", href: new URL(`${name}.css`, FOLDER).href, ...done }));
  });
  asked.set(name, coming);
  return coming;
}
