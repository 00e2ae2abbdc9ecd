"""Every page sees every change, and none is missed: the real process on a real Redis that suffers."""

import asyncio
import json

import pytest

from shared.libraries import HOME
from shared.redis import streams
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import Open, Realtime


async def test_every_page_gets_every_change_in_order(realtime: Realtime, open_page: Open) -> None:
    pages = [await open_page(realtime) for _ in range(3)]
    sent = {realtime.publish(text): text for text in ("one", "zwei", "три 🎙")}
    for page in pages:
        for id, text in sent.items():
            await page.receives(id, text)


async def test_a_page_that_reconnects_gets_what_it_missed(realtime: Realtime, open_page: Open) -> None:
    witness = await open_page(realtime)
    ids = [realtime.publish(text) for text in ("seen", "missed", "missed too")]
    for id, text in zip(ids, ("seen", "missed", "missed too"), strict=True):
        await witness.receives(id, text)
    page = await open_page(realtime, since=ids[0])
    await page.receives(ids[1], "missed")
    await page.receives(ids[2], "missed too")
    await page.receives(realtime.publish("now"), "now")


async def test_the_cursor_of_the_list_is_accepted(realtime: Realtime, open_page: Open) -> None:
    """Also the very first, before anything was said."""
    cursor = streams.newest_id(realtime.redis, HOME)
    assert cursor is not None
    page = await open_page(realtime, since=cursor)
    await page.receives(realtime.publish("first"), "first")


@pytest.mark.parametrize("since", ["", "0-0", "$", "99999999999999-0", "1-0%0d%0a", "%ff", "x" * 4000])
async def test_an_invented_cursor_is_answered_with_one_resync(realtime: Realtime, open_page: Open, since: str) -> None:
    page = await open_page(realtime, since=since)
    assert await page.receives_resync() == streams.newest_id(realtime.redis, HOME)
    await page.receives(realtime.publish("now"), "now")


async def test_a_page_without_a_cursor_gets_nothing_until_something_changes(
    realtime: Realtime, open_page: Open
) -> None:
    witness = await open_page(realtime)
    await witness.receives(realtime.publish("before"), "before")
    seed = await open_page(realtime)
    await seed.receives(realtime.publish("after"), "after")


async def test_a_restarted_server_replays_what_the_stream_still_holds(realtime: Realtime, open_page: Open) -> None:
    witness = await open_page(realtime)
    ids = [realtime.publish(text) for text in ("trimmed", "kept", "newest")]
    await witness.receives(ids[0], "trimmed")
    realtime.redis.xtrim(streams.stream_key(HOME), minid=ids[1], approximate=False)
    realtime.kill()
    realtime.start()
    assert await (await open_page(realtime, since=ids[0])).receives_resync() == ids[2]
    await (await open_page(realtime, since=ids[1])).receives(ids[2], "newest")


async def test_events_that_were_trimmed_before_they_were_read(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    await page.receives(realtime.publish("seen"), "seen")
    with realtime.redis.pipeline() as step:
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "lost"}})
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "kept"}})
        step.xtrim(streams.stream_key(HOME), maxlen=1, approximate=False)
        _, kept, _ = step.execute()
    assert await page.receives_resync() == kept
    await page.receives(realtime.publish("now"), "now")


async def test_a_wipe_under_connected_pages(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    seen = realtime.publish("seen")
    await page.receives(seen, "seen")
    realtime.redis.flushall()
    begin = await page.receives_resync()
    assert begin is not None
    assert streams.StreamId.parse(begin) > streams.StreamId.parse(seen)
    now = realtime.publish("now")
    await page.receives(now, "now")
    assert await (await open_page(realtime, since=seen)).receives_resync() == now
    await (await open_page(realtime, since=begin)).receives(now, "now")


@pytest.mark.parametrize("again", ["later", "same", "earlier"])
async def test_a_wipe_between_two_events_is_noticed(realtime: Realtime, open_page: Open, again: str) -> None:
    """Whatever id the clock of the new life gives to its first event, even one that was given before."""
    page = await open_page(realtime)
    seen = realtime.publish("seen")
    await page.receives(seen, "seen")
    with realtime.redis.pipeline() as step:
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "lost"}})
        step.flushdb()
        id = {"later": "*", "same": seen, "earlier": "1000-0"}[again]
        step.xadd(streams.stream_key(HOME), {streams.PAYLOAD_FIELD: '{"type":"clip","clip":{}}'}, id=id)
        *_, first = step.execute()
    begin = await page.receives_resync()
    assert begin is not None
    assert streams.StreamId.parse(begin) > max(map(streams.StreamId.parse, (seen, first)))
    now = realtime.publish("now")
    await page.receives(now, "now")
    # The id of the first event may have been another's, so nobody may count from it.
    assert await (await open_page(realtime, since=first)).receives_resync() == now


