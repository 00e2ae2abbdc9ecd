"""The sockets: who may connect, what each is sent, and how each is taken leave of."""

import asyncio
import json
import resource
import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from services.realtime.connection import Browser
from services.realtime.frames import PING, text_frame
from services.realtime.handshake import Handshake
from services.realtime.hub import Hub
from services.realtime.metrics import Figures
from services.realtime.presence import Presence
from services.realtime.redis_reader import Feed
from services.realtime.settings import RealtimeSettings
from services.realtime.timers import Deadlines
from shared.libraries import HOME
from shared.origins import client_address, is_known_host, is_same_site

log = structlog.get_logger(__name__)

PATH = "/websocket"

TOO_SLOW = 4408
"""Close code for who does not read: it comes back and is told what it missed."""

PING_S = 20
"""Seconds between pings, and for their answer: proxies drop what is silent for a minute, and who slept is found in two
thirds of one. Each second is one round, so that not all are asked at one instant."""

GREETING_S = 10
"""Seconds for a whole request: a phone on a bad line needs two; who sends a byte a second needs none of ours."""

BEHIND_S = 10
"""Seconds in which a full line has to move: else its reader is gone, or as good as."""

PARTING_S = 5
"""Seconds that a browser has to take leave; then the line is cut."""

SPREAD_S = 2
"""Seconds over which a stopping server sends its browsers away, so that they do not all come back at one instant."""

FIRST_READ_S = 1
"""Seconds that Redis has at start before browsers are let in: until it was read, each has to fetch its list again."""

BACKLOG = 4096
"""Connections that may wait for being accepted: every browser at once, after a restart."""

SPARE_FILES = 64
"""Open files for other things than browsers: Redis, the log, requests of probes."""

ALIVE = text_frame(b'{"type":"alive"}')
"""Beside each ping, which scripts do not hear of: a page that is told nothing for long has lost its line."""

HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""What every plain answer has."""


class Realtime:
    """One process of the fan-out: a hub, the feed that fills it, and the sockets that it speaks to."""

    def __init__(self, settings: RealtimeSettings, figures: Figures) -> None:
        self._settings = settings
        self._figures = figures
        self._registry = CollectorRegistry()
        self._registry.register(figures)
        self._hub = Hub(self._later)
        self._feed = Feed(settings.redis_url.get_secret_value(), self._hub)
        self._presence = Presence(settings.redis_url.get_secret_value(), self._hub)
        self._most = most_connections(settings.max_connections)
        self._lines = 0
        """Connections of any kind."""
        self._deserted = asyncio.Event()
        """Set when the last one ended."""
        self._rounds: list[set[Browser]] = [set() for _ in range(PING_S)]
        self._next_round = 0
        self._open = 0
        self._by_address: Counter[str] = Counter()
        self._greeting, self._behind, self._parting = (Deadlines(s) for s in (GREETING_S, BEHIND_S, PARTING_S))
        self._stopping = False
        self.fell_behind_ever = self.too_slow = self.refused = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises `OSError` if the address cannot be had."""
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        tasks = [asyncio.create_task(self._feed.run())]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._feed.reading.wait(), FIRST_READ_S)
        settings = self._settings
        server = await self._loop.create_server(
            lambda: Browser(self), settings.host, settings.port, backlog=BACKLOG, reuse_port=settings.workers > 1
        )
        log.info("listening", host=settings.host, port=settings.port, most_connections=self._most)
        tasks += [asyncio.create_task(self._keep_time()), asyncio.create_task(self._presence.run())]
        await asyncio.wait([asyncio.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in tasks if task.done()]
        server.close()
        await self._drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._presence.close()
        for task in failed:
            task.result()  # Without it, what is promised is not kept. Whoever watches us starts anew.

    # -- what a connection tells ---------------------------------------------------------------------------------

    def arrived(self, browser: Browser) -> None:
        self._lines += 1
        self._greeting.add(browser, self._loop.time())  # also for who is refused, and never hangs up
        if self._lines > self._most + SPARE_FILES // 2:
            self._refuse(browser, 503, "This server has as many connections as it can hold. Try again later.")

    def shook_hands(self, browser: Browser, handshake: Handshake) -> None:
        """An ordinary handshake."""
        headers = handshake.headers
        hosts = [headers[name] for name in ("host", "x-forwarded-host") if name in headers]
        origins = [headers["origin"]] if "origin" in headers else []
        address = self._address(browser, headers)
        target = handshake.target
        if path_of(target) != PATH:
            browser.answer(self._plain(target))
        elif self._admits(browser, hosts, origins, address):
            self._register(browser, address)
            browser.open(handshake, self._hub.of(HOME).join(browser, since(target)))

    def asked(self, browser: Browser, request: Request) -> None:
        """A plain request, or a handshake that has something unusual."""
        headers = request.headers
        if path_of(request.path) != PATH:
            browser.answer(self._plain(request.path))
            return
        hosts = [host for name in ("Host", "X-Forwarded-Host") for host in headers.get_all(name)]
        address = self._address(browser, {name.lower(): value for name, value in headers.raw_items()})
        if self._admits(browser, hosts, headers.get_all("Origin"), address) and browser.accept(request):
            self._register(browser, address)
            if first := self._hub.of(HOME).join(browser, since(request.path)):
                browser.send(first)

    def fell_behind(self, browser: Browser) -> None:
        if browser.address:
            self.fell_behind_ever += 1
            browser.moves()  # the first look
            self._behind.add(browser, self._loop.time())
            self._hub.of(HOME).fall_behind(browser)

    def caught_up(self, browser: Browser) -> None:
        self._behind.remove(browser)
        self._hub.of(HOME).catch_up(browser)

    def parting(self, browser: Browser) -> None:
        self._forget(browser)
        self._parting.add(browser, self._loop.time())

    def left(self, browser: Browser) -> None:
        self._lines -= 1
        if not self._lines:
            self._deserted.set()
        self._forget(browser)
        self._greeting.remove(browser)
        self._parting.remove(browser)

    def _address(self, browser: Browser, headers: Mapping[str, str]) -> str:
        return client_address(peer_of(browser), headers, is_fly=bool(self._settings.fly_app_name))

    # -- coming --------------------------------------------------------------------------------------------------

    def _admits(self, browser: Browser, hosts: Collection[str], origins: Sequence[str], address: str) -> bool:
        """Whether a handshake may go on; it is refused otherwise."""
        settings = self._settings
        if not comes_from_here(hosts, origins, settings.host, settings.allowed_origins):
            self._refuse(browser, 403, "This request comes from another site. ALLOWED_ORIGINS names those that may.")
        elif self._stopping or self._open >= self._most:
            self._refuse(browser, 503, "This server has as many connections as it can hold. Try again later.")
        elif 0 < settings.max_connections_per_address <= self._by_address[address]:
            self._refuse(browser, 429, "Your address has as many connections as it may have. Close some pages.")
        else:
            return True
        return False

    def _refuse(self, browser: Browser, status: int, detail: str) -> None:
        self.refused += 1
        browser.answer(_problem(status, detail))

    def _register(self, browser: Browser, address: str) -> None:
        self._greeting.remove(browser)
        self._open += 1
        self._by_address[address] += 1
        browser.address = address
        browser.round = self._next_round
        self._rounds[browser.round].add(browser)
        self._next_round = (self._next_round + 1) % PING_S

    def _forget(self, browser: Browser) -> None:
        """Send nothing more of its own accord; again does nothing."""
        if browser.address:
            self._hub.of(HOME).leave(browser)
            self._behind.remove(browser)
            self._rounds[browser.round].discard(browser)
            self._open -= 1
            self._by_address[browser.address] -= 1
            if not self._by_address[browser.address]:
                del self._by_address[browser.address]
            browser.address = ""

    # -- while they are here -------------------------------------------------------------------------------------

    def _later(self, call: Callable[[], None]) -> None:
        self._loop.call_soon(call)

    async def _keep_time(self) -> None:
        """Each second: a round of pings, and the ends of all deadlines."""
        second = 0
        while True:
            await asyncio.sleep(1)
            second = (second + 1) % PING_S
            for browser in list(self._rounds[second]):
                # A full line has a deadline of its own.
                sign = PING + ALIVE if browser.keeps_state else PING
                if browser not in self._behind and not browser.ping(sign):
                    browser.transport.abort()
            now = self._loop.time()
            for browser in [*self._greeting.over(now), *self._parting.over(now)]:
                browser.transport.abort()
            for browser in self._behind.over(now):
                if browser.moves():
                    self._behind.add(browser, now)
                else:
                    self.too_slow += 1
                    browser.part(TOO_SLOW, "You read too slowly. Connect again.")
            self._write_figures()

    # -- going ---------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Send everyone away over `SPREAD_S`, and wait until they have taken leave."""
        self._stopping = True
        browsers = [browser for those in self._rounds for browser in those]
        log.info("stopping", browsers=len(browsers))
        began = self._loop.time()
        for place, browser in enumerate(browsers):
            early_s = began + SPREAD_S * place / len(browsers) - self._loop.time()
            if early_s > 0:
                await asyncio.sleep(early_s)
            browser.part(CloseCode.SERVICE_RESTART, "The server restarts. Connect again.")
        if self._lines:
            self._deserted.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._deserted.wait(), PARTING_S)

    # -- plain answers -------------------------------------------------------------------------------------------

    def _plain(self, target: str) -> Response:
        match path_of(target):
            case "/healthz":
                return _response(200, "text/plain; charset=utf-8", b"ok")
            case "/readyz":
                fault = "This server is stopping." if self._stopping else self._feed.fault
                body = json.dumps({"redis": fault or "ok"}, ensure_ascii=False).encode()
                return _response(503 if fault else 200, "application/json", body)
            case "/metrics":
                self._write_figures()
                return _response(200, CONTENT_TYPE_LATEST, generate_latest(self._registry))
            case _:
                return _problem(404, f"There is nothing here. Connect to {PATH}.")

    def _write_figures(self) -> None:
        feed, channels = self._feed, list(self._hub.channels())
        self._figures.write(
            {
                "connections": sum(channel.count() for channel in channels),
                "redis_up": feed.fault is None,
                "events": feed.events,
                "deliveries": sum(channel.deliveries for channel in channels),
                "replayed": sum(channel.replayed for channel in channels),
                "resyncs": sum(channel.resyncs for channel in channels),
                "redis_failures": feed.failures,
                "behind": self.fell_behind_ever,
                "too_slow": self.too_slow,
                "refused": self.refused,
            }
        )


