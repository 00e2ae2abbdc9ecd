"""HTTP connections with bounds: how long a request may take to arrive, how large its head is, how many are open.

uvicorn waits for the rest of a request for ever, and takes a head of any size.
"""

import asyncio
import resource
from typing import Any, ClassVar

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from services.api.http.errors import RETRY_AFTER, Problem
from shared.open_files import raise_open_files_limit

HEAD_TIMEOUT_S = 10.0
"""Seconds for the head of a request: a phone on a bad line needs two, and a client that sends one byte a second is cut.
`services.realtime` has the same."""

BODY_TIMEOUT_S = 60.0
"""Seconds in which something of a body has to arrive: longer than a phone's way through a tunnel."""

MAX_HEAD_BYTES = 16 * 1024
"""Bytes of a request's head. Browsers send one or two thousand; the metadata of an upload have four at most."""

LOOK_INTERVAL_S = 2.0
"""Seconds between two looks at a connection's deadline: one timer for each connection, and none for each request."""

FILES_PER_CONNECTION = 3
"""Open files of a connection: its socket, the file of its body or the socket to realtime, and the store's."""

RESERVED_FILES = 64
"""Open files for anything but connections: pools, Redis, the log."""

MAX_CONNECTIONS = 10_000
"""Connections of a process that may have any number of open files; they need some 200 MB of memory."""

CONNECTIONS_CUT = Counter("dictaphone_connections_cut_total", "Connections that the server has ended", ["cause"])


def max_connections() -> int:
    """Return how many connections this process can serve. Raise the soft limit of open files to the hard one."""
    files = raise_open_files_limit()
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(min((files - RESERVED_FILES) // FILES_PER_CONNECTION, MAX_CONNECTIONS), 1)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, for which a denied handshake is a complete one: it logs an error for each."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.initial_response and self.close_sent:
            self.handshake_complete = True


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is ended when its request does not go on, or has too large a head.

    It waits for a head, from the first byte on, or for the rest of a body. Between requests, uvicorn's own timeout
    ends it. While an answer is made and sent there is no deadline: a player that is paused reads no further for hours.
    """

    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    body_timeout_s: ClassVar[float] = BODY_TIMEOUT_S
    look_interval_s: ClassVar[float] = LOOK_INTERVAL_S
    _awaiting_head: ClassVar[dict["BoundedProtocol", None]] = {}
    """The connections without a whole head, the one that has waited longest first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # uvicorn's own answer above this limit is plain text.
        self._max_connections, self.limit_concurrency = self.limit_concurrency, None
        self._is_unused = True
        """Whether no byte has arrived yet."""
        self._read_bytes = 0
        """Of the read that the parser is given now."""
        self._received_bytes = self._parsed_bytes = 0
        """Of the head that is awaited. The parser holds back half a header; the last read may hold a body, too."""
        self._is_in_body = False
        self._is_ended = False
        """Whether the last byte was written. Bytes that still arrive are ignored."""
        self._refusal = b""
        """The answer that ends the connection, until it is sent."""
        self._moved_at = 0.0
        self._next_look: asyncio.TimerHandle | None = None

    # -- called by the event loop ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        self._next_look = self.loop.call_later(self.look_interval_s, self._look)
        if self._max_connections and len(self.connections) > self._max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._is_ended:
            return
        if self._is_in_body:
            self._moved_at = self.loop.time()
        elif self not in self._awaiting_head:
            self._await_head()
        self._is_unused, self._read_bytes = False, len(data)
        super().data_received(data)
        if self in self._awaiting_head:
            self._received_bytes += len(data)
            if self._received_bytes > MAX_HEAD_BYTES:
                self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)

    # -- called by uvicorn and its parser ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self not in self._awaiting_head:  # it came in one read with the request before, whose bytes do not count
            self._await_head()
            self._received_bytes = -self._read_bytes
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_parsed(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_parsed(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaiting_head.pop(self, None)
        self._is_in_body, self._moved_at = True, self.loop.time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_looking()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser cannot read, or was stopped from reading."""
        if max(self._received_bytes, self._parsed_bytes) > MAX_HEAD_BYTES:
            self.refuse("large-head", f"The head of a request can have at most {MAX_HEAD_BYTES:,} bytes.")
        else:
            self.refuse("bad-request", "These bytes are no HTTP request.")

    # -- bounds ------------------------------------------------------------------------------------------------

    def refuse(self, slug: str, detail: str) -> None:
        """Answer with a problem, unless an answer has begun, and end the connection."""
        CONNECTIONS_CUT.labels(slug).inc()
        self._awaiting_head.pop(self, None)
        self._is_ended = True
        if self.transport.is_closing():
            return
        response = Problem(slug, detail, RETRY_AFTER if slug == "busy" else {}).response()
        headers = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        head = STATUS_LINE[response.status_code] + headers + b"connection: close\r\n\r\n"
        self._refusal = head + bytes(response.body)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self._send_refusal()
        elif self._is_in_body:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
            else:
                self._send_refusal()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # What was refused came behind a request whose answer was still under way.
        if self._refusal and self.cycle.response_complete and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._send_refusal()

    def _send_refusal(self) -> None:
        self.transport.write(self._refusal)
        self._refusal = b""
        # Only our side: with both closed, bytes that still arrive would make the kernel discard the answer.
        self.transport.write_eof()

    def _await_head(self) -> None:
        self._awaiting_head[self] = None
        self._received_bytes = self._parsed_bytes = 0
        self._moved_at = self.loop.time()

    def _make_room(self) -> None:
        """End the connection that has waited longest for its head, or this one if all others have a whole request."""
        oldest = next(iter(self._awaiting_head))
        if oldest is self:
            self.refuse("busy", "This server has as many connections as it can hold. Try again soon.")
        else:
            CONNECTIONS_CUT.labels("busy").inc()
            oldest.transport.abort()

    def _count_parsed(self, size: int) -> None:
        """Count what the parser has read of a head. Raise `ValueError` for too much, which stops the parser."""
        self._parsed_bytes += size
        if self._parsed_bytes > MAX_HEAD_BYTES:
            raise ValueError("too large a head")

    def _look(self) -> None:
        """End the connection if its deadline is over."""
        now = self.loop.time()
        if self._is_ended and not self._refusal:
            self.transport.abort()
            return
        if self.flow.read_paused:
            self._moved_at = now  # it is us who do not read
        if self in self._awaiting_head and now - self._moved_at > self.head_timeout_s:
            if self._is_unused:
                # Browsers and proxies open connections ahead, and would take an answer for that of their first request.
                CONNECTIONS_CUT.labels("unused").inc()
                self.transport.close()
                return
            self.refuse("too-slow", f"The head of this request was not complete after {self.head_timeout_s:.0f} s.")
        elif self._is_in_body and now - self._moved_at > self.body_timeout_s:
            self.refuse("too-slow", f"Nothing of this request's body has arrived for {self.body_timeout_s:.0f} s.")
        self._next_look = self.loop.call_later(self.look_interval_s, self._look)

    def _stop_looking(self) -> None:
        self._awaiting_head.pop(self, None)
        if self._next_look:
            self._next_look.cancel()