async def test_a_lost_connection_to_redis_loses_nothing(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    for number in range(5):
        realtime.redis.client_kill_filter(_type="normal", skipme=True)
        await page.receives(realtime.publish(f"said {number}"), f"said {number}")


@pytest.mark.parametrize("durable", [False, True], ids=["forgets", "remembers"])
async def test_redis_killed_and_back_under_connected_pages(open_page: Open, *, durable: bool) -> None:
    valkey = Valkey(durable=durable).start()
    realtime = Realtime(valkey)
    try:
        realtime.start()
        page = await open_page(realtime)
        seen = realtime.publish("seen")
        await page.receives(seen, "seen")
        valkey.kill()
        assert "Redis" in (await realtime.wait_for_answer("/readyz", 503)).json()["redis"]
        assert realtime.get("/healthz").status_code == 200
        # What it knows is still proven: replays go on while Redis is away.
        late = await open_page(realtime, since=seen)
        valkey.start()
        # Even one that remembers: what it acknowledged in its last second may be gone.
        for each in (page, late):
            assert await each.receives_resync()
        await realtime.wait_for_answer("/readyz", 200)
        now = realtime.publish("now")
        for each in (page, late):
            await each.receives(now, "now")
    finally:
        await asyncio.to_thread(realtime.close)
        valkey.close()


async def test_redis_absent_at_start(fragile_valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(fragile_valkey)
    try:
        realtime.launch()
        assert (await realtime.wait_for_answer("/healthz", 200)).text == "ok"
        assert "Redis" in realtime.get("/readyz").json()["redis"]
        page = await open_page(realtime, since="1700000000000-0")
        assert await page.receives_resync() is None
        fragile_valkey.start()
        assert await page.receives_resync()
        await page.receives(realtime.publish("now"), "now")
    finally:
        await asyncio.to_thread(realtime.close)


async def test_a_second_server_disturbs_nobody(realtime: Realtime, valkey: Valkey, open_page: Open) -> None:
    page = await open_page(realtime)
    second = Realtime(valkey, REDIS_URL=valkey.url(realtime.database))
    try:
        second.start()
        other = await open_page(second, since=streams.newest_id(realtime.redis, HOME))
        id = realtime.publish("to both")
        await page.receives(id, "to both")
        await other.receives(id, "to both")
    finally:
        await asyncio.to_thread(second.close)


EVENT = '{"type":"clip","clip":{}}'
INVALID_EVENTS = ["", "[]", "7", "{}", '{"type":"clip"', " {}", '"type"', "{null}", '{"type":"clip","clip":NaN}']


@pytest.mark.parametrize(
    "data", [*map(str.encode, INVALID_EVENTS), b"\xff", *map(EVENT.encode, ["utf-16", "utf-32-be"])]
)
async def test_an_invalid_entry_is_skipped(realtime: Realtime, open_page: Open, data: bytes) -> None:
    page = await open_page(realtime)
    realtime.redis.xadd(streams.stream_key(HOME), {streams.PAYLOAD_FIELD: data})
    realtime.redis.xadd(streams.stream_key(HOME), {"other": "field"})
    await page.receives(realtime.publish("now"), "now")


async def test_a_burst_larger_than_a_batch_arrives_whole(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    with realtime.redis.pipeline(transaction=False) as pipe:
        for number in range(1000):
            streams.append_event(pipe, HOME, {"type": "clip", "clip": {"number": number}})
        ids = pipe.execute()
    async with asyncio.timeout(10):
        frames = [json.loads(await page.socket.recv()) for _ in ids]
    assert [frame["id"] for frame in frames] == ids
    assert [frame["clip"]["number"] for frame in frames] == list(range(1000))


async def test_hints_reach_connected_pages_only(realtime: Realtime, open_page: Open) -> None:
    cursor = streams.newest_id(realtime.redis, HOME)
    assert cursor is not None
    page, seed = await open_page(realtime, since=cursor), await open_page(realtime)
    progress = {"type": "progress", "clip": {"id": "a"}, "percent": 40, "text": "bis hierher ü"}
    streams.append_hint(realtime.redis, HOME, progress)
    assert await page.next_except_presence() == progress
    realtime.redis.flushall()
    begin = await page.next_except_presence()
    assert begin["type"] == "resync"
    streams.append_hint(realtime.redis, HOME, progress)
    assert await page.next_except_presence() == progress
    now = realtime.publish("now")
    late = await open_page(realtime, since=begin["id"])
    assert (await late.next_except_presence())["id"] == now
    # A client that keeps no state knows events alone.
    assert [(await seed.next())["type"], (await seed.next())["id"]] == ["resync", now]
