"""The page and its static files, with the Content-Security-Policy."""

import re
from urllib.parse import parse_qs, urlsplit

from starlette import staticfiles
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from services.api.frontend.version import STATIC, UNREGISTER_WORKER, PageFiles
from services.api.http.errors import Problem
from services.api.http.operations import Answer, Json, Operation, query_param
from services.api.http.static_files import REVALIDATE, compressed
from services.api.state import state_of

SHELL: Json = {"type": "string", "description": "Only this version: asked by a service worker."}

PERMISSIONS_POLICY = (
    "microphone=(self), camera=(), display-capture=(), geolocation=(), hid=(), midi=(), payment=(), serial=(), usb=()"
)
"""What the page may ask a person for: the microphone, and nothing else."""

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


@Operation(
    "The page",
    {200: Answer("HTML.", {"text/html": ()})},
    problems=["other-version"],
    parameters=[query_param("shell", SHELL)],
)
async def index(request: Request) -> Response:
    """GET /: the page, under its Content-Security-Policy."""
    policy = _policy(request)
    _reject_other_version(request, request.query_params.get("shell"), policy)
    headers = {
        "Cache-Control": REVALIDATE,
        "Content-Security-Policy": policy,
        "Permissions-Policy": PERMISSIONS_POLICY,
    }
    return await compressed(FileResponse(STATIC / "index.html", headers=headers), request.headers)


@Operation("What keeps the page on a device", {200: Answer("A script.", {"text/javascript": ()})})
def service_worker(request: Request) -> Response:
    """GET /service-worker.js. It stands at the root, because its scope is the folder that it is served from."""
    is_on = state_of(request).settings.service_worker == "on"
    return Response(
        _page_files(request).service_worker_script(_policy(request)) if is_on else UNREGISTER_WORKER,
        media_type="text/javascript",
        headers={"Cache-Control": REVALIDATE, "Content-Security-Policy": "default-src 'none'; connect-src 'self'"},
    )


def _page_files(request: Request) -> PageFiles:
    files: PageFiles = request.app.state.page_files
    return files


def _reject_other_version(request: Request, version: str | None, policy: str) -> None:
    """Raise `Problem` when a service worker asks for another version: its cache must not mix files of two versions."""
    if version is not None and version != _page_files(request).version(policy):
        raise Problem("other-version", "This server has another version of the page.")


def _policy(request: Request) -> str:
    settings, store = state_of(request).settings, state_of(request).store
    bucket = (store.presigned_origin() or "") if settings.audio_delivery == "redirect" else ""
    return content_security_policy(bucket, _websocket_source(request))


def _websocket_source(request: Request) -> str:
    """The WebSocket's address as a CSP source: in older Safari, `'self'` does not cover WebSockets."""
    parts = urlsplit(state_of(request).settings.realtime_url)
    if parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    host = request.headers.get("host", "")
    return f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""


def content_security_policy(bucket: str, websocket: str) -> str:
    """Allow our own files only; audio from the bucket, too, and the WebSocket of a realtime server elsewhere."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"media-src 'self' blob: {bucket}".rstrip(),
            f"connect-src 'self' {websocket}".rstrip(),
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # No text becomes markup or a script. The one policy is for the service worker's address.
            "require-trusted-types-for 'script'",
            "trusted-types service-worker",
        )
    )


class StaticFiles(staticfiles.StaticFiles):
    """Static files, compressed; browsers keep them and revalidate them before each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if versions := parse_qs(scope["query_string"].decode("latin-1")).get("shell"):
            request = Request(scope)
            _reject_other_version(request, versions[0], _policy(request))
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse):
            response = await compressed(response, Headers(scope=scope))
        response.headers["Cache-Control"] = REVALIDATE
        return response
