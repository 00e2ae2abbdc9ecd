/** Folders that are dropped on the page. They come when somebody drops one. */

/** What systems hide in folders. */
const HIDDEN = /^(\.|thumbs\.db$|desktop\.ini$)/i;

/** The files within what was dropped, in folders of folders, too. @param {FileSystemEntry} entry @returns {Promise<File[]>} */
export async function filesWithin(entry) {
  if (HIDDEN.test(entry.name)) return [];
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    return new Promise((resolve) => one.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const found = [];
  for (;;) {
    // A browser names some at a time, and none at the end.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesWithin(each)));
  }
}
