"""A thousand browsers under load, while what they listen to breaks: each ends with exactly what the database has."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psutil
import pytest
import redis

from shared.libraries import HOME
from shared.redis import streams
from tests.servers.stack import Service
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import TIMEOUT_S, Realtime

BROWSERS = 1_000
CLIPS = 20
EVENTS_PER_S = 40
LOAD_S = 4
MEMORY_MB = 60
"""What the server may grow by, whatever happens: a quarter of a megabyte for each line that is full."""


class Database:
    """What the api would hold, with its outbox: a change is kept first, and told as soon as Redis takes it."""

    def __init__(self, realtime: Realtime) -> None:
        self.clips: dict[int, int] = {}
        self._redis = realtime.redis
        self._outbox: deque[dict[str, Any]] = deque()

    def change(self) -> None:
        clip = random.randrange(CLIPS)
        self.clips[clip] = version = self.clips.get(clip, 0) + 1
        self._outbox.append({"type": "clip", "clip": {"id": clip, "version": version, "text": "x" * 200}})

    def tell(self) -> None:
        with contextlib.suppress(redis.RedisError):
            while self._outbox:
                streams.append_event(self._redis, HOME, self._outbox[0])
                self._outbox.popleft()

    def cursor(self) -> str:
        with contextlib.suppress(redis.RedisError):
            return streams.newest_id(self._redis, HOME) or ""
        return ""

    @property
    def is_told(self) -> bool:
        return not self._outbox


class Browser:
    """As the page does it: apply what is newer, fetch when told to, come back with the last id."""

    def __init__(self, realtime: Realtime, database: Database) -> None:
        self._realtime, self._database = realtime, database
        self._cursor = database.cursor()
        self.clips = dict(database.clips)
        self.is_patient = True
        self.fetches = 0

    async def live(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, AssertionError):
                await self._listen()
            await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._realtime.port)
        try:
            writer.write(
                f"GET /websocket?since={self._cursor} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            while True:
                head = await reader.readexactly(2)
                size = head[1]
                if size == 126:
                    size = int.from_bytes(await reader.readexactly(2))
                payload = await reader.readexactly(size)
                if head[0] == 0x88:
                    return
                if head[0] == 0x81:
                    self._take(json.loads(payload))
        finally:
            writer.close()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame.get("id"):
            self._cursor = frame["id"]
        if frame["type"] == "resync":
            self.fetches += 1
            self.clips = dict(self._database.clips)
        elif frame["type"] == "clip":
            clip, version = frame["clip"]["id"], frame["clip"]["version"]
            self.clips[clip] = max(version, self.clips.get(clip, 0))


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
async def crowd(own_valkey: Valkey) -> AsyncIterator[tuple[Realtime, Database, list[Browser]]]:
    realtime = Realtime(own_valkey, MAX_CONNECTIONS_PER_ADDRESS="0")
    await asyncio.to_thread(realtime.start)
    database = Database(realtime)
    browsers = [Browser(realtime, database) for _ in range(BROWSERS)]
    lives = [asyncio.create_task(browser.live()) for browser in browsers]
    await wait_for_connections(realtime, BROWSERS)
    yield realtime, database, browsers
    for life in lives:
        life.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    await asyncio.to_thread(realtime.close)


async def wait_for_connections(realtime: Realtime, number: int) -> None:
    answer = await realtime.wait_for_answer("/metrics", 200)
    async with asyncio.timeout(3 * TIMEOUT_S):
        while f"dictaphone_realtime_connections {number}.0" not in answer.text:
            await asyncio.sleep(0.1)
            answer = await realtime.wait_for_answer("/metrics", 200)


async def load(database: Database) -> None:
    for _ in range(LOAD_S * EVENTS_PER_S):
        database.change()
        await asyncio.to_thread(database.tell)
        await asyncio.sleep(1 / EVENTS_PER_S)


@pytest.mark.parametrize("fault", ["FLUSHALL", "kill -9 of Redis", "kill -9 of the server"])
async def test_everyone_ends_with_the_state_of_the_database(
    crowd: tuple[Realtime, Database, list[Browser]], own_valkey: Valkey, fault: str
) -> None:
    realtime, database, browsers = crowd
    before = memory_mb(realtime)
    loading = asyncio.create_task(load(database))
    await asyncio.sleep(LOAD_S / 3)
    match fault:
        case "FLUSHALL":
            await asyncio.to_thread(realtime.redis.flushall)
        case "kill -9 of Redis":
            own_valkey.kill()
            await asyncio.sleep(1)
            await asyncio.to_thread(own_valkey.start)
        case _:
            realtime.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(realtime.start)
    await loading
    await all_agree(database, browsers)
    await wait_for_connections(realtime, BROWSERS)
    assert memory_mb(realtime) - before < MEMORY_MB


async def all_agree(database: Database, browsers: list[Browser]) -> None:
    async with asyncio.timeout(3 * TIMEOUT_S):
        while not database.is_told or any(browser.clips != database.clips for browser in browsers):
            await asyncio.to_thread(database.tell)
            await asyncio.sleep(0.1)


async def test_frozen_consumers_delay_nobody_and_catch_up(
    crowd: tuple[Realtime, Database, list[Browser]],
) -> None:
    """A process with a hundred sockets is stopped (SIGSTOP) under load, and goes on."""
    realtime, database, browsers = crowd
    script = (
        "import asyncio, sys\n"
        "from websockets.asyncio.client import connect\n"
        "async def main():\n"
        "    sockets = [await connect(sys.argv[1], max_queue=None, ping_interval=None) for _ in range(100)]\n"
        "    print('ready', flush=True)\n"
        "    lasts = ['' for _ in sockets]\n"
        "    async def read(n):\n"
        "        async for frame in sockets[n]:\n"
        "            if frame.startswith('{\"id\"'): lasts[n] = frame\n"
        "    tasks = [asyncio.create_task(read(n)) for n in range(100)]\n"
        "    await asyncio.to_thread(sys.stdin.readline)\n"
        "    await asyncio.sleep(1)\n"
        "    print(len(set(lasts)), lasts[0][:30], flush=True)\n"
        "asyncio.run(main())\n"
    )
    address = f"ws://127.0.0.1:{realtime.port}/websocket?since={database.cursor()}"
    process = await asyncio.create_subprocess_exec(
        *Service("realtime", {}).command()[:1], "-c", script, address,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        assert await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S) == b"ready\n"
        before = memory_mb(realtime)
        os.kill(process.pid, signal.SIGSTOP)
        await load(database)
        await all_agree(database, browsers)
        assert memory_mb(realtime) - before < MEMORY_MB
        os.kill(process.pid, signal.SIGCONT)
        said, _ = await asyncio.wait_for(process.communicate(b"\n"), TIMEOUT_S)
        assert said.startswith(b'1 {"id":"'), "all hundred end with the same newest frame"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def memory_mb(realtime: Realtime) -> float:
    return float(psutil.Process(realtime.pid).memory_info().rss) / 1024**2
