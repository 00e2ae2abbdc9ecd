"""The worker's small HTTP server: liveness, readiness, metrics, and the request that wakes its machine."""

import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_S = 10
"""Longest time for one request, so that an idle connection holds no thread."""

TEXT = "text/plain; charset=utf-8"

Response = tuple[HTTPStatus, str, bytes]
"""Status, content type and body."""


class HealthServer:
    """Listens from construction to `close`. Raises `OSError` if the address is taken.

    Each of `checks` raises if a part is unavailable. `/readyz` shows their results and the `facts`. `POST /wake` calls
    `on_wake`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        checks: Mapping[str, Callable[[], None]],
        facts: Callable[[], Mapping[str, str]],
        on_wake: Callable[[], None],
    ) -> None:
        def wake() -> Response:
            on_wake()
            return HTTPStatus.NO_CONTENT, TEXT, b""

        class Handler(_Handler):
            pass

        Handler.routes = {
            ("GET", "/healthz"): lambda: (HTTPStatus.OK, TEXT, b"ok"),
            ("GET", "/readyz"): lambda: _readiness(checks, facts),
            ("GET", "/metrics"): lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()),
            ("POST", "/wake"): wake,
        }
        self._server = _Server((host, port), Handler)
        self._thread = LifelineThread(lambda: self._server.serve_forever(0.1), "health server")
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening. Whoever is refused from here on starts another machine."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _readiness(checks: Mapping[str, Callable[[], None]], facts: Callable[[], Mapping[str, str]]) -> Response:
    states, is_ready = dict(facts()), True
    for part, check in checks.items():
        try:
            check()
            states[part] = "ok"
        except Exception as error:
            # The error may name addresses and keys: the log may have them, the client may not.
            log.warning("not ready", part=part, reason=str(error))
            states[part], is_ready = f"does not answer ({type(error).__name__})", False
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", dumps(states).encode()


class _Handler(BaseHTTPRequestHandler):
    routes: Mapping[tuple[str, str], Callable[[], Response]]
    timeout = REQUEST_TIMEOUT_S
    server_version = "dictaphone"
    sys_version = ""

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        path = self.path.partition("?")[0]
        route = self.routes.get((self.command, path))
        if route is None:
            is_known_path = any(path == other for _, other in self.routes)
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED if is_known_path else HTTPStatus.NOT_FOUND)
            return
        status, content_type, body = route()
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("request", line=format % args)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        # `::` must accept IPv4 as well: Fly's private network is IPv6, other platforms' health checks are IPv4.
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a client disconnected", client=client_address[0])
