"""The opening handshake as browsers send it, without I/O (RFC 6455, section 4)."""

import re
from dataclasses import dataclass
from typing import Self

from websockets.utils import accept_key

KEY_CHARS = 24
"""Characters of a Sec-WebSocket-Key: 16 bytes in base64."""

_HEADER_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request of an ordinary opening handshake."""

    target: str
    headers: dict[str, str]
    """Lower-case name → value. No header appears twice."""

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """Read one complete, ordinary handshake. None for any other bytes, which `ServerProtocol` may still accept.

        `ServerProtocol` uses several times as much CPU, and all browsers reconnect at once after a deployment:
        docs/adr/0012-realtime-processes-and-parser.md has the measurement.
        """
        if not (data.startswith(b"GET /") and data.endswith(b"\r\n\r\n") and data.isascii()):
            return None
        request_line, *header_lines = data[:-4].decode().split("\r\n")
        target, _, version = request_line.removeprefix("GET ").partition(" ")
        if version != "HTTP/1.1" or not request_line.isprintable():
            return None
        headers: dict[str, str] = {}
        for line in header_lines:
            name, colon, value = line.partition(":")
            name = name.lower()
            # Control characters, folded lines, unusual names and repeated headers need all the rules of HTTP.
            if not colon or not line.isprintable() or name in headers or not _HEADER_NAME.fullmatch(name):
                return None
            headers[name] = value.strip(" ")
        is_ordinary = (
            headers.get("upgrade", "").lower() == "websocket"
            and "upgrade" in headers.get("connection", "").lower().split(", ")
            and headers.get("sec-websocket-version") == "13"
            and len(key := headers.get("sec-websocket-key", "")) == KEY_CHARS
            and key.endswith("==")
            and "host" in headers
            and "content-length" not in headers
            and "transfer-encoding" not in headers
        )
        return cls(target, headers) if is_ordinary else None

    def response(self) -> bytes:
        """The response that opens the connection. The server accepts no extension and no subprotocol."""
        accept = accept_key(self.headers["sec-websocket-key"])
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ).encode()
