"""The page itself, and what it may load."""

import re
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.api.frontend import version
from services.api.frontend.version import STATIC
from services.api.http.errors import Problem
from services.api.http.static_files import REVALIDATE, packed
from services.api.state import state_of

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


async def index(request: Request) -> Response:
    """GET /."""
    policy = _policy(request)
    refuse_other_version(request.query_params.get("shell"), policy)
    headers = {"Cache-Control": REVALIDATE, "Content-Security-Policy": policy}
    return await packed(FileResponse(STATIC / "index.html", headers=headers), request.headers)


def service_worker(request: Request) -> Response:
    """GET /service-worker.js: what keeps the page on a device, at the root since it may only serve what is below it."""
    kept = state_of(request).settings.service_worker == "on"
    return Response(
        version.worker(_policy(request)) if kept else version.FAREWELL,
        media_type="text/javascript",
        headers={"Cache-Control": REVALIDATE, "Content-Security-Policy": "default-src 'none'; connect-src 'self'"},
    )


def refuse_other_version(wanted: str | None, policy: str) -> None:
    """Raise `Problem` when a service worker asks for the page of another version: it never keeps files of two."""
    if wanted is not None and wanted != version.version(policy):
        raise Problem("other-version", "This server has another version of the page.")


def _policy(request: Request) -> str:
    settings, store = state_of(request).settings, state_of(request).store
    bucket = (store.presigned_origin() or "") if settings.audio_delivery == "redirect" else ""
    return content_security_policy(bucket, _events(request))


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
        if wanted := parse_qs(scope["query_string"].decode("latin-1")).get("shell"):
            refuse_other_version(wanted[0], _policy(Request(scope)))
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse):
            response = await packed(response, Headers(scope=scope))
        response.headers["Cache-Control"] = REVALIDATE
        return response
