"""WebSocket bytes, without I/O (RFC 6455). What is ordinary is done here; all else is left to `websockets`."""

import re
from dataclasses import dataclass
from typing import Self

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import accept_key

INCOMING_BYTES = 1024
"""Largest message that is read before the sender is shown out: a browser has nothing to say here."""

KEY_LENGTH = 24
"""Characters of a Sec-WebSocket-Key: 16 bytes in base64."""

_PLAIN_NAME = re.compile(r"[a-z0-9-]+")
_PONG_HEAD = bytes([0x80 | Opcode.PONG])
_MASKED, _MASK_BYTES, _LONGEST_CONTROL = 0x80, 4, 125


def text_frame(text: bytes) -> bytes:
    """One unmasked text frame, ready for any number of lines."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


PING = Frame(Opcode.PING, b"").serialize(mask=False)


def is_pong(data: bytes) -> bool:
    """Whether this is one whole, masked pong and nothing else: all that a browser ever says."""
    if len(data) < 2 + _MASK_BYTES or not data.startswith(_PONG_HEAD) or not data[1] & _MASKED:
        return False
    length = data[1] & ~_MASKED
    return length <= _LONGEST_CONTROL and len(data) == 2 + _MASK_BYTES + length


def new_protocol(*, is_open: bool = True) -> ServerProtocol:
    """What understands everything that a client may send, from the handshake or from an open connection on."""
    return ServerProtocol(state=State.OPEN if is_open else State.CONNECTING, max_size=INCOMING_BYTES)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A request for a WebSocket as every browser sends it."""

    target: str
    headers: dict[str, str]
    """Lower-case name → value; none comes twice."""

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """Read a whole, ordinary handshake; None for everything else, which may still be a good one.

        Reading it by `ServerProtocol` takes four times as long, and after a deploy every browser comes at once.
        """
        if not (data.startswith(b"GET /") and data.endswith(b"\r\n\r\n") and data.isascii()):
            return None
        request, *lines = data[:-4].decode().split("\r\n")
        target, _, version = request.removeprefix("GET ").partition(" ")
        if version != "HTTP/1.1" or not request.isprintable():
            return None
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            name = name.lower()
            # Control characters, folded lines, strange names and repeated headers are for those who know the rules.
            if not colon or not line.isprintable() or name in headers or not _PLAIN_NAME.fullmatch(name):
                return None
            headers[name] = value.strip(" ")
        is_usual = (
            headers.get("upgrade", "").lower() == "websocket"
            and "upgrade" in headers.get("connection", "").lower().split(", ")
            and headers.get("sec-websocket-version") == "13"
            and len(key := headers.get("sec-websocket-key", "")) == KEY_LENGTH
            and key.endswith("==")
            and "host" in headers
            and "content-length" not in headers
            and "transfer-encoding" not in headers
        )
        return cls(target, headers) if is_usual else None

    def accepted(self) -> bytes:
        """The answer that opens the connection. No extension and no subprotocol is ever agreed upon."""
        accept = accept_key(self.headers["sec-websocket-key"])
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ).encode()
