"""The version of the page's files, and the service worker's script that caches them under it."""

import hashlib
import json
import threading
import time
from pathlib import Path
from typing import Literal

from services.api.frontend.bundle import Bundle
from services.api.frontend.document import bundled_document, inline_script, plain_document, source_hash

STATIC = Path(__file__).parents[3] / "static"

SERVICE_WORKER = "service-worker.js"

SIGN_IN = "sign-in/index.html"

UNREGISTER_WORKER = """\
// SERVICE_WORKER=off: forget the kept page, and leave.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("shell-")) await caches.delete(name);
  await registration.unregister();
})()));
"""
"""A service worker that deletes the cached page and unregisters itself. Recordings in IndexedDB stay."""

RELOAD_INTERVAL_S = 1.0
"""Seconds between two looks for changed files: a service worker that is updated asks for all files within one."""

BUNDLED_SUFFIXES = {".css", ".js"}
"""Kinds of files whose place the bundle takes."""

Signature = tuple[tuple[str, int, int], ...]
"""Path, size and time of each file."""


class PageFiles:
    """The page's files as they were at start; with `reload`, as they were a second ago at most.

    `bundle`: where a bundle may be. It is served if it was made of the very files that are in the folder, and not with
    `reload=True`; with `reload="auto"` until a file is changed.
    """

    def __init__(
        self, folder: Path = STATIC, *, bundle: Path | None = None, reload: bool | Literal["auto"] = False
    ) -> None:
        self._folder = folder
        self._bundle_folder = None if reload is True else bundle
        self._reload = bool(reload)
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._signature: Signature = ()
        self._read()

    @property
    def document(self) -> str:
        """`index.html` as it is sent."""
        self._refresh()
        return self._document

    @property
    def sign_in_document(self) -> str:
        """The page to sign in: plain modules, with the bundle or without."""
        self._refresh()
        return self._sign_in_document

    @property
    def bundle(self) -> Bundle | None:
        """The bundle that the page is made of; None: plain modules."""
        return self._bundle

    @property
    def inline_sources(self) -> tuple[str, str]:
        """The document's inline script and style, as a Content-Security-Policy calls them; empty: it has none."""
        self._refresh()
        return self._inline_sources

    def version(self, policy: str) -> str:
        """Digest of the page's files, and of the policy that the page is served under."""
        self._refresh()
        bundle = self._bundle.id if self._bundle else ""
        return hashlib.sha256(f"{self._digest} {bundle} {policy}".encode()).hexdigest()[:16]

    def service_worker_script(self, policy: str) -> str:
        """The service worker with version and files written into it: browsers update it when any file changes."""
        shell = json.dumps({"version": self.version(policy), "files": ["/", *self._urls]})
        return f"const SHELL = {shell};\n{self._service_worker}"

    def _refresh(self) -> None:
        """Read the files again if one has changed under a developer."""
        if self._reload and time.monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._next_look = time.monotonic() + RELOAD_INTERVAL_S
                if self._sign() != self._signature:
                    self._read()
            finally:
                self._lock.release()

    def _read(self) -> None:
        self._next_look = time.monotonic() + RELOAD_INTERVAL_S
        self._signature = self._sign()
        # Times are left out, because they differ between machines of one version.
        digest = hashlib.sha256()
        for path, size, _ in self._signature:
            digest.update(f"{path} {size}\n".encode() + (self._folder / path).read_bytes())
        self._digest = digest.hexdigest()
        self._bundle = Bundle.read(self._bundle_folder, self._digest) if self._bundle_folder else None
        html = (self._folder / "index.html").read_text()
        if self._bundle:
            script = inline_script(html, self._folder)
            self._document = bundled_document(html, self._bundle, script)
            self._inline_sources = source_hash(script), source_hash(self._bundle.style)
        else:
            self._document, self._inline_sources = plain_document(html, self._folder), ("", "")
        self._sign_in_document = (self._folder / SIGN_IN).read_text()
        self._urls = self._addresses()
        self._service_worker = (self._folder / SERVICE_WORKER).read_text()

    def _addresses(self) -> list[str]:
        """Every file that the page may ask for."""
        paths = [Path(path) for path, _, _ in self._signature if path not in {"index.html", SERVICE_WORKER}]
        if self._bundle:
            paths = [path for path in paths if path.suffix not in BUNDLED_SUFFIXES]
        bundled = [f"{self._bundle.prefix}{name}" for name in sorted(self._bundle.files)] if self._bundle else []
        return [*bundled, *(f"/static/{path.as_posix()}" for path in paths)]

    def _sign(self) -> Signature:
        paths = [path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        # In the order of infra/bundle/build.js, which computes the same digest.
        return tuple(
            (name, (stat := (self._folder / name).stat()).st_size, stat.st_mtime_ns)
            for name in sorted(path.relative_to(self._folder).as_posix() for path in paths)
        )
