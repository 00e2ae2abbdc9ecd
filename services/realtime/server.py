"""The server: accepts connections, subscribes them to the hub, pings them and closes them."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from services.realtime import http_answers
from services.realtime.admission import Admission, HandshakeSite, too_many_connections
from services.realtime.connection import Connection
from services.realtime.frames import PING, text_frame
from services.realtime.handshake import Handshake
from services.realtime.hub import Hub
from services.realtime.metrics import Metrics
from services.realtime.presence import Presence
from services.realtime.redis_reader import RedisReader
from services.realtime.settings import RealtimeSettings
from services.realtime.tickets import TicketOffice
from services.realtime.timers import Deadlines, PingRounds
from shared.origins import client_address
from shared.people.tickets import TicketRefused

log = structlog.get_logger(__name__)

WEBSOCKET_PATH = "/websocket"

CLOSE_TOO_SLOW = 4408
"""Close code for a client that does not read. It reconnects and is sent what it missed."""

CLOSE_SIGNED_OUT, SIGNED_OUT = 4401, "Ask the api again: your ticket is missing, or not good any more."
"""Close code and reason for a socket without a good ticket. A refused handshake would tell a page nothing."""

PING_INTERVAL_S = 20
"""Seconds between pings, and for their answer: proxies drop a connection that is silent for a minute, and a client that
has disappeared is noticed in two thirds of one."""

HANDSHAKE_TIMEOUT_S = 10
"""Seconds for a whole request: a phone on a bad line needs two, and a client that sends one byte a second is cut."""

STALL_TIMEOUT_S = 10
"""Seconds in which a full send buffer has to make progress. Otherwise its reader is gone, or as good as."""

CLOSE_TIMEOUT_S = 5
"""Seconds for the closing handshake. Then the connection is cut."""

SHUTDOWN_SPREAD_S = 2
"""Seconds over which a stopping server closes its connections, so that browsers do not all reconnect at one instant."""

FIRST_READ_TIMEOUT_S = 1
"""Seconds to wait for Redis before the server listens: clients that come before the first read fetch all again."""

CANCEL_TIMEOUT_S = 2
"""For the background tasks to end when they are cancelled, at shutdown."""

BACKLOG = 4096
"""Connections that may wait to be accepted: every browser at once, after a restart."""

ALIVE_FRAME = text_frame(b'{"type":"alive"}')
"""Sent beside each ping, which scripts in a page cannot see. A page that receives nothing has lost its connection."""


class RealtimeServer:
    """One process of the fan-out: the hub, the Redis reader that fills it, and the connections that it serves."""

    def __init__(self, settings: RealtimeSettings, metrics: Metrics) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self._settings = settings
        self._metrics = metrics
        self._registry = CollectorRegistry()
        self._registry.register(metrics)
        self._hub = Hub(self._call_soon)
        self._reader = RedisReader(redis_url, self._hub)
        self._presence = Presence(redis_url, self._hub)
        self._admission = Admission(settings)
        self._tickets = TicketOffice(settings)
        self._sockets = 0
        """Connections of any kind, also those without a handshake."""
        self._all_disconnected = asyncio.Event()
        self._pings = PingRounds(PING_INTERVAL_S)
        self._handshaking = Deadlines(HANDSHAKE_TIMEOUT_S)
        self._stalled = Deadlines(STALL_TIMEOUT_S)
        self._closing = Deadlines(CLOSE_TIMEOUT_S)
        self._pauses = self._too_slow = self._refused = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raise `OSError` if the address cannot be listened on."""
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        tasks = [asyncio.create_task(self._reader.run())]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reader.first_read.wait(), FIRST_READ_TIMEOUT_S)
        settings = self._settings
        server = await self._loop.create_server(
            lambda: Connection(self), settings.host, settings.port, backlog=BACKLOG, reuse_port=settings.workers > 1
        )
        log.info("listening", host=settings.host, port=settings.port, max_connections=self._admission.max_connections)
        tasks += [asyncio.create_task(self._tick()), asyncio.create_task(self._presence.run())]
        await asyncio.wait([asyncio.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed_tasks = [task for task in tasks if task.done()]
        server.close()
        await self._close_all()
        for task in tasks:
            task.cancel()
        # A library may swallow a cancellation: then the end of the event loop cancels the task once more.
        ended, _ = await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S)
        for task in ended - set(failed_tasks):
            if not task.cancelled() and (error := task.exception()):
                log.warning("background task failed at shutdown", reason=repr(error))
        await self._presence.close()
        for task in failed_tasks:
            task.result()  # None of them ends without a fault: raise it, so that a supervisor restarts this process.

    # -- events of a connection --------------------------------------------------------------------------------

    def on_connect(self, connection: Connection) -> None:
        self._sockets += 1
        # The deadline also ends a connection that was refused and never hangs up.
        self._handshaking.add(connection, self._loop.time())
        if self._admission.is_flooded(self._sockets):
            self._refuse(connection, too_many_connections())

    def on_handshake(self, connection: Connection, handshake: Handshake) -> None:
        """Answer an ordinary handshake."""
        headers = handshake.headers
        if path_of(handshake.target) != WEBSOCKET_PATH:
            connection.respond(self._http_answer(handshake.target))
            return
        address = self._address(connection, headers)
        if refusal := self._admission.refusal(HandshakeSite.of([*headers.items()]), address):
            self._refuse(connection, refusal)
        elif library := self._library(connection, handshake.target, headers):
            self._register(connection, address, library)
            connection.accept(handshake, self._hub.channel(library).subscribe(connection, cursor_of(handshake.target)))
        else:
            connection.accept(handshake, b"")
            connection.close(CLOSE_SIGNED_OUT, SIGNED_OUT)

    def on_request(self, connection: Connection, request: Request) -> None:
        """Answer an HTTP request, or a handshake that is not ordinary."""
        headers = request.headers
        if path_of(request.path) != WEBSOCKET_PATH:
            connection.respond(self._http_answer(request.path))
            return
        values = {name.lower(): value for name, value in headers.raw_items()}
        address = self._address(connection, values)
        if refusal := self._admission.refusal(HandshakeSite.of([*headers.raw_items()]), address):
            self._refuse(connection, refusal)
        elif connection.accept_request(request):
            library = self._library(connection, request.path, values)
            if library is None:
                connection.close(CLOSE_SIGNED_OUT, SIGNED_OUT)
                return
            self._register(connection, address, library)
            if first_frames := self._hub.channel(library).subscribe(connection, cursor_of(request.path)):
                connection.send(first_frames)

    def on_send_buffer_full(self, connection: Connection) -> None:
        # A refused or closing connection is not registered; other deadlines end it.
        if connection.address and connection.channel:
            self._pauses += 1
            connection.has_progressed()  # remember where it starts from
            self._stalled.add(connection, self._loop.time())
            connection.channel.pause(connection)

    def on_send_buffer_drained(self, connection: Connection) -> None:
        self._stalled.remove(connection)
        if connection.channel:
            connection.channel.resume(connection)

    def on_closing(self, connection: Connection) -> None:
        self._unregister(connection)
        self._closing.add(connection, self._loop.time())

    def on_disconnect(self, connection: Connection) -> None:
        self._sockets -= 1
        if not self._sockets:
            self._all_disconnected.set()
        self._unregister(connection)
        self._handshaking.remove(connection)
        self._closing.remove(connection)

    # -- registered connections --------------------------------------------------------------------------------

    def _library(self, connection: Connection, target: str, headers: Mapping[str, str]) -> str | None:
        """The library that a socket may follow; None if it may follow none."""
        try:
            return self._tickets.read(target, headers)[0]
        except TicketRefused as refusal:
            log.info("a socket is closed, and is to ask the api again", reason=str(refusal))
            self._refused += 1
            self._handshaking.remove(connection)
            return None

    def _register(self, connection: Connection, address: str, library: str) -> None:
        self._handshaking.remove(connection)
        connection.channel = self._hub.channel(library)
        connection.address = address
        self._admission.add(address)
        self._pings.add(connection)

    def _unregister(self, connection: Connection) -> None:
        """Stop sending events and pings. A second call does nothing: most connections close and then disconnect."""
        if connection.address and connection.channel:
            connection.channel.unsubscribe(connection)
            self._stalled.remove(connection)
            self._pings.remove(connection)
            self._admission.remove(connection.address)
            connection.address = ""

    def _refuse(self, connection: Connection, answer: Response) -> None:
        self._refused += 1
        connection.respond(answer)

    def _address(self, connection: Connection, headers: Mapping[str, str]) -> str:
        """The client's address: that of the socket's other end, or the one that a trusted proxy names."""
        peer = connection.transport.get_extra_info("peername")
        # A socket that is lost already has no address.
        peer_address = str(peer[0]) if peer else "unknown"
        return client_address(peer_address, headers, is_fly=bool(self._settings.fly_app_name))

    # -- time --------------------------------------------------------------------------------------------------

    def _call_soon(self, call: Callable[[], None]) -> None:
        self._loop.call_soon(call)

    async def _tick(self) -> None:
        """Each second, send one round of pings and enforce the deadlines."""
        while True:
            await asyncio.sleep(1)
            for connection in self._pings.next_second():
                frames = PING + ALIVE_FRAME if connection.has_cursor else PING
                # A full send buffer has a deadline of its own, and a ping would wait in it.
                if connection not in self._stalled and not connection.ping(frames):
                    connection.transport.abort()
            now = self._loop.time()
            for connection in [*self._handshaking.pop_expired(now), *self._closing.pop_expired(now)]:
                connection.transport.abort()
            for connection in self._stalled.pop_expired(now):
                if connection.has_progressed():
                    self._stalled.add(connection, now)
                else:
                    self._too_slow += 1
                    connection.close(CLOSE_TOO_SLOW, "You read too slowly. Connect again.")
            self._update_metrics()

    async def _close_all(self) -> None:
        """Close all connections over `SHUTDOWN_SPREAD_S`, and wait until they are gone."""
        self._admission.is_stopping = True
        connections = list(self._pings)
        log.info("stopping", connections=len(connections))
        started = self._loop.time()
        for number, connection in enumerate(connections):
            pause_s = started + SHUTDOWN_SPREAD_S * number / len(connections) - self._loop.time()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            if connection.address:  # otherwise it has gone meanwhile
                connection.close(CloseCode.SERVICE_RESTART, "The server restarts. Connect again.")
        if self._sockets:
            # It may be set since an earlier moment without connections.
            self._all_disconnected.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_disconnected.wait(), CLOSE_TIMEOUT_S)

    # -- HTTP --------------------------------------------------------------------------------------------------

    def _http_answer(self, target: str) -> Response:
        match path_of(target):
            case "/healthz":
                return http_answers.health()
            case "/readyz":
                return http_answers.readiness(
                    "This server is stopping." if self._admission.is_stopping else self._reader.fault
                )
            case "/metrics":
                self._update_metrics()
                return http_answers.metrics(generate_latest(self._registry))
            case _:
                return http_answers.problem(404, f"There is nothing here. Connect to {WEBSOCKET_PATH}.")

    def _update_metrics(self) -> None:
        reader, channels = self._reader, list(self._hub.channels())
        self._metrics.update(
            {
                "connections": sum(channel.subscriber_count() for channel in channels),
                "redis_up": reader.fault is None,
                "events": reader.events,
                "deliveries": sum(channel.deliveries for channel in channels),
                "replayed": sum(channel.replayed for channel in channels),
                "resyncs": sum(channel.resyncs for channel in channels),
                "redis_failures": reader.failures,
                "behind": self._pauses,
                "too_slow": self._too_slow,
                "refused": self._refused,
            }
        )


def path_of(target: str) -> str:
    return target.partition("?")[0]


def cursor_of(target: str) -> str | None:
    """The parameter `since` of a request's target. None without one; empty if that was sent."""
    if "since=" not in target:
        return None
    cursors = parse_qs(urlsplit(target).query, keep_blank_values=True).get("since")
    return cursors[-1] if cursors else None