def most_connections(wanted: int) -> int:
    """How many browsers this process can hold: the soft limit of open files is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    possible = 1_000_000 if soft == resource.RLIM_INFINITY else max(soft - SPARE_FILES, 1)
    if wanted > possible:
        log.warning("fewer connections than MAX_CONNECTIONS: open files are limited", open_files=soft, most=possible)
    return min(wanted or possible, possible)


def peer_of(browser: Browser) -> str:
    """The address at the other end of the line, which may be a proxy's; a line that is lost already has none."""
    peer = browser.transport.get_extra_info("peername")
    return str(peer[0]) if peer else "unknown"


def path_of(target: str) -> str:
    return target.partition("?")[0]


def since(target: str) -> str | None:
    """The cursor in a request's target; None without one, empty if that is what was sent."""
    if "since=" not in target:
        return None
    cursors = parse_qs(urlsplit(target).query, keep_blank_values=True).get("since")
    return cursors[-1] if cursors else None


def comes_from_here(
    hosts: Collection[str], origins: Sequence[str], listens_on: str, allowed_origins: Collection[str]
) -> bool:
    """Whether the page that asks is our own, or one that is allowed; what names no origin is no page.

    Browsers always send Origin with a handshake, and no page can change it or X-Forwarded-Host (RFC 6455, 10.2).
    """
    if not all(is_known_host(host, listens_on, allowed_origins) for host in hosts):
        return False
    return not origins or (len(origins) == 1 and is_same_site(origins[0], hosts, allowed_origins))


def _problem(status: int, detail: str) -> Response:
    """RFC 9457, as the clip API's."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return _response(status, "application/problem+json", json.dumps(body).encode())


def _response(status: int, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body))} | HEADERS)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    return Response(status, HTTPStatus(status).phrase, headers, body)
