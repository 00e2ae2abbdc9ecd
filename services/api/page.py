"""The page itself, and what it may load."""

import re
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.api.state import state_of
from services.api.static import REVALIDATE, STATIC, packed

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


async def index(request: Request) -> Response:
    """GET /."""
    settings, store = state_of(request).settings, state_of(request).store
    bucket = (store.origin() or "") if settings.audio_delivery == "redirect" else ""
    page = FileResponse(
        STATIC / "index.html",
        headers={
            "Cache-Control": REVALIDATE,
            "Content-Security-Policy": content_security_policy(bucket, _events(request)),
        },
    )
    return await packed(page, request.headers)


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
