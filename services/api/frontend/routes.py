"""The page and its files, with the Content-Security-Policy."""

import re
from mimetypes import guess_type
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import anyio
import structlog
from anyio import to_thread
from starlette import staticfiles
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Scope

from services.api.access.access import admit
from services.api.access.identify import identify
from services.api.access.principal import How, Need, Principal
from services.api.clips import legacy_routes
from services.api.clips.operations import AUDIO, AUDIO_ANSWERS, AUDIO_PROBLEMS, RANGE
from services.api.frontend.document import with_first_list
from services.api.frontend.version import UNREGISTER_WORKER, PageFiles
from services.api.http.errors import Problem, is_expected
from services.api.http.operations import Answer, Json, Operation, query_param
from services.api.http.static_files import FOREVER, REVALIDATE, TEXT_SUFFIXES, kept_text
from services.api.search.routes import first_page
from services.api.state import state_of

log = structlog.get_logger(__name__)

SHELL: Json = {"type": "string", "description": "Only this version: asked by a service worker."}

PERMISSIONS_POLICY = (
    "microphone=(self), display-capture=(self), "
    "camera=(), geolocation=(), hid=(), midi=(), payment=(), serial=(), usb=()"
)
"""What the page may ask a person for: the microphone, the sound of a tab or of the computer, and nothing else."""

SIGN_IN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy of the page by which one comes in: its own few files, and nothing made of text."""

LIST_TIMEOUT_S: Final = 1.0
"""How long the page waits for its list: without one it asks for it by itself, and says what is wrong."""

NOT_STORED = "private, no-store"
"""Cache-Control of a page with somebody's list in it."""

PAGE_VARY = "Accept, Sec-Fetch-Dest, Sec-Fetch-Mode"
"""Headers that tell a navigation from other requests: `is_navigation`."""

NO_LIBRARIES = Principal(How.SESSION, {}, "")
"""Somebody of whom nothing is known at the moment."""

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_CLIP_ID = re.compile(r"/clips/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_navigation(headers: Headers) -> bool:
    """Whether a person opens this address in a tab. Browsers that send no Fetch Metadata are known by Accept."""
    return (
        "text/html" in headers.get("accept", "")
        and headers.get("sec-fetch-mode", "navigate") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
    )


@Operation(
    "The page, with the newest clips inside if a person opens it in a tab",
    {200: Answer("HTML.", {"text/html": ()}), 401: Answer("The page to sign in.", {"text/html": ()})},
    problems=["other-version"],
    parameters=[query_param("shell", SHELL)],
)
async def index(request: Request) -> Response:
    """GET / and the page's other places: the page, under its Content-Security-Policy."""
    policy, version = _policy(request), request.query_params.get("shell")
    _reject_other_version(request, version, policy)
    # What a service worker keeps holds nothing of anybody: a device goes on with it, signed in or not.
    principal = await _sender(request) if version is None else None
    if principal is None and version is None:
        return _sign_in_document(request, 401)
    document = _page_files(request).document
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Vary": PAGE_VARY,
    }
    # What another site's page may ask for holds no list.
    clips = (
        await _first_list(request, principal)
        if principal and principal.roles and is_navigation(request.headers)
        else None
    )
    if clips is None:
        return await kept_text(document.encode(), {**headers, "Cache-Control": REVALIDATE}, request.headers)
    return Response(with_first_list(document, clips), headers={**headers, "Cache-Control": NOT_STORED})


@Operation("The page to sign in, and to claim this server", {200: Answer("HTML.", {"text/html": ()})})
def sign_in(request: Request) -> Response:
    """GET /sign-in and /claim. A secret stands behind the `#` of the address, which no server gets to see."""
    return _sign_in_document(request, 200)


@Operation(
    "The page of a clip, if a person opens it in a tab; otherwise the audio of this name, to play or download",
    {**AUDIO_ANSWERS, 200: Answer("The audio, or HTML.", {**AUDIO, "text/html": ()})},
    problems=AUDIO_PROBLEMS,
    parameters=[RANGE],
    head_summary="Ask about the audio",
)
async def clip(request: Request) -> Response:
    """GET /clips/{name}. The page's clips have ids (UUIDs); a name that is none is a clip of the seed's clients."""
    if _CLIP_ID.fullmatch(request.url.path) and is_navigation(request.headers):
        return await index(request)
    await admit(request, Need.READS)
    response = await run_in_threadpool(legacy_routes.get, request)
    response.headers.add_vary_header(PAGE_VARY)
    return response


