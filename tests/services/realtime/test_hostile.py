"""Hostile clients: each is refused with its code, in time, and disturbs no other."""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from services.realtime.connection import CLOSE_UNEXPECTED_MESSAGE, MAX_READS_PER_PING, MAX_REQUEST_BYTES
from services.realtime.server import HANDSHAKE_TIMEOUT_S
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import TIMEOUT_S, Open, Page, Realtime

HANDSHAKE = (
    b"GET /websocket?since= HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class RawClient:
    """Raw bytes to the server and back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def shake_hands(self) -> None:
        await self.send(HANDSHAKE)
        assert b" 101 " in await self.reader.readuntil(b"\r\n\r\n")

    async def read_to_end(self, seconds: float = TIMEOUT_S) -> bytes:
        """All bytes until the connection is cut."""
        read = b""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError):
                while chunk := await self.reader.read(1 << 16):
                    read += chunk
        return read

    async def close_code(self) -> int:
        read = b""
        async with asyncio.timeout(TIMEOUT_S):
            while b"\x88" not in read[:-3]:
                chunk = await self.reader.read(1 << 16)
                assert chunk, "the connection was cut before the code came"
                read += chunk
        at = read.rindex(b"\x88")
        return int.from_bytes(read[at + 2 : at + 4])


@pytest.fixture
async def client(realtime: Realtime) -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", realtime.port)
    yield RawClient(reader, writer)
    writer.close()


@pytest.fixture
async def witness(realtime: Realtime, open_page: Open) -> AsyncIterator[Page]:
    """A page that hears what is said after whatever happened."""
    page = await open_page(realtime)
    yield page
    await page.receives(realtime.publish("afterwards"), "afterwards")


def masked(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


BAD = {
    "a message": (masked(Opcode.TEXT, b"hello"), CLOSE_UNEXPECTED_MESSAGE),
    "a fragment without end": (masked(Opcode.TEXT, b"once upon", fin=False), CLOSE_UNEXPECTED_MESSAGE),
    "a fragment without beginning": (masked(Opcode.CONT, b"and they lived"), 1002),
    "no text": (masked(Opcode.TEXT, b"\xff\xfe"), CLOSE_UNEXPECTED_MESSAGE),
    "a large frame": (b"\x81\xfe\xff\xff" + bytes(4), 1009),
    "an endless frame": (b"\x82\xff" + (2**62).to_bytes(8) + bytes(4), 1009),
    "no mask": (Frame(Opcode.TEXT, b"unmasked").serialize(mask=False), 1002),
    "reserved bits": (b"\xf1\x80" + bytes(4), 1002),
    "an unknown opcode": (b"\x83\x80" + bytes(4), 1002),
    "good-bye": (masked(Opcode.CLOSE, (1000).to_bytes(2)), 1000),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("step", [1000, 1], ids=["at once", "byte by byte"])
async def test_bad_frames_are_answered_with_their_code(client: RawClient, witness: Page, name: str, step: int) -> None:
    data, code = BAD[name]
    await client.shake_hands()
    for at in range(0, len(data), step):
        await client.send(data[at : at + step])
        await asyncio.sleep(0.001)
    assert await client.close_code() == code


async def test_a_client_that_sends_too_often_is_disconnected(client: RawClient, witness: Page) -> None:
    await client.shake_hands()
    for _ in range(2 * MAX_READS_PER_PING):
        await client.send(masked(Opcode.PING))
        await asyncio.sleep(0.001)
    assert await client.close_code() == 1008


async def test_a_handshake_byte_by_byte_is_a_handshake(client: RawClient, realtime: Realtime, witness: Page) -> None:
    for byte in HANDSHAKE:
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
    id = realtime.publish("now")
    await witness.receives(id, "now")
    async with asyncio.timeout(TIMEOUT_S):
        while id.encode() not in await client.reader.read(1 << 16):
            pass


async def test_what_comes_with_the_handshake_is_read_behind_it(client: RawClient, witness: Page) -> None:
    await client.send(HANDSHAKE + masked(Opcode.TEXT, b"impatient"))
    assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
    await client.send(masked(Opcode.PONG))
    assert await client.close_code() == CLOSE_UNEXPECTED_MESSAGE


async def test_half_a_handshake_has_ten_seconds(realtime: Realtime, witness: Page) -> None:
    began = time.monotonic()

    async def cut_after(data: bytes, *, drips: bool = False) -> float:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", realtime.port))
        await client.send(data)
        dripping = asyncio.create_task(_drip(client)) if drips else None
        await client.read_to_end(HANDSHAKE_TIMEOUT_S + TIMEOUT_S)
        if dripping:
            dripping.cancel()
        client.writer.close()
        return time.monotonic() - began

    head = b"GET /websocket HTTP/1.1\r\nX: "
    ends = [cut_after(b""), cut_after(HANDSHAKE[:50]), cut_after(b"\x16\x03\x01"), cut_after(head, drips=True)]
    for seconds in await asyncio.gather(*ends):
        assert HANDSHAKE_TIMEOUT_S - 1 < seconds < HANDSHAKE_TIMEOUT_S + 3


async def _drip(client: RawClient) -> None:
    while True:
        await client.send(b"a")
        await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /websocket HTTP/1.1\r\n" + b"X: " + b"a" * (MAX_REQUEST_BYTES - 10),
        b"GET /" + b"a" * 3 * MAX_REQUEST_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET /websocket HTTP/1.1\r\n" + b"X: a\r\n" * 300,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"POST /websocket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["endless header", "endless target", "many headers", "another protocol", "post"],
)
async def test_invalid_requests_are_cut_at_once(client: RawClient, witness: Page, data: bytes) -> None:
    began = time.monotonic()
    await client.send(data)
    assert b" 101 " not in await client.read_to_end()
    assert time.monotonic() - began < HANDSHAKE_TIMEOUT_S / 2


async def test_a_refused_client_that_never_hangs_up_is_cut(valkey: Valkey) -> None:
    realtime = Realtime(valkey, MAX_CONNECTIONS="3")
    silent: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        await asyncio.to_thread(realtime.start)
        silent.extend([await asyncio.open_connection("127.0.0.1", realtime.port) for _ in range(100)])
        assert b" 503 " in await asyncio.wait_for(silent[-1][0].read(), TIMEOUT_S)
        await asyncio.sleep(HANDSHAKE_TIMEOUT_S)
        await realtime.wait_for_answer("/healthz", 200)
    finally:
        for _, writer in silent:
            writer.close()
        await asyncio.to_thread(realtime.close)


async def test_the_limit_counts_the_address_that_a_proxy_names_however_the_request_comes(valkey: Valkey) -> None:
    realtime = Realtime(valkey, MAX_CONNECTIONS_PER_ADDRESS="1", SIGN_IN="off")

    async def answer(address: str, pieces: int) -> bytes:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", realtime.port))
        request = HANDSHAKE.replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode())
        for at in range(0, len(request), len(request) // pieces + 1):
            await client.send(request[at : at + len(request) // pieces + 1])
            await asyncio.sleep(0.01)
        clients.append(client)
        return await client.reader.readuntil(b"\r\n")

    clients: list[RawClient] = []
    try:
        await asyncio.to_thread(realtime.start)
        for number, pieces in enumerate([1, 2, 1, 2]):
            assert b" 101 " in await answer(f"203.0.113.{number}", pieces)
        for pieces in (1, 2):
            assert b" 429 " in await answer("203.0.113.1", pieces)
    finally:
        for client in clients:
            client.writer.close()
        await asyncio.to_thread(realtime.close)


async def test_unsolicited_pongs_count_as_reads(client: RawClient, witness: Page) -> None:
    await client.shake_hands()
    for _ in range(2 * MAX_READS_PER_PING):
        await client.send(masked(Opcode.PONG))
        await asyncio.sleep(0.001)
    assert await client.close_code() == 1008


async def test_connections_of_one_address_are_limited(valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(valkey, MAX_CONNECTIONS_PER_ADDRESS="3", SIGN_IN="off")
    try:
        realtime.start()
        pages = [await open_page(realtime) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refusal:
            await open_page(realtime)
        assert refusal.value.response.status_code == 429
        # Whom a proxy in our own network names is another address.
        other = await open_page(realtime, additional_headers={"X-Forwarded-For": "spoofed, 203.0.113.7"})
        await pages[0].socket.close()
        await _wait_until_admitted(open_page, realtime)
        await other.receives(realtime.publish("now"), "now")
    finally:
        await asyncio.to_thread(realtime.close)


async def test_a_full_server_says_so_and_serves_those_who_are_there(valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(valkey, MAX_CONNECTIONS="3")
    try:
        realtime.start()
        pages = [await open_page(realtime) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refusal:
            await open_page(realtime)
        assert refusal.value.response.status_code == 503
        assert refusal.value.response.headers["Retry-After"]
        assert realtime.get("/readyz").status_code == 200
        clients = [await asyncio.open_connection("127.0.0.1", realtime.port) for _ in range(100)]
        assert b" 503 " in await asyncio.wait_for(clients[-1][0].read(), TIMEOUT_S)
        await pages[0].receives(realtime.publish("now"), "now")
        for _, writer in clients:
            writer.close()
    finally:
        await asyncio.to_thread(realtime.close)


async def test_as_many_as_there_may_be_open_files(valkey: Valkey, open_page: Open) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    realtime = Realtime(valkey, MAX_CONNECTIONS_PER_ADDRESS="0")
    try:
        realtime.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        pages = [await open_page(realtime) for _ in range(400)]
        id = realtime.publish("now")
        for page in pages:
            await page.receives(id, "now")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await asyncio.to_thread(realtime.close)


async def _wait_until_admitted(open_page: Open, realtime: Realtime) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            with contextlib.suppress(InvalidStatus):
                await open_page(realtime)
                return
            await asyncio.sleep(0.02)
