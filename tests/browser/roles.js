/**
 * What is on the page by role and name, as assistive technology finds it (WAI-ARIA, accname), as far as our page needs
 * it. A function for tests in every browser: they call it with `{role, name, within}`, where `within` is another such
 * wish; a name that begins and ends with `/` is a pattern. It gives all matches, the visible ones alone.
 */
(wish) => {
  const IMPLICIT = {
    a: (e) => e.hasAttribute("href") && "link",
    article: () => "article",
    aside: () => "complementary",
    audio: () => "audio",
    button: () => "button",
    del: () => "deletion",
    dialog: () => "dialog",
    h1: () => "heading", h2: () => "heading", h3: () => "heading", h4: () => "heading",
    input: (e) => ({ checkbox: "checkbox", radio: "radio", range: "slider", search: "searchbox", button: "button" })[e.type] ?? "textbox",
    ins: () => "insertion",
    li: () => "listitem",
    main: () => "main",
    mark: () => "mark",
    nav: () => "navigation",
    ol: () => "list", ul: () => "list",
    p: () => "paragraph",
    progress: () => "progressbar",
    section: (e) => (e.hasAttribute("aria-label") || e.hasAttribute("aria-labelledby")) && "region",
    select: () => "combobox",
    summary: () => "button",
    textarea: () => "textbox",
  };
  const FROM_CONTENT = /^(button|link|heading|option|tab|menuitem.*|checkbox|radio|switch|row|cell|mark)$/;

  const roleOf = (e) => e.getAttribute("role") || IMPLICIT[e.localName]?.(e) || "";

  const isHidden = (e) => e.closest("[hidden], [aria-hidden=true], [inert], template") !== null;

  const isVisible = (e) => {
    if (isHidden(e) || !e.getClientRects().length) return false;
    const { visibility } = getComputedStyle(e);
    return visibility === "visible";
  };

  const tidy = (text) => (text ?? "").replace(/\s+/g, " ").trim();

  const textOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.hidden || node.ariaHidden === "true") return "";
    if (node.getAttribute("aria-label")) return ` ${node.getAttribute("aria-label")} `;
    if (node.localName === "img") return ` ${node.alt} `;
    return [...node.childNodes].map(textOf).join(" ");
  };

  const nameOf = (e) => {
    const ids = (e.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
    const named = tidy(ids.map((id) => document.getElementById(id)).filter(Boolean).map((each) => textOf(each)).join(" "));
    if (named) return named;
    if (e.getAttribute("aria-label")) return tidy(e.getAttribute("aria-label"));
    const labels = tidy([...(e.labels ?? [])].map(textOf).join(" "));
    if (labels) return labels;
    if (FROM_CONTENT.test(roleOf(e))) {
      const content = tidy(textOf(e));
      if (content) return content;
    }
    return tidy(e.title || e.placeholder);
  };

  const fits = (name, wanted) => {
    if (wanted === undefined || wanted === null) return true;
    const pattern = wanted.match(/^\/(.*)\/$/s);
    return pattern ? new RegExp(pattern[1], "u").test(name) : name === wanted;
  };

  const all = ({ role, name, within }) => {
    const roots = within ? all(within) : [document.body];
    const found = roots.flatMap((root) => [...root.querySelectorAll("*")]);
    return found.filter((e) => roleOf(e) === role && isVisible(e) && fits(nameOf(e), name));
  };

  return all(wish);
}
