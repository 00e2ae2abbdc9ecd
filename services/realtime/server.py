"""The sockets: who may connect, what each is sent, and how each is taken leave of."""

import asyncio
import json
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from services.realtime.feed import Feed
from services.realtime.hub import REPLAY_BYTES, Hub
from services.realtime.settings import RealtimeSettings
from shared.events import HOME
from shared.origins import is_known_host, is_same_site

log = structlog.get_logger(__name__)

UNKNOWN_MESSAGE = 4400
"""Close code (4000 to 4999 are private, RFC 6455, 7.4.2) for who sends something: a browser has nothing to say."""

TOO_SLOW = 4408
"""Close code for who reads too slowly: its events would pile up here. It comes back and is told what it missed."""

SEND_BUFFER_BYTES = 2 * REPLAY_BYTES
"""What may wait for one socket: a whole replay, and as much again that happens meanwhile."""

INCOMING_BYTES = 1024
"""Largest message that is read before the sender is shown out."""

PING_S = 20
"""Seconds between pings, and for their answer: proxies drop what is silent for a minute, and who slept is found in two
thirds of one."""

PARTING_S = 5
"""Seconds that a browser has to take leave; then the line is cut."""

SPREAD_S = 2
"""Seconds over which a stopping server sends its browsers away, so that they do not all come back at one instant."""

FIRST_READ_S = 1
"""Seconds that Redis has at start before browsers are let in: until it was read, each has to fetch its list again."""

BACKLOG = 2048
"""Connections that may wait for being accepted: every browser at once, after a restart."""

HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""What every plain answer has."""


class Browser(ServerConnection):
    """A connection that says when more than `SEND_BUFFER_BYTES` wait for it."""

    fell_behind: Callable[["Browser"], None]

    def pause_writing(self) -> None:
        super().pause_writing()
        # Not in this turn: a broadcast is walking through the listeners.
        self.loop.call_soon(self.fell_behind, self)


class Realtime:
    """One process of the fan-out: a hub, the feed that fills it, and the sockets that it speaks to."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings = settings
        self._hub: Hub[Browser] = Hub()
        self._feed = Feed(settings.redis_url.get_secret_value(), self._hub, self._deliver)
        self._registry = CollectorRegistry()
        self._registry.register(Figures(self))
        self._partings: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.deliveries = self.slow = self.refused = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises `OSError` if the address cannot be had."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        feeding = asyncio.create_task(self._feed.run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._feed.reading.wait(), FIRST_READ_S)
        server = await serve(
            self._listen,
            self._settings.host,
            self._settings.port,
            process_request=self._answer,
            create_connection=Browser,
            # A frame goes to everyone as it is; deflating it anew for each socket would cost more than it saves.
            compression=None,
            server_header=None,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=PARTING_S,
            max_size=INCOMING_BYTES,
            write_limit=SEND_BUFFER_BYTES,
            backlog=BACKLOG,
        )
        log.info("listening", host=self._settings.host, port=self._settings.port)
        await stop.wait()
        await self._drain(server)
        feeding.cancel()

    # -- coming ------------------------------------------------------------------------------------------------

    def _answer(self, browser: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request, refuse a wrong one, or let the handshake go on (None)."""
        match urlsplit(request.path).path:
            case "/websocket" if comes_from_here(request.headers, self._settings.host, self._settings.allowed_origins):
                return None
            case "/websocket":
                self.refused += 1
                return _problem(403, "This request comes from another site. ALLOWED_ORIGINS names those that may.")
            case "/healthz":
                return _response(200, "text/plain; charset=utf-8", b"ok")
            case "/readyz":
                fault = "This server is stopping." if self._stopping else self._feed.fault
                body = json.dumps({"redis": fault or "ok"}, ensure_ascii=False).encode()
                return _response(503 if fault else 200, "application/json", body)
            case "/metrics":
                return _response(200, CONTENT_TYPE_LATEST, generate_latest(self._registry))
            case _:
                return _problem(404, "There is nothing here. Connect to /websocket.")

    async def _listen(self, browser: ServerConnection) -> None:
        assert isinstance(browser, Browser), "serve() makes them"
        assert browser.request is not None, "the handshake is over"
        browser.fell_behind = self._drop
        # `broadcast` and not `send`: it writes in this very turn, so that no event comes before or inside the replay.
        for frame in self._hub.join(HOME, browser, since(browser.request.path)):
            broadcast((browser,), frame, text=True)
        try:
            with suppress(ConnectionClosed):
                await browser.recv()
                await self._part(browser, UNKNOWN_MESSAGE, "A browser has nothing to say here.")
        finally:
            self._hub.leave(HOME, browser)

    # -- while they are here -----------------------------------------------------------------------------------

    def _deliver(self, library: str, frames: Sequence[bytes]) -> None:
        listeners = self._hub.listeners(library)
        for frame in frames:
            broadcast(listeners, frame, text=True)
        self.deliveries += len(listeners) * len(frames)

    # -- going -------------------------------------------------------------------------------------------------

    def _drop(self, browser: Browser) -> None:
        """Send away who reads too slowly."""
        self._hub.leave(HOME, browser)
        self.slow += 1
        task = asyncio.create_task(self._part(browser, TOO_SLOW, "You read too slowly. Connect again."))
        # The loop itself holds its tasks by weak references only.
        self._partings.add(task)
        task.add_done_callback(self._partings.discard)

    async def _drain(self, server: Server) -> None:
        self._stopping = True
        server.close(close_connections=False)
        browsers = server.connections
        log.info("stopping", browsers=len(browsers))

        async def part_after(pause_s: float, browser: ServerConnection) -> None:
            await asyncio.sleep(pause_s)
            await self._part(browser, CloseCode.SERVICE_RESTART, "The server restarts. Connect again.")

        await asyncio.gather(
            *(part_after(SPREAD_S * place / len(browsers), browser) for place, browser in enumerate(browsers))
        )

    async def _part(self, browser: ServerConnection, code: int, reason: str) -> None:
        """Close with this code; cut the line of who does not answer, even if its buffer never empties."""
        try:
            async with asyncio.timeout(PARTING_S):
                await browser.close(code, reason)
        except TimeoutError:
            browser.transport.abort()

    # -- figures -----------------------------------------------------------------------------------------------

    def figures(self) -> Iterator[Metric]:
        hub, feed = self._hub, self._feed
        yield GaugeMetricFamily("dictaphone_realtime_connections", "Browsers that listen", hub.count())
        yield GaugeMetricFamily("dictaphone_realtime_redis_up", "1 while the feed reads", feed.fault is None)
        for name, what, value in (
            ("events", "Events read from Redis", feed.events),
            ("deliveries", "Frames sent to listeners, replays left out", self.deliveries),
            ("replayed", "Frames sent to those who came back", hub.replayed),
            ("resyncs", "Listeners that were told to fetch again", hub.resyncs),
            ("redis_failures", "Times that the feed lost Redis", feed.failures),
            ("too_slow", "Listeners that read too slowly and were sent away", self.slow),
            ("refused", "Handshakes of other sites", self.refused),
        ):
            yield CounterMetricFamily(f"dictaphone_realtime_{name}", what, value)


class Figures(Collector):
    """The counts of a server, read when Prometheus asks: counting costs an addition."""

    def __init__(self, realtime: Realtime) -> None:
        self._realtime = realtime
        self._process = ProcessCollector(registry=None)

    def collect(self) -> Iterator[Metric]:
        yield from self._realtime.figures()
        yield from self._process.collect()


def since(target: str) -> str | None:
    """The cursor in a request's target; None without one, empty if that is what was sent."""
    cursors = parse_qs(urlsplit(target).query, keep_blank_values=True).get("since")
    return cursors[-1] if cursors else None


def comes_from_here(headers: Headers, listens_on: str, allowed_origins: Collection[str]) -> bool:
    """Whether the page that asks is our own, or one that is allowed; what names no origin is no page.

    Browsers always send Origin with a handshake, and no page can change it or X-Forwarded-Host (RFC 6455, 10.2).
    """
    hosts = [host for name in ("Host", "X-Forwarded-Host") for host in headers.get_all(name)]
    origins = headers.get_all("Origin")
    if not all(is_known_host(host, listens_on, allowed_origins) for host in hosts):
        return False
    return not origins or (len(origins) == 1 and is_same_site(origins[0], hosts, allowed_origins))


def _problem(status: int, detail: str) -> Response:
    """RFC 9457, as the clip API's."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return _response(status, "application/problem+json", json.dumps(body).encode())


def _response(status: int, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body))} | HEADERS)
    return Response(status, HTTPStatus(status).phrase, headers, body)
