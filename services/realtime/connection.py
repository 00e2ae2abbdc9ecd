"""One connection: bytes in, bytes out. An idle one needs little more memory than its socket."""

import asyncio
from typing import Any, Protocol, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from services.realtime.frames import is_pong, new_protocol
from services.realtime.handshake import Handshake
from services.realtime.replay_buffer import CHUNK_BYTES

MAX_SEND_BUFFER_BYTES = CHUNK_BYTES
"""Bytes that may wait for one socket, and one chunk behind them. Beyond that, the connection is paused."""

MIN_PROGRESS_BYTES = 8 * 1024
"""A full send buffer that shrank by this much since the last look makes progress, however slow the line is."""

MAX_REQUEST_BYTES = 16 * 1024
"""Bytes of a request. Browsers send one or two thousand."""

MAX_READS_PER_PING = 100
"""Reads from one client between two pings. A client has only to answer the pings."""

CLOSE_UNEXPECTED_MESSAGE = 4400
"""Close code for a client that sends a message (4000 to 4999 are private use, RFC 6455, 7.4.2)."""


class Subscription(Protocol):
    """What a connection is subscribed to: one library's channel."""

    def pause(self, subscriber: Any) -> None: ...
    def resume(self, subscriber: Any) -> None: ...
    def unsubscribe(self, subscriber: Any) -> None: ...


class ConnectionHandler(Protocol):
    """Receives the events of all connections."""

    def on_connect(self, connection: "Connection") -> None: ...
    def on_handshake(self, connection: "Connection", handshake: Handshake) -> None: ...
    def on_request(self, connection: "Connection", request: Request) -> None: ...
    def on_send_buffer_full(self, connection: "Connection") -> None: ...
    def on_send_buffer_drained(self, connection: "Connection") -> None: ...
    def on_closing(self, connection: "Connection") -> None: ...
    def on_disconnect(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """A client from its first byte to its last: an HTTP request, or a handshake and then a subscriber.

    While the client is silent or answers pings, the connection has no parser. Any other bytes create one.
    """

    __slots__ = (
        "_buffered_bytes", "_handler", "_is_ending", "_is_open", "_protocol", "_reads_since_ping", "_request_bytes",
        "address", "awaits_pong", "channel", "has_cursor", "ping_round", "position", "transport",
    )  # fmt: skip

    def __init__(self, handler: ConnectionHandler) -> None:
        self._handler = handler
        self._is_open = False
        """Whether the WebSocket is open: the opening handshake is done, the closing one has not begun."""
        self._is_ending = False
        """Whether the last byte was written. Bytes that still arrive are ignored."""
        self._protocol: ServerProtocol | None = None
        self._request_bytes = 0
        self._reads_since_ping = 0
        self._buffered_bytes = 0
        """Size of the send buffer at the last `has_progressed`."""
        self.address = ""
        """The client address that this connection is counted for; empty unless the server has registered it."""
        self.channel: Subscription | None = None
        """The one channel that this connection is subscribed to; None before its handshake."""
        self.awaits_pong = False
        self.ping_round = 0
        self.has_cursor = False
        self.position = 0

    # -- called by the event loop ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(MAX_SEND_BUFFER_BYTES)
        self._handler.on_connect(self)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        if self._protocol is None:
            if self._is_open and self._reads_since_ping < MAX_READS_PER_PING and is_pong(data):
                self.awaits_pong = False
                self._reads_since_ping += 1
                return
            if not self._is_open and len(data) <= MAX_REQUEST_BYTES and (handshake := Handshake.parse(data)):
                self._handler.on_handshake(self, handshake)
                return
            self._protocol = new_protocol(is_open=self._is_open)
        self._parse(self._protocol, data)

    def pause_writing(self) -> None:
        self._handler.on_send_buffer_full(self)

    def resume_writing(self) -> None:
        self._handler.on_send_buffer_drained(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.on_disconnect(self)

    # -- called by the server ----------------------------------------------------------------------------------

    def accept(self, handshake: Handshake, first_frames: bytes) -> None:
        """Accept an ordinary handshake, and send the first frames in the same write."""
        self._is_open = True
        self._write(handshake.response() + first_frames)

    def accept_request(self, request: Request) -> bool:
        """Accept or refuse an unusual handshake by all rules of the protocol. Return whether the WebSocket is open."""
        assert self._protocol is not None, "it has parsed the request"
        self._protocol.send_response(self._protocol.accept(request))
        self._is_open = self._protocol.state is State.OPEN
        self._flush(self._protocol)
        return self._is_open

    def respond(self, response: Response) -> None:
        """Answer an HTTP request and end the connection."""
        self._write(response.serialize())
        self._end()

    def send(self, data: bytes) -> None:
        self._write(data)

    def ping(self, frame: bytes) -> bool:
        """Send a ping; if the last one was not answered, send nothing and return False."""
        if self.awaits_pong:
            return False
        self.awaits_pong = True
        self._reads_since_ping = 0
        self._write(frame)
        return True

    def has_progressed(self) -> bool:
        """Whether the send buffer shrank since the last call."""
        previous_bytes, self._buffered_bytes = self._buffered_bytes, self.transport.get_write_buffer_size()
        return previous_bytes - self._buffered_bytes >= MIN_PROGRESS_BYTES

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, behind all bytes that wait to be sent. A second call does nothing."""
        protocol = self._protocol = self._protocol or new_protocol()
        if protocol.state is State.OPEN:
            protocol.send_close(code, reason)
            self._flush(protocol)

    # -- all other bytes ---------------------------------------------------------------------------------------

    def _parse(self, protocol: ServerProtocol, data: bytes) -> None:
        if self._is_open:
            self._reads_since_ping += 1
        else:
            self._request_bytes += len(data)
            if self._request_bytes > MAX_REQUEST_BYTES:
                self.transport.abort()
                return
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._handler.on_request(self, event)
            elif isinstance(event, Frame) and event.opcode is Opcode.PONG:
                self.awaits_pong = False
            elif isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
                self.close(CLOSE_UNEXPECTED_MESSAGE, "A browser has nothing to say here.")
        if self._is_open and self._reads_since_ping > MAX_READS_PER_PING:
            self.close(CloseCode.POLICY_VIOLATION, "You speak too often.")
        self._flush(protocol)

    def _flush(self, protocol: ServerProtocol) -> None:
        """Write what the parser wants to send, and report the start of a closing handshake by either side."""
        if self._is_open and protocol.state is not State.OPEN:
            self._is_open = False
            self._handler.on_closing(self)
        for data in protocol.data_to_send():
            if data:
                self._write(data)
            else:  # an empty item means end of stream
                self._end()

    def _write(self, data: bytes) -> None:
        # A client may go at any moment, and the transport of a lost connection raises an error.
        if not self.transport.is_closing():
            self.transport.write(data)

    def _end(self) -> None:
        """Close the sending side only: with both closed, bytes that still arrive would make the kernel discard ours."""
        self._is_ending = True
        if not self.transport.is_closing():
            self.transport.write_eof()
