"""The page's files as one thing with a version, which a service worker keeps and starts without a network."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

STATIC = Path(__file__).parents[3] / "static"

WORKER = STATIC / "service-worker.js"

FAREWELL = """\
// SERVICE_WORKER=off: forget the kept page, and leave.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("shell-")) await caches.delete(name);
  await registration.unregister();
})()));
"""
"""A worker that ends all workers. What is not sent yet is in IndexedDB and stays."""

Signature = tuple[tuple[str, int, int], ...]


def version(policy: str) -> str:
    """Name the page's files as they are now, together with the policy that the page is served under."""
    return hashlib.sha256(f"{_digest(_signature())} {policy}".encode()).hexdigest()[:16]


def worker(policy: str) -> str:
    """Write the service worker's script: another byte in any file makes it another script, and so a new version."""
    files = [f"/static/{path}" for path, _, _ in _signature() if path not in {"index.html", WORKER.name}]
    told = json.dumps({"version": version(policy), "files": ["/", *files]})
    return f"const SHELL = {told};\n{WORKER.read_text()}"


def _signature() -> Signature:
    """Path, size and time of each file, cheap enough to look at for each request: files change under a developer."""
    found = sorted(path for path in STATIC.rglob("*") if path.is_file() and not path.name.startswith("."))
    return tuple(
        (path.relative_to(STATIC).as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in found
    )


@lru_cache(maxsize=2)
def _digest(signature: Signature) -> str:
    """The digest of all names and bytes; times are not in it, since two machines with one version differ there."""
    digest = hashlib.sha256()
    for path, size, _ in signature:
        digest.update(f"{path} {size}\n".encode() + (STATIC / path).read_bytes())
    return digest.hexdigest()
