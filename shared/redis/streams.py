"""The event stream of each library: what its writers, the list of clips and the realtime server agree on.

An entry has one field, `data`: the JSON object that every browser of the library receives, after the entry's id was put
in front. An entry without that field is a mark of the realtime server, not an event. A stream may be wiped at any
moment. The epoch beside it tells the stream before a wipe from the one after it. Ids cannot do that: they are made from
the server's clock, which may have been set back.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

import redis

PAYLOAD_FIELD = "data"

MAX_ENTRIES = 2_000
"""Entries of a stream: twice what a realtime server replays, so that a burst does not outrun it."""

MAX_HINTS = 100
"""Hints of a library. A reader that is behind by more than a second may miss some."""


class StreamId(NamedTuple):
    """The id of an entry, in the order of its stream: milliseconds of the server's clock, then a sequence number."""

    ms: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1700000000000-0`. Raises `ValueError` for anything else."""
        ms, dash, number = text.partition("-")
        if not (dash and ms.isdecimal() and number.isdecimal() and text.isascii()):
            raise ValueError(f"{text!r} is not the id of a stream's entry, such as 1700000000000-0")
        return cls(int(ms), int(number))

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"


def stream_key(library_id: str) -> str:
    return f"dictaphone:events:{library_id}"


def hints_key(library_id: str) -> str:
    """Key of a second, short stream: hints come each second, and would push the events out of the first."""
    return f"dictaphone:hints:{library_id}"


def epoch_key(library_id: str) -> str:
    """Key of the stream's epoch, a random name: a wipe removes it, and the next one differs."""
    return f"dictaphone:epoch:{library_id}"


def append_event(client: redis.Redis, library_id: str, payload: Mapping[str, Any]) -> str:
    """Send an event to every browser of a library and return its id. On a pipeline, the id is among its results.

    Raises `ValueError`, before anything is sent, if the payload cannot be encoded.
    """
    data = _encode(payload)
    return cast("str", client.xadd(stream_key(library_id), {PAYLOAD_FIELD: data}, maxlen=MAX_ENTRIES, approximate=True))


def append_hint(client: redis.Redis, library_id: str, payload: Mapping[str, Any]) -> None:
    """Send a payload to the browsers that are connected now. It is never replayed: the next hint replaces it."""
    data = _encode(payload)
    client.xadd(hints_key(library_id), {PAYLOAD_FIELD: data}, maxlen=MAX_HINTS, approximate=True)


def _encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def newest_id(client: redis.Redis, library_id: str) -> str | None:
    """Read the cursor that goes with a list whose rows are read *after* this call. None: there is no stream.

    A browser without a cursor connects with an empty `since`, and the realtime server tells it to fetch the list again.
    """
    newest = cast("list[tuple[str, dict[str, str]]]", client.xrevrange(stream_key(library_id), count=1))
    return newest[0][0] if newest else None
