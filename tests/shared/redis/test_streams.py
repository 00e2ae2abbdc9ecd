"""Event streams, on a real Redis."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from shared.redis import streams
from shared.redis.streams import StreamId

numbers = st.integers(0, 2**64 - 1)
ids = st.builds(StreamId, numbers, numbers)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@given(ids)
def test_an_id_is_parsed_as_it_is_printed(id: StreamId) -> None:
    assert StreamId.parse(str(id)) == id


@given(st.lists(ids))
def test_ids_are_ordered_as_numbers(ids: list[StreamId]) -> None:
    assert sorted(ids) == sorted(ids, key=lambda each: (each.ms << 64) + each.number)
    assert StreamId.parse("10-0") > StreamId.parse("9-11") > StreamId.parse("9-2")


@pytest.mark.parametrize(
    "text", ["", "1", "-", "1-", "-1", "1-2-3", " 1-0", "1-0\n", "+1-0", "1_0-0", "²-0", "٣-0", "$"]
)
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the id of a stream's entry"):
        StreamId.parse(text)


def test_events_are_stored_in_order_and_the_newest_is_the_cursor(client: redis.Redis) -> None:
    assert streams.newest_id(client, "home") is None
    payloads = [{"type": "clip", "clip": {"name": name}} for name in ("one", "zwölf 🎙", '"\\\n')]
    sent = [streams.append_event(client, "home", payload) for payload in payloads]
    assert streams.newest_id(client, "home") == sent[-1]
    stored: Any = client.xrange(streams.stream_key("home"))
    assert [(id, json.loads(fields[streams.PAYLOAD_FIELD])) for id, fields in stored] == list(
        zip(sent, payloads, strict=True)
    )
    assert sorted(sent, key=StreamId.parse) == sent
    assert streams.newest_id(client, "other") is None


def test_a_pipeline_returns_the_ids_of_its_events(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(3):
            streams.append_event(pipe, "home", {"type": "clip", "number": number})
        sent = pipe.execute()
    stored: Any = client.xrange(streams.stream_key("home"))
    assert [id for id, _ in stored] == sent


def test_a_stream_is_capped(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for _ in range(streams.MAX_ENTRIES + 500):
            streams.append_event(pipe, "home", {"type": "clip"})
        pipe.execute()
    # Redis trims whole nodes of 100 entries.
    assert streams.MAX_ENTRIES <= client.xlen(streams.stream_key("home")) <= streams.MAX_ENTRIES + 100
