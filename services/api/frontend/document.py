"""`index.html` as it is sent: with the bundle or with plain modules, and with the newest clips inside."""

import base64
import hashlib
import re
from pathlib import Path

from services.api.frontend.bundle import Bundle

ENTRY = "main.js"

SCRIPT = f'<script type="module" src="/static/{ENTRY}"></script>'
"""How `index.html` names the script that the page starts with."""

TRY_AGAIN = """\
addEventListener("error", ({ target }) => {
  if (!(target instanceof HTMLScriptElement)) return;
  const turn = Number(sessionStorage.getItem("try-again"));
  sessionStorage.setItem("try-again", turn + 1);
  if (turn < 4) setTimeout(() => location.reload(), 500 * 2 ** turn);
}, true);
document.addEventListener("load", ({ target }) => {
  if (target instanceof HTMLScriptElement) sessionStorage.removeItem("try-again");
}, true);
"""
"""Loads the page anew when its script does not come: while a release is replaced, page and script may be answered by
two machines, and each has its own bundle alone. It goes on for eight seconds."""

PLAIN_SCRIPT = re.compile(r'<script src="/static/([^"]+)"></script>')
"""A script that runs before the page is painted (group 1: its file)."""

STYLE_SHEET = re.compile(r'[ \t]*<link rel="stylesheet" href="/static/[^"]+">\n?')

IMPORT = re.compile(r"""^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*["'](\.[^"']+)["']""", re.MULTILINE)
"""An import at the top of a module (group 1: its path)."""

BODY_END = "</body>"


def modules_of(folder: Path, entry: str = ENTRY) -> list[str]:
    """Every module that a module needs before it runs and that is there, by its path below the folder."""
    found: set[Path] = set()
    waiting = [(folder / entry).resolve()]
    while waiting:
        module = waiting.pop()
        found.add(module)
        imported = {(module.parent / path).resolve() for path in IMPORT.findall(module.read_text())}
        waiting += (path for path in imported - found if path.is_file())
    root = folder.resolve()
    return sorted(module.relative_to(root).as_posix() for module in found)


def plain_document(html: str, folder: Path) -> str:
    """The page with plain modules. All are named, so that they come at once, not one import behind the other."""
    preloads = [f'<link rel="modulepreload" href="/static/{name}">' for name in modules_of(folder) if name != ENTRY]
    return html.replace(SCRIPT, "\n  ".join([*preloads, SCRIPT]))


def inline_script(html: str, folder: Path) -> str:
    """What the bundled page runs before it is painted: nothing waits for a file. Then what watches over the bundle."""
    scripts = [(folder / name).read_text() for name in PLAIN_SCRIPT.findall(html)]
    return "\n".join([*scripts, TRY_AGAIN])


def bundled_document(html: str, bundle: Bundle, script: str) -> str:
    """The page with one file to ask for, the bundle; this script and the style sheet stand inside."""
    html = STYLE_SHEET.sub("", PLAIN_SCRIPT.sub("", html))
    entry = f'<script type="module" src="{bundle.prefix}{bundle.script}"></script>'
    return html.replace(SCRIPT, f"<style>{bundle.style}</style>\n  <script>{script}</script>\n  {entry}")


def with_first_list(html: str, clips: str) -> str:
    """The page with a page of the list, as JSON, that `static/shared/first-list.js` takes out."""
    # In JSON, these three stand inside strings alone. Without them, no name ends the element or opens a comment in it.
    for character in "<>&":
        clips = clips.replace(character, f"\\u{ord(character):04x}")
    element = f'<script type="application/json" id="first-list">{clips}</script>\n'
    return html.replace(BODY_END, element + BODY_END) if BODY_END in html else html + element


def source_hash(text: str) -> str:
    """What a Content-Security-Policy calls this inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
