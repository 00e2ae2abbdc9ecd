"""Every page sees every change, and none is missed: the real process on a real Redis that suffers."""

import asyncio
import json

import pytest

from shared.libraries import HOME
from shared.redis import streams
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import Open, Realtime


async def test_every_page_hears_every_change_in_order(realtime: Realtime, open_page: Open) -> None:
    pages = [await open_page(realtime) for _ in range(3)]
    sent = {realtime.say(text): text for text in ("one", "zwei", "три 🎙")}
    for page in pages:
        for id, text in sent.items():
            await page.hears(id, text)


async def test_who_comes_back_hears_what_it_missed_and_then_what_happens(realtime: Realtime, open_page: Open) -> None:
    witness = await open_page(realtime)
    ids = [realtime.say(text) for text in ("seen", "missed", "missed too")]
    for id, text in zip(ids, ("seen", "missed", "missed too"), strict=True):
        await witness.hears(id, text)
    page = await open_page(realtime, since=ids[0])
    await page.hears(ids[1], "missed")
    await page.hears(ids[2], "missed too")
    await page.hears(realtime.say("now"), "now")


async def test_the_cursor_of_the_list_is_believed(realtime: Realtime, open_page: Open) -> None:
    """Also the very first, before anything was said."""
    cursor = streams.newest_id(realtime.redis, HOME)
    assert cursor is not None
    page = await open_page(realtime, since=cursor)
    await page.hears(realtime.say("first"), "first")


@pytest.mark.parametrize("since", ["", "0-0", "$", "99999999999999-0", "1-0%0d%0a", "%ff", "x" * 4000])
async def test_a_cursor_that_nobody_gave_out_is_answered_with_one_resync(
    realtime: Realtime, open_page: Open, since: str
) -> None:
    page = await open_page(realtime, since=since)
    assert await page.is_told_to_fetch() == streams.newest_id(realtime.redis, HOME)
    await page.hears(realtime.say("now"), "now")


async def test_a_page_without_a_cursor_hears_nothing_until_something_changes(
    realtime: Realtime, open_page: Open
) -> None:
    witness = await open_page(realtime)
    await witness.hears(realtime.say("before"), "before")
    seed = await open_page(realtime)
    await seed.hears(realtime.say("after"), "after")


async def test_a_restarted_server_replays_what_the_stream_still_holds(realtime: Realtime, open_page: Open) -> None:
    witness = await open_page(realtime)
    ids = [realtime.say(text) for text in ("trimmed", "kept", "newest")]
    await witness.hears(ids[0], "trimmed")
    realtime.redis.xtrim(streams.stream_key(HOME), minid=ids[1], approximate=False)
    realtime.kill()
    realtime.start()
    assert await (await open_page(realtime, since=ids[0])).is_told_to_fetch() == ids[2]
    await (await open_page(realtime, since=ids[1])).hears(ids[2], "newest")


async def test_events_that_were_trimmed_before_they_were_read(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    await page.hears(realtime.say("seen"), "seen")
    with realtime.redis.pipeline() as step:
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "lost"}})
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "kept"}})
        step.xtrim(streams.stream_key(HOME), maxlen=1, approximate=False)
        _, kept, _ = step.execute()
    assert await page.is_told_to_fetch() == kept
    await page.hears(realtime.say("now"), "now")


