"""The network between the parts: it passes everything on, until it is cut, hangs or is slow."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import DELAY_S, Link, Weather


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """A way to a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(1000):
            writer.write(block)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Link(server.sockets[0].getsockname()[1]) as link:
        yield link


async def test_everything_comes_through_to_the_end(link: Link) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    data = bytes(range(256)) * 2000
    writer.write(data)
    writer.write_eof()
    assert await reader.read() == data
    writer.close()


async def test_a_cut_resets_what_is_connected_and_what_connects_until_it_is_mended(link: Link) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    link.set(Weather.CUT)
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    writer.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asked(link)
    link.set(Weather.FINE)
    assert await asked(link) == b"hello"


async def test_a_network_that_hangs_loses_nothing(link: Link) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    link.set(Weather.HANG)
    writer.write(b"during")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(asked(link)), 0.1)
    link.set(Weather.FINE)
    assert await reader.readexactly(6) == b"during"
    writer.close()


async def test_a_slow_network_takes_its_time_in_both_directions(link: Link) -> None:
    link.set(Weather.SLOW)
    began = time.monotonic()
    assert await asked(link) == b"hello"
    assert time.monotonic() - began >= 2 * DELAY_S


async def asked(link: Link) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        writer.write(b"hello")
        return await reader.readexactly(5)
    finally:
        writer.close()
