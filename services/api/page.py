"""The page and its files, which ship as they are."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.api.state import state_of

STATIC = Path(__file__).parents[2] / "static"

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")

REVALIDATE = "no-cache"
"""Cache-Control of page and files: kept by the browser, and asked about (ETag, 304) before each use."""


async def index(request: Request) -> Response:
    """GET /."""
    settings, store = state_of(request).settings, state_of(request).store
    bucket = (store.origin() or "") if settings.audio_delivery == "redirect" else ""
    return FileResponse(
        STATIC / "index.html",
        headers={
            "Cache-Control": REVALIDATE,
            "Content-Security-Policy": content_security_policy(bucket, _events(request)),
        },
    )


def _events(request: Request) -> str:
    """Where the page's WebSocket goes, as a source: older Safari takes `'self'` for HTTP alone."""
    parts = urlsplit(state_of(request).settings.realtime_url)
    if parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    host = request.headers.get("host", "")
    return f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""


def content_security_policy(bucket: str, events: str) -> str:
    """Nothing but our own files; audio also from the bucket, events also from a realtime server elsewhere."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"media-src 'self' blob: {bucket}".rstrip(),
            f"connect-src 'self' {events}".rstrip(),
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class Files(StaticFiles):
    """Static files that a browser keeps and asks about before each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = REVALIDATE
        return response
