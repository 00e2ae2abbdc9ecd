/*
 * Light or dark, as it was chosen on this device. A plain script and no module: modules run after the first paint, and
 * the page would flash. Whoever chooses another theme dispatches `theme`; other tabs hear of it by `storage`.
 */
(() => {
  const metas = /** @type {NodeListOf<HTMLMetaElement>} */ (document.querySelectorAll('meta[name="theme-color"]'));
  const system = [...metas].map(({ content }) => content);

  const apply = () => {
    let theme = "";
    try {
      theme = JSON.parse(localStorage.getItem("dictaphone.theme") ?? '""');
    } catch {
      // The browser keeps nothing: as the system is.
    }
    const chosen = ["light", "dark"].indexOf(theme);
    if (chosen < 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    // The browser's own bars: the first colour is of light paper, the second of dark paper.
    metas.forEach((meta, at) => (meta.content = system[chosen < 0 ? at : chosen]));
  };

  apply();
  addEventListener("theme", apply);
  addEventListener("storage", apply);
})();
