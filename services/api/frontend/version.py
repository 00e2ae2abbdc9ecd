"""The version of the page's files, and the service worker's script that caches them under it."""

import hashlib
import json
import threading
import time
from pathlib import Path

STATIC = Path(__file__).parents[3] / "static"

SERVICE_WORKER = "service-worker.js"

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

Signature = tuple[tuple[str, int, int], ...]
"""Path, size and time of each file."""


class PageFiles:
    """The page's files as they were at start; with `reload`, as they were a second ago at most."""

    def __init__(self, folder: Path = STATIC, *, reload: bool = False) -> None:
        self._folder = folder
        self._reload = reload
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._signature: Signature = ()
        self._read()

    def version(self, policy: str) -> str:
        """Digest of the page's files, and of the policy that the page is served under."""
        self._refresh()
        return hashlib.sha256(f"{self._digest} {policy}".encode()).hexdigest()[:16]

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
        paths = [path for path, _, _ in self._signature if path not in {"index.html", SERVICE_WORKER}]
        self._urls = [f"/static/{path}" for path in paths]
        self._service_worker = (self._folder / SERVICE_WORKER).read_text()

    def _sign(self) -> Signature:
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        return tuple(
            (path.relative_to(self._folder).as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns)
            for path in paths
        )