@Operation("What keeps the page on a device", {200: Answer("A script.", {"text/javascript": ()})})
def service_worker(request: Request) -> Response:
    """GET /service-worker.js. It stands at the root, because its scope is the folder that it is served from."""
    is_on = state_of(request).settings.service_worker == "on"
    return Response(
        _page_files(request).service_worker_script(_policy(request)) if is_on else UNREGISTER_WORKER,
        media_type="text/javascript",
        headers={"Cache-Control": REVALIDATE, "Content-Security-Policy": "default-src 'none'; connect-src 'self'"},
    )


def _sign_in_document(request: Request, status: int) -> Response:
    """The page to sign in. With 401 it stands at the address that somebody wanted, who goes on there afterwards."""
    headers = {
        "Content-Security-Policy": SIGN_IN_POLICY,
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        "Cache-Control": NOT_STORED if status == 401 else REVALIDATE,
        "Vary": f"{PAGE_VARY}, Cookie",
    }
    return HTMLResponse(_page_files(request).sign_in_document, status, headers)


async def _sender(request: Request) -> Principal | None:
    """Who asks for the page. While the database is away, it goes to everybody, with nothing of anybody inside."""
    try:
        return await identify(request)
    except Problem:
        return None  # a token that opens nothing
    except Exception as error:
        if not is_expected(error):
            raise
        log.warning("page sent without knowing to whom", reason=str(error))
        return NO_LIBRARIES


async def _first_list(request: Request, principal: Principal) -> str | None:
    """The first page of somebody's list as JSON; None: it cannot be had now."""
    state = state_of(request)
    try:
        with anyio.move_on_after(LIST_TIMEOUT_S):
            return (await to_thread.run_sync(first_page, state, principal, abandon_on_cancel=True)).model_dump_json()
    except Exception as error:
        # The page is wanted most when something is wrong: it records without any list.
        log.warning("page sent without its list", reason=str(error), exc_info=not is_expected(error))
    return None


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
    return content_security_policy(bucket, _websocket_source(request), *_page_files(request).inline_sources)


def _websocket_source(request: Request) -> str:
    """The WebSocket's address as a CSP source: in older Safari, `'self'` does not cover WebSockets."""
    parts = urlsplit(state_of(request).settings.realtime_url)
    if parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    host = request.headers.get("host", "")
    return f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""


def content_security_policy(bucket: str, websocket: str, script: str, style: str) -> str:
    """Allow our own files, and the page's inline script and style by their hashes; nothing else.

    Audio may come from the bucket, too, and the WebSocket be that of a realtime server elsewhere.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {script}".rstrip(),
            f"style-src 'self' {style}".rstrip(),
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
    """The bundle's files, which browsers keep for good, and those of the folder, which they revalidate."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        request = Request(scope)
        if versions := parse_qs(scope["query_string"].decode("latin-1")).get("shell"):
            _reject_other_version(request, versions[0], _policy(request))
        if bundled := _bundled(request, path):
            headers = {"Content-Type": _content_type(path), "Cache-Control": FOREVER}
            return await kept_text(bundled, headers, request.headers)
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse) and Path(path).suffix in TEXT_SUFFIXES:
            body = await run_in_threadpool(Path(response.path).read_bytes)
            headers = {"Content-Type": _content_type(path), "Cache-Control": REVALIDATE}
            return await kept_text(body, headers, request.headers)
        response.headers["Cache-Control"] = REVALIDATE
        return response


def _bundled(request: Request, path: str) -> bytes | None:
    bundle = _page_files(request).bundle
    name = f"/static/{path}"
    return bundle.files.get(name.removeprefix(bundle.prefix)) if bundle and name.startswith(bundle.prefix) else None


def _content_type(path: str) -> str:
    media_type = guess_type(path)[0] or "application/octet-stream"
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
