"""The version of the page's files, and the service worker's script that caches them under it."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

STATIC = Path(__file__).parents[3] / "static"

SERVICE_WORKER = STATIC / "service-worker.js"

UNREGISTER_WORKER = """\
// SERVICE_WORKER=off: forget the kept page, and leave.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("shell-")) await caches.delete(name);
  await registration.unregister();
})()));
"""
"""A service worker that deletes the cached page and unregisters itself. Recordings in IndexedDB stay."""

Signature = tuple[tuple[str, int, int], ...]


def page_version(policy: str) -> str:
    """Digest of the page's files as they are now, and of the policy that the page is served under."""
    return hashlib.sha256(f"{_digest(_signature())} {policy}".encode()).hexdigest()[:16]


def service_worker_script(policy: str) -> str:
    """The service worker with version and files written into it: browsers update it when any file changes."""
    files = [f"/static/{path}" for path, _, _ in _signature() if path not in {"index.html", SERVICE_WORKER.name}]
    shell = json.dumps({"version": page_version(policy), "files": ["/", *files]})
    return f"const SHELL = {shell};\n{SERVICE_WORKER.read_text()}"


def _signature() -> Signature:
    """Path, size and time of each file. Read at each request, because files change under a developer."""
    paths = sorted(path for path in STATIC.rglob("*") if path.is_file() and not path.name.startswith("."))
    return tuple(
        (path.relative_to(STATIC).as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in paths
    )


@lru_cache(maxsize=2)
def _digest(signature: Signature) -> str:
    """Digest of all names and bytes; times are left out, because they differ between machines of one version."""
    digest = hashlib.sha256()
    for path, size, _ in signature:
        digest.update(f"{path} {size}\n".encode() + (STATIC / path).read_bytes())
    return digest.hexdigest()
