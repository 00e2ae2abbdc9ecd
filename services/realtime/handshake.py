"""The opening handshake as browsers send it, without I/O (RFC 6455, section 4)."""

import re
from dataclasses import dataclass
from typing import Self

from websockets.utils import accept_key

KEY_LENGTH = 24
"""Characters of a Sec-WebSocket-Key: 16 bytes in base64."""


_PLAIN_NAME = re.compile(r"[a-z0-9-]+")


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
