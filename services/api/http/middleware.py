"""Request id, log line, metrics and default headers of every request; rejection of other hosts and sites."""

import re
import time
import uuid
from collections.abc import Collection

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.errors import Problem, is_expected, problem_response
from services.api.settings import ApiSettings
from shared.origins import is_known_host, is_same_site

log = structlog.get_logger("services.api.request")

REQUESTS_TOTAL = Counter("dictaphone_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "dictaphone_request_seconds", "From the first byte of a request to the last of its answer", ["route"]
)

DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer, unless its route sets others."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_COUNTED_METHODS = _SAFE_METHODS | {"PUT", "POST", "PATCH", "DELETE"}
_UNLOGGED_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})


def reject_cross_site(headers: Headers, allowed_origins: Collection[str]) -> None:
    """Raise `Problem` if the page of another site made a browser send this request.

    Browsers name the page's site in Sec-Fetch-Site (Fetch Metadata) and Origin (RFC 6454). Other clients send neither
    header, and no page can misuse them. Another port of this host is another site.
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


def reject_unknown_host(headers: Headers, settings: ApiSettings) -> None:
    """Raise `Problem` if the Host header names another server (DNS rebinding; see `is_known_host`)."""
    if not is_known_host(headers.get("host", ""), settings.host, settings.allowed_origins):
        raise Problem(
            "unknown-host",
            "This server listens on this machine alone and is called localhost or 127.0.0.1. If another name leads "
            "here on purpose, put its origin into ALLOWED_ORIGINS.",
        )


class RequestMiddleware:
    """Request id, log line, metrics and default headers; rejects other hosts and sites, and answers every exception.

    Plain ASGI, because Starlette's BaseHTTPMiddleware costs a task and a stream for each request.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        client_id = headers.get("x-request-id", "")
        request_id = client_id if _REQUEST_ID.fullmatch(client_id) else uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                response_headers = MutableHeaders(scope=message)
                response_headers["X-Request-ID"] = request_id
                for name, value in DEFAULT_HEADERS.items():
                    response_headers.setdefault(name, value)
            await send(message)

        try:
            reject_unknown_host(headers, self._settings)
            if scope["method"] not in _SAFE_METHODS:
                reject_cross_site(headers, self._settings.allowed_origins)
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # Starlette's own last resort (ServerErrorMiddleware) would answer without these headers.
            if status:
                if not is_expected(error):
                    raise
                # The head is sent. The server closes the connection, and the client sees that the end is missing.
                log.error("answer broken off", path=scope["path"], reason=str(error.__cause__ or error))
                return
            response = await problem_response(Request(scope), error)
            await response(scope, receive, send_with_headers)
        finally:
            self._report(scope, status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    @staticmethod
    def _report(scope: Scope, status: int, seconds: float) -> None:
        # The route, not the path: names and ids in a label would make a time series for each clip.
        route = getattr(scope.get("route"), "path", "-")
        method = scope["method"] if scope["method"] in _COUNTED_METHODS else "other"
        REQUESTS_TOTAL.labels(method, route, status).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        if route not in _UNLOGGED_ROUTES:
            log.info("request", method=method, path=scope["path"], status=status, ms=round(seconds * 1000, 1))
