/** Style sheets of parts that come when they are needed. */

/** @type {Map<string, Promise<unknown>>} */
const asked = new Map();

/** Have a style sheet, or go on without it: its part works, too. @param {string} name `search/finding` */
export function styled(name) {
  const known = asked.get(name);
  if (known) return known;
  const coming = new Promise((resolve) => {
    const link = document.createElement("link");
    const done = { onload: resolve, onerror: resolve };
    document.head.append(Object.assign(link, { rel: "stylesheet", href: `/static/${name}.css`, ...done }));
  });
  asked.set(name, coming);
  return coming;
}
