"""One connection: bytes in, bytes out. Idle, it is little more than its socket."""

import asyncio
from typing import Protocol, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from services.realtime.frames import is_pong, new_protocol
from services.realtime.handshake import Handshake
from services.realtime.replay_buffer import PIECE_BYTES

SEND_BUFFER_BYTES = PIECE_BYTES
"""What may wait for one line, and one piece behind it. Who reads more slowly is left out until it has read."""

MOVED_BYTES = 8 * 1024
"""A line that took so much since the last look moves, however slowly: a phone far from its mast gets a resync, too."""

GREETING_BYTES = 16 * 1024
"""Bytes of a request; browsers send one or two thousand."""

MOST_SAID = 100
"""Times that a browser may speak between two pings of ours. It has only to answer them."""

UNKNOWN_MESSAGE = 4400
"""Close code (4000 to 4999 are private, RFC 6455, 7.4.2) for who sends something: a browser has nothing to say."""


class Host(Protocol):
    """The server, as a connection sees it."""

    def arrived(self, browser: "Browser") -> None: ...
    def shook_hands(self, browser: "Browser", handshake: Handshake) -> None: ...
    def asked(self, browser: "Browser", request: Request) -> None: ...
    def fell_behind(self, browser: "Browser") -> None: ...
    def caught_up(self, browser: "Browser") -> None: ...
    def parting(self, browser: "Browser") -> None: ...
    def left(self, browser: "Browser") -> None: ...


class Browser(asyncio.Protocol):
    """A client, from its first byte to its last: it asks something, or it shakes hands and listens.

    Silent or answering pings it has no parser: one is made when it says anything else.
    """

    __slots__ = (
        "_has_ended", "_host", "_is_open", "_protocol", "_said", "_waiting", "address", "awaits_pong", "keeps_state",
        "place", "round", "transport",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._is_open = False
        self._has_ended = False
        """Whether all that it gets has been written; what it still says is not read."""
        self._protocol: ServerProtocol | None = None
        self._said = 0
        """Bytes of its request, then times that it spoke."""
        self._waiting = 0
        """Bytes that waited for the line at the last look."""
        self.address = ""
        """Whom its connections are counted for; empty until it has shaken hands."""
        self.awaits_pong = False
        self.round = 0
        """Which of the rounds of pings it belongs to."""
        self.keeps_state = False
        self.place = 0

    # -- what the loop calls -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(SEND_BUFFER_BYTES)
        self._host.arrived(self)

    def data_received(self, data: bytes) -> None:
        if self._has_ended:
            return
        if self._protocol is None:
            if self._is_open and self._said < MOST_SAID and is_pong(data):
                self.awaits_pong = False
                self._said += 1
                return
            if not self._is_open and len(data) <= GREETING_BYTES and (handshake := Handshake.parse(data)):
                self._host.shook_hands(self, handshake)
                return
            self._protocol = new_protocol(is_open=self._is_open)
        self._read(self._protocol, data)

    def pause_writing(self) -> None:
        self._host.fell_behind(self)

    def resume_writing(self) -> None:
        self._host.caught_up(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._host.left(self)

    # -- what the server does ----------------------------------------------------------------------------------

    def open(self, handshake: Handshake, first: bytes) -> None:
        """Answer an ordinary handshake and send the first frames behind it."""
        self._is_open = True
        self._said = 0
        self.transport.write(handshake.accepted() + first)

    def accept(self, request: Request) -> bool:
        """Answer an unusual handshake, after all its rules; whether the connection is open now."""
        assert self._protocol is not None, "it has read the request"
        self._protocol.send_response(self._protocol.accept(request))
        self._is_open = self._protocol.state is State.OPEN
        self._said = 0
        self._write(self._protocol)
        return self._is_open

    def answer(self, response: Response) -> None:
        """Answer a plain request, and hang up."""
        self.transport.write(response.serialize())
        self._end()

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def ping(self, frame: bytes) -> bool:
        """Ask for a sign of life; False, and nothing sent, if the last one was not answered."""
        if self.awaits_pong:
            return False
        self.awaits_pong = True
        self._said = 0
        self.transport.write(frame)
        return True

    def moves(self) -> bool:
        """Whether its full line took anything since the last look."""
        before, self._waiting = self._waiting, self.transport.get_write_buffer_size()
        return before - self._waiting >= MOVED_BYTES

    def part(self, code: int, reason: str) -> None:
        """Begin the closing handshake, behind all that waits for the line; again does nothing."""
        protocol = self._protocol = self._protocol or new_protocol()
        if protocol.state is State.OPEN:
            protocol.send_close(code, reason)
            self._write(protocol)

    # -- unusual bytes -----------------------------------------------------------------------------------------

    def _read(self, protocol: ServerProtocol, data: bytes) -> None:
        self._said += 1 if self._is_open else len(data)
        if not self._is_open and self._said > GREETING_BYTES:
            self.transport.abort()
            return
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._host.asked(self, event)
            elif isinstance(event, Frame) and event.opcode is Opcode.PONG:
                self.awaits_pong = False
            elif isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
                self.part(UNKNOWN_MESSAGE, "A browser has nothing to say here.")
        if self._is_open and self._said > MOST_SAID:
            self.part(CloseCode.POLICY_VIOLATION, "You speak too often.")
        self._write(protocol)

    def _write(self, protocol: ServerProtocol) -> None:
        if self._is_open and protocol.state is not State.OPEN:
            self._is_open = False
            self._host.parting(self)
        for data in protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:  # the end, by `websockets`' convention
                self._end()

    def _end(self) -> None:
        """Hang up when the other side does: bytes that it still sends would make the kernel throw away ours."""
        self._has_ended = True
        if not self.transport.is_closing():
            self.transport.write_eof()
