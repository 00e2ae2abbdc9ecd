"""HTTP as bytes: what no client library would send, and what happens when one goes away in the middle."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection to a server, with nothing that makes a request well-formed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, url: str) -> Self:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port), parts.netloc)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, method: str, target: bytes, body: bytes = b"", **headers: str) -> Answer:
        """Send a request whose target goes out exactly as it is given, and read the answer."""
        await self.begin(method, target, len(body), **headers)
        await self.send(body)
        return await self.answer(has_body=method != "HEAD")

    async def begin(self, method: str, target: bytes, size: int, **headers: str) -> None:
        """Send a request's head, and promise so many bytes of body."""
        given = {"Host": self._host, "Content-Length": str(size), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
        await self.send(method.encode() + b" " + target + b" HTTP/1.1\r\n" + lines.encode() + b"\r\n")

    async def answer(self, *, has_body: bool = True) -> Answer:
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0)) if has_body else 0
        return Answer(int(status.split()[1]), headers, await self._reader.readexactly(size))

    async def rest(self) -> bytes:
        """All that still comes until the server ends the connection."""
        read = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await self._reader.read(1 << 16):
                read += chunk
        return read

    def vanish(self) -> None:
        """Go without a word, as a phone in a tunnel."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
