/** Emits `change` after the colours of the page have changed: what draws by itself draws anew. */

export const colours = new EventTarget();

const tell = () => colours.dispatchEvent(new Event("change"));

globalThis.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", tell);
for (const type of ["theme", "storage"]) globalThis.addEventListener?.(type, tell);