async def test_a_wipe_under_connected_pages(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    seen = realtime.say("seen")
    await page.hears(seen, "seen")
    realtime.redis.flushall()
    begin = await page.is_told_to_fetch()
    assert begin is not None
    assert streams.StreamId.parse(begin) > streams.StreamId.parse(seen)
    now = realtime.say("now")
    await page.hears(now, "now")
    assert await (await open_page(realtime, since=seen)).is_told_to_fetch() == now
    await (await open_page(realtime, since=begin)).hears(now, "now")


@pytest.mark.parametrize("again", ["later", "same", "earlier"])
async def test_a_wipe_between_two_events_is_no_secret(realtime: Realtime, open_page: Open, again: str) -> None:
    """Whatever id the clock of the new life gives to its first event, even one that was given before."""
    page = await open_page(realtime)
    seen = realtime.say("seen")
    await page.hears(seen, "seen")
    with realtime.redis.pipeline() as step:
        streams.append_event(step, HOME, {"type": "clip", "clip": {"text": "lost"}})
        step.flushdb()
        id = {"later": "*", "same": seen, "earlier": "1000-0"}[again]
        step.xadd(streams.stream_key(HOME), {streams.PAYLOAD_FIELD: '{"type":"clip","clip":{}}'}, id=id)
        *_, first = step.execute()
    begin = await page.is_told_to_fetch()
    assert begin is not None
    assert streams.StreamId.parse(begin) > max(map(streams.StreamId.parse, (seen, first)))
    now = realtime.say("now")
    await page.hears(now, "now")
    # The id of the first event may have been another's, so nobody may count from it.
    assert await (await open_page(realtime, since=first)).is_told_to_fetch() == now


async def test_a_lost_connection_to_redis_loses_nothing(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    for number in range(5):
        realtime.redis.client_kill_filter(_type="normal", skipme=True)
        await page.hears(realtime.say(f"said {number}"), f"said {number}")


@pytest.mark.parametrize("durable", [False, True], ids=["forgets", "remembers"])
async def test_redis_killed_and_back_under_connected_pages(open_page: Open, *, durable: bool) -> None:
    valkey = Valkey(durable=durable).start()
    realtime = Realtime(valkey)
    try:
        realtime.start()
        page = await open_page(realtime)
        seen = realtime.say("seen")
        await page.hears(seen, "seen")
        valkey.kill()
        assert "Redis" in (await realtime.until_answered("/readyz", 503)).json()["redis"]
        assert realtime.get("/healthz").status_code == 200
        # What it knows is still proven: replays go on while Redis is away.
        late = await open_page(realtime, since=seen)
        valkey.start()
        # Even one that remembers: what it acknowledged in its last second may be gone.
        for each in (page, late):
            assert await each.is_told_to_fetch()
        await realtime.until_answered("/readyz", 200)
        now = realtime.say("now")
        for each in (page, late):
            await each.hears(now, "now")
    finally:
        await asyncio.to_thread(realtime.close)
        valkey.close()


async def test_redis_absent_at_start(fragile_valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(fragile_valkey)
    try:
        realtime.launch()
        assert (await realtime.until_answered("/healthz", 200)).text == "ok"
        assert "Redis" in realtime.get("/readyz").json()["redis"]
        page = await open_page(realtime, since="1700000000000-0")
        assert await page.is_told_to_fetch() is None
        fragile_valkey.start()
        assert await page.is_told_to_fetch()
        await page.hears(realtime.say("now"), "now")
    finally:
        await asyncio.to_thread(realtime.close)


async def test_a_second_server_disturbs_nobody(realtime: Realtime, valkey: Valkey, open_page: Open) -> None:
    page = await open_page(realtime)
    second = Realtime(valkey, REDIS_URL=valkey.url(realtime.database))
    try:
        second.start()
        other = await open_page(second, since=streams.newest_id(realtime.redis, HOME))
        id = realtime.say("to both")
        await page.hears(id, "to both")
        await other.hears(id, "to both")
    finally:
        await asyncio.to_thread(second.close)


EVENT = '{"type":"clip","clip":{}}'
NO_EVENTS = ["", "[]", "7", "{}", '{"type":"clip"', " {}", '"type"', "{null}", '{"type":"clip","clip":NaN}']


@pytest.mark.parametrize("data", [*map(str.encode, NO_EVENTS), b"\xff", *map(EVENT.encode, ["utf-16", "utf-32-be"])])
async def test_what_is_no_event_is_left_out(realtime: Realtime, open_page: Open, data: bytes) -> None:
    page = await open_page(realtime)
    realtime.redis.xadd(streams.stream_key(HOME), {streams.PAYLOAD_FIELD: data})
    realtime.redis.xadd(streams.stream_key(HOME), {"other": "field"})
    await page.hears(realtime.say("now"), "now")


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


async def test_hints_reach_who_is_there_and_nobody_later(realtime: Realtime, open_page: Open) -> None:
    cursor = streams.newest_id(realtime.redis, HOME)
    assert cursor is not None
    page, seed = await open_page(realtime, since=cursor), await open_page(realtime)
    progress = {"type": "progress", "clip": {"id": "a"}, "percent": 40, "text": "bis hierher ü"}
    streams.append_hint(realtime.redis, HOME, progress)
    assert await page.next_but_presence() == progress
    realtime.redis.flushall()
    begin = await page.next_but_presence()
    assert begin["type"] == "resync"
    streams.append_hint(realtime.redis, HOME, progress)
    assert await page.next_but_presence() == progress
    now = realtime.say("now")
    late = await open_page(realtime, since=begin["id"])
    assert (await late.next_but_presence())["id"] == now
    # A client that keeps no state knows events alone.
    assert [(await seed.next())["type"], (await seed.next())["id"]] == ["resync", now]
