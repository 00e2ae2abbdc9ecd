"""Around every request: its id, log line, metrics and headers, and no requests of other sites."""

import re
import time
import uuid
from collections.abc import Collection

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.errors import Problem, answer
from services.api.settings import ApiSettings
from shared.origins import is_known_host, is_same_site

log = structlog.get_logger("services.api.request")

REQUESTS = Counter("dictaphone_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "dictaphone_request_seconds", "From the first byte of a request to the last of its answer", ["route"]
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers that every answer has, unless its route says otherwise."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = _SAFE | {"PUT", "POST", "PATCH", "DELETE"}
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


def refuse_other_sites(headers: Headers, allowed_origins: Collection[str]) -> None:
    """Raise `Problem` if another site's page makes a visitor's browser send this.

    Browsers say where a request comes from in Sec-Fetch-Site (Fetch Metadata) and Origin (RFC 6454); what is no browser
    says nothing and is nobody's accomplice. Ports count: another port of this host is another site.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site in {"same-origin", "none"} or (site is None and origin is None):
        return
    # A WebSocket handshake over plain HTTP carries no Sec-Fetch-Site.
    hosts = [headers.get("host", "")] if site is None else []
    if not is_same_site(origin or "", hosts, allowed_origins):
        raise Problem(
            "cross-site", "This request comes from another site. ALLOWED_ORIGINS names those that may send it."
        )


def refuse_unknown_hosts(headers: Headers, settings: ApiSettings) -> None:
    """Raise `Problem` if the request calls this machine by a name that is not its own."""
    if not is_known_host(headers.get("host", ""), settings.host, settings.allowed_origins):
        raise Problem(
            "unknown-host",
            "This server listens on this machine alone and is called localhost or 127.0.0.1. If another name leads "
            "here on purpose, put its origin into ALLOWED_ORIGINS.",
        )


class Guard:
    """ASGI middleware, written as one because Starlette's own costs a task and a stream for each request."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["X-Request-ID"] = request_id
                for name, value in HEADERS.items():
                    answered.setdefault(name, value)
            await send(message)

        try:
            refuse_unknown_hosts(headers, self._settings)
            if scope["method"] not in _SAFE:
                refuse_other_sites(headers, self._settings.allowed_origins)
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # Also what no handler expected: Starlette's own last resort would answer without these headers.
            if status:
                raise
            response = await answer(Request(scope), error)
            await response(scope, receive, send_with_headers)
        finally:
            self._note(scope, status, time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    @staticmethod
    def _note(scope: Scope, status: int, seconds: float) -> None:
        # The route, not the path: names and ids would make a metric for each clip.
        route = getattr(scope.get("route"), "path", "-")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        REQUESTS.labels(method, route, status).inc()
        SECONDS.labels(route).observe(seconds)
        if route not in _QUIET:
            log.info("request", method=method, path=scope["path"], status=status, ms=round(seconds * 1000, 1))
