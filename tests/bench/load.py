"""A small HTTP/1.1 client for load: httpx would use more of the two cores than the server that is measured."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One kept-alive connection; understands Content-Length and nothing more, which is what our servers send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, url: str) -> Self:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
        return cls(reader, writer, parts.netloc)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {"Content-Type": "audio/webm"}
    ) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"{head}\r\n".encode() + body)
        await self._writer.drain()
        status_line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        received = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(status_line.split()[1]), headers, received)

    def close(self) -> None:
        self._writer.close()


async def in_turn(
    url: str, concurrency: int, count: int, request: Callable[[Connection, int], Awaitable[None]]
) -> dict[str, float]:
    """Run `count` requests over `concurrency` connections; return requests per second and milliseconds of one."""
    connections = [await Connection.open(url) for _ in range(concurrency)]
    numbers = iter(range(count))
    times: list[float] = []

    async def one(connection: Connection) -> None:
        for number in numbers:
            began = time.perf_counter()
            await request(connection, number)
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one(connection) for connection in connections))
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return {"per_s": round(count / seconds, 1), **percentiles(times)}


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49] * 1000, 1), "p99_ms": round(cuts[98] * 1000, 1)}
