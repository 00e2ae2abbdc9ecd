"""A TCP connection's way through a network that can be cut, hang or be slow."""

import asyncio
import contextlib
import struct
from enum import Enum, auto
from socket import SO_LINGER, SOL_SOCKET
from typing import Self

BLOCK_BYTES = 64 * 1024

DELAY_S = 0.25
"""Seconds for which a slow network holds each block, in each direction: a bad mobile network."""


class Weather(Enum):
    """What the network does."""

    FINE = auto()
    CUT = auto()  # what is connected is reset, what connects is, too
    HANG = auto()  # what connects is accepted, nothing goes through, nothing is lost
    SLOW = auto()


class Link:
    """A port that leads to another one, as the weather allows."""

    def __init__(self, port: int) -> None:
        """`port` is the one of the server behind it."""
        self._to = port
        self._weather = Weather.FINE
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=BLOCK_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.set(Weather.CUT)
        self._flowing.set()
        await self._server.wait_closed()

    def set(self, weather: Weather) -> None:
        self._weather = weather
        if weather is Weather.HANG:
            self._flowing.clear()
        else:
            self._flowing.set()
        if weather is Weather.CUT:
            for writer in list(self._writers):
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            if self._weather is Weather.CUT:
                _reset(writer)
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._to, limit=BLOCK_BYTES)
            self._writers.add(back)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, back))
                    both.create_task(self._pump(there, writer))
            finally:
                self._drop(back)
        except OSError:
            pass
        except ExceptionGroup as group:
            if group.split(OSError)[1]:
                raise
        finally:
            self._drop(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, up to its end."""
        while block := await reader.read(BLOCK_BYTES):
            if self._weather is Weather.SLOW:
                await asyncio.sleep(DELAY_S)
            await self._flowing.wait()
            writer.write(block)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST in place of FIN, as a machine does that knows nothing of it any more."""
    if not writer.transport.is_closing():
        socket = writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
