"""Answers to requests that open no WebSocket, refusals among them."""

import json
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST
from websockets.datastructures import Headers
from websockets.http11 import Response

HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer."""

RETRY_AFTER_S = 2
"""When a client may try again after a 503: a restart takes less."""


def problem(status: int, detail: str) -> Response:
    """Make problem details (RFC 9457), like those of the clip API."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return response(status, "application/problem+json", json.dumps(body).encode())


def health() -> Response:
    return response(200, "text/plain; charset=utf-8", b"ok")


def readiness(fault: str | None) -> Response:
    body = json.dumps({"redis": fault or "ok"}, ensure_ascii=False).encode()
    return response(503 if fault else 200, "application/json", body)


def metrics(text: bytes) -> Response:
    return response(200, CONTENT_TYPE_LATEST, text)


def response(status: int, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body))} | HEADERS)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(status, HTTPStatus(status).phrase, headers, body)
