"""Several processes on one port, and what they know of each other."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import PATIENCE_S, Open, Page, Realtime

WORKERS = 3


@pytest.fixture
def workers(valkey: Valkey) -> Iterator[Realtime]:
    realtime = Realtime(valkey, WORKERS=str(WORKERS))
    realtime.start()
    yield realtime
    realtime.close()


def children(realtime: Realtime) -> list[psutil.Process]:
    return list(psutil.Process(realtime.pid).children())


async def until_metric(realtime: Realtime, line: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while f"dictaphone_realtime_{line}" not in realtime.get("/metrics").text.splitlines():
            await asyncio.sleep(0.05)


async def test_every_process_takes_browsers_and_any_tells_of_all(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(60)]
    id = workers.say("to all")
    for page in pages:
        await page.hears(id, "to all")
    await until_metric(workers, "connections 60.0")
    await until_metric(workers, f"redis_up {WORKERS}.0")
    await until_metric(workers, "deliveries_total 60.0")
    for child in children(workers):
        connected = [line for line in child.net_connections("tcp4") if line.status == psutil.CONN_ESTABLISHED]
        assert len(connected) > 3, "the kernel shares them out"


async def test_a_killed_process_is_started_again_and_the_others_go_on(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(30)]
    id = workers.say("before")
    for page in pages:
        await page.hears(id, "before")
    await until_metric(workers, "deliveries_total 30.0")
    victim = children(workers)[0]
    victim.kill()
    async with asyncio.timeout(PATIENCE_S):
        while len(children(workers)) < WORKERS or victim.is_running():
            await asyncio.sleep(0.05)
    left = [page for page in pages if await _is_open(page)]
    assert 0 < len(left) < 30
    id = workers.say("after")
    for page in left:
        await page.hears(id, "after")
    await until_metric(workers, f"deliveries_total {30 + len(left)}.0")
    await until_metric(workers, f"connections {len(left)}.0")


async def test_they_end_together_and_leave_nobody(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(6)]
    family = children(workers)
    assert len(family) == WORKERS
    assert workers.pid
    os.kill(workers.pid, signal.SIGTERM)
    for page in pages:
        assert await page.close_code() == 1012
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive


async def test_pages_learn_how_many_are_open_anywhere(workers: Realtime, valkey: Valkey, open_page: Open) -> None:
    elsewhere = Realtime(valkey, REDIS_URL=valkey.url(workers.database))
    try:
        elsewhere.start()
        seed = await open_page(workers)
        pages = [await open_page(workers, since="") for _ in range(5)]
        pages.append(await open_page(elsewhere, since=""))
        for page in pages:
            await _sees(page, 7)
        await pages.pop().socket.close()
        for page in pages:
            await _sees(page, 6)
        late = await open_page(workers, since="")
        await _sees(late, 7)
        # One that is killed is not counted for long.
        await _sees(await open_page(elsewhere, since=""), 8)
        elsewhere.kill()
        await _sees(late, 7, patience_s=2 * PATIENCE_S)
        # A client that keeps no state would take the number for a change of a clip.
        await seed.hears(workers.say("a change"), "a change")
    finally:
        await asyncio.to_thread(elsewhere.close)


async def _sees(page: Page, number: int, patience_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(patience_s):
        while json.loads(await page.socket.recv()).get("looking") != number:
            pass


async def _is_open(page: Page) -> bool:
    await asyncio.sleep(0)
    return page.socket.close_code is None
