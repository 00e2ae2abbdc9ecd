"""The worker's small HTTP server: is it alive, is it ready, what has it done, and the bell that wakes its machine."""

import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = structlog.get_logger(__name__)

CLIENT_S = 10
"""Seconds that a client may take for its request, so that an idle connection holds no thread."""

TEXT = "text/plain; charset=utf-8"


class Listener:
    """Listens from construction to `close`. Raises `OSError` if the address is not to be had.

    `checks` are what readiness needs, each raising if it fails; `facts` are told beside them; `woken` hears the bell.
    """

    def __init__(
        self,
        host: str,
        port: int,
        checks: Mapping[str, Callable[[], None]],
        facts: Callable[[], Mapping[str, str]],
        woken: Callable[[], None],
    ) -> None:
        def ring() -> Answer:
            woken()
            return HTTPStatus.NO_CONTENT, TEXT, b""

        class Handler(_Handler):
            pass

        Handler.answers = {
            ("GET", "/healthz"): lambda: (HTTPStatus.OK, TEXT, b"ok"),
            ("GET", "/readyz"): lambda: _readiness(checks, facts),
            ("GET", "/metrics"): lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()),
            ("POST", "/wake"): ring,
        }
        self._server = _Server((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="listener", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening: from here on, whoever calls is refused and starts another machine."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


Answer = tuple[HTTPStatus, str, bytes]


def _readiness(checks: Mapping[str, Callable[[], None]], facts: Callable[[], Mapping[str, str]]) -> Answer:
    told, fine = dict(facts()), True
    for part, check in checks.items():
        try:
            check()
            told[part] = "ok"
        except Exception as error:
            # Its text may name addresses and keys: that is for the log, not for whoever asks.
            log.warning("not ready", part=part, reason=str(error))
            told[part], fine = f"does not answer ({type(error).__name__})", False
    status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", dumps(told).encode()


class _Handler(BaseHTTPRequestHandler):
    answers: Mapping[tuple[str, str], Callable[[], Answer]]
    timeout = CLIENT_S
    server_version = "dictaphone"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        answer = self.answers.get((self.command, path))
        if answer is None:
            known = any(path == other for _, other in self.answers)
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND)
            return
        status, content_type, body = answer()
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
        # `::` takes IPv4 as well: Fly's private network is IPv6, everybody else's health check is not.
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a client went away", client=client_address[0])
