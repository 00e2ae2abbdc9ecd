"""Presence: pages learn how many are open, over all processes and machines."""

import asyncio
import json

import pytest

from services.realtime import presence
from services.realtime.hub import Hub
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import TIMEOUT_S, Open, Page, Realtime


async def test_pages_learn_how_many_are_open_anywhere(workers: Realtime, valkey: Valkey, open_page: Open) -> None:
    elsewhere = Realtime(valkey, REDIS_URL=valkey.url(workers.database))
    try:
        elsewhere.start()
        without_cursor = await open_page(workers)
        pages = [await open_page(workers, since="") for _ in range(5)]
        pages.append(await open_page(elsewhere, since=""))
        for page in pages:
            await _wait_for_count(page, 7)
        await pages.pop().socket.close()
        for page in pages:
            await _wait_for_count(page, 6)
        late = await open_page(workers, since="")
        await _wait_for_count(late, 7)
        # A server that stops removes its pages from the count at once.
        last = Realtime(valkey, REDIS_URL=valkey.url(workers.database))
        await asyncio.to_thread(last.start)
        await _wait_for_count(await open_page(last, since=""), 8)
        await _wait_for_count(late, 8)
        await asyncio.to_thread(last.close)
        await _wait_for_count(late, 7)
        # A killed server's pages expire.
        await _wait_for_count(await open_page(elsewhere, since=""), 8)
        elsewhere.kill()
        await _wait_for_count(late, 7, timeout_s=2 * TIMEOUT_S)
        # A client without a cursor would take the number for a change of a clip.
        await without_cursor.receives(workers.publish("a change"), "a change")
    finally:
        await asyncio.to_thread(elsewhere.close)


async def test_a_connection_that_is_closed_under_a_write_ends_nothing(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In uvloop that is no error of a connection: counting ended, and the process with it."""
    counted = asyncio.Event()
    counts = presence.Presence(redis_url, Hub(lambda _: None))

    async def count(_: object) -> None:
        if not tries:
            tries.append("a write")
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")
        counted.set()

    tries: list[str] = []
    monkeypatch.setattr(presence, "COUNT_INTERVAL_S", 0.01)
    monkeypatch.setattr(counts, "_count", count)
    counts._last_counts["home"] = 1
    counting = asyncio.create_task(counts.run())
    await asyncio.wait_for(counted.wait(), TIMEOUT_S)
    counting.cancel()
    await counts.close()


async def _wait_for_count(page: Page, number: int, timeout_s: float = TIMEOUT_S) -> None:
    async with asyncio.timeout(timeout_s):
        while json.loads(await page.socket.recv()).get("looking") != number:
            pass
