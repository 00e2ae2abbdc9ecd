"""A real Redis, the real process, and browsers made of the `websockets` client."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from shared.libraries import HOME
from shared.redis import streams
from tests.servers.stack import Service
from tests.servers.valkey import Valkey

TIMEOUT_S = 10
"""Longest wait for a frame or an answer: a noticed wipe takes 2 s, a loaded machine the rest."""

WORKERS = 3
"""Processes of the fixture `workers`."""


class Realtime(Service):
    """The realtime server of one test, on a Redis that the test may do anything to."""

    def __init__(self, valkey: Valkey, **environment: str) -> None:
        self.database = valkey.next_database() if valkey.is_running() else 0
        super().__init__("realtime", {"REDIS_URL": valkey.url(self.database), "DATA_DIR": "/nowhere", **environment})
        self.redis = valkey.client(self.database)

    def close(self) -> None:
        self.redis.close()
        super().close()

    def publish(self, text: str, library: str = HOME) -> str:
        """Send an event as the relay does, and return its id."""
        return streams.append_event(self.redis, library, {"type": "clip", "clip": {"text": text}})

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    async def wait_for_answer(self, path: str, status: int) -> httpx.Response:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    if (answer := self.get(path)).status_code == status:
                        return answer
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)


class Page:
    """One open socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            frame = json.loads(await self.socket.recv())
        assert isinstance(frame, dict)
        return frame

    async def next_except_presence(self) -> dict[str, Any]:
        """For tests that last longer than it takes to count the open pages, or to be pinged."""
        while (frame := await self.next())["type"] in {"presence", "alive"}:
            pass
        return frame

    async def receives(self, id: str, text: str) -> None:
        assert await self.next_except_presence() == {"id": id, "type": "clip", "clip": {"text": text}}

    async def receives_resync(self) -> str | None:
        """The id that comes with the resync."""
        frame = await self.next_except_presence()
        assert frame.keys() == {"id", "type"}
        assert frame["type"] == "resync"
        assert frame["id"] is None or streams.StreamId.parse(frame["id"])
        return frame["id"]  # type: ignore[no-any-return]

    async def close_code(self) -> int | None:
        async with asyncio.timeout(TIMEOUT_S):
            await self.socket.wait_closed()
        return self.socket.close_code


def payloads(data: bytes) -> list[bytes]:
    """What unmasked text frames say."""
    said = []
    while data:
        assert data[0] == 0x81, "a whole text frame"
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10]), 10
        assert len(data) >= start + size
        said.append(data[start : start + size])
        data = data[start + size :]
    return said


@pytest.fixture
def fragile_valkey() -> Iterator[Valkey]:
    """For tests that kill it; not started."""
    server = Valkey()
    yield server
    server.close()


@pytest.fixture
def realtime(valkey: Valkey) -> Iterator[Realtime]:
    """The server, on an empty database of the Redis that all tests share."""
    server = Realtime(valkey)
    server.start()
    yield server
    server.close()


@pytest.fixture
def workers(valkey: Valkey) -> Iterator[Realtime]:
    """The server with several worker processes on one port."""
    realtime = Realtime(valkey, WORKERS=str(WORKERS))
    realtime.start()
    yield realtime
    realtime.close()


Open = Callable[..., Any]


@pytest.fixture
async def open_page() -> AsyncIterator[Open]:
    """Connect as a page does, with `since` or without."""
    async with AsyncExitStack() as stack:

        async def opened(server: Realtime, since: str | None = None, **options: Any) -> Page:
            query = "" if since is None else f"?since={since}"
            address = options.pop("uri", f"ws://127.0.0.1:{server.port}/websocket{query}")
            socket = connect(address, compression=None, proxy=None, close_timeout=1, **options)
            return Page(await stack.enter_async_context(socket))

        yield opened


__all__ = ["Open", "Page", "Realtime", "payloads"]
