"""The stream of each library: what its writers, the list of clips and the realtime server agree on.

An entry has one field, `data`: the JSON object that every browser of the library receives, with the entry's id put in
front. Entries without it are the realtime server's marks and no events. A stream may be wiped at any moment; the epoch
beside it tells two lives of a stream apart, since ids alone cannot: the clock that makes them may have gone back.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

import redis

FIELD = "data"

MAX_ENTRIES = 2_000
"""Entries kept: twice what a realtime server replays, so that a burst does not outrun it."""


MAX_HINTS = 100
"""Hints kept: a reader that is behind by more than a second may miss some."""


class StreamId(NamedTuple):
    """The id of an entry, in the order of its stream: milliseconds of the server's clock, then a number."""

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


def stream_key(library: str) -> str:
    return f"dictaphone:events:{library}"


def hints_key(library: str) -> str:
    """A second, short stream, so that what is said each second does not push the events out of the first."""
    return f"dictaphone:hints:{library}"


def epoch_key(library: str) -> str:
    """Where the name of the stream's present life is: gone with a wipe, and never the same again."""
    return f"dictaphone:epoch:{library}"


def append_event(client: redis.Redis, library: str, payload: Mapping[str, Any]) -> str:
    """Send an event to every browser of a library and return its id; on a pipeline, the id is among its results."""
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return cast("str", client.xadd(stream_key(library), {FIELD: data}, maxlen=MAX_ENTRIES, approximate=True))


def append_hint(client: redis.Redis, library: str, payload: Mapping[str, Any]) -> None:
    """Send what only those who are connected now need: nobody is sent it later, and the next one is as good."""
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    client.xadd(hints_key(library), {FIELD: data}, maxlen=MAX_HINTS, approximate=True)


def newest_id(client: redis.Redis, library: str) -> str | None:
    """The cursor to hand out with a list whose rows are read *after* this; None if the stream was wiped or is new.

    A browser without a cursor connects with an empty `since` and is told to fetch again.
    """
    newest = cast("list[tuple[str, dict[str, str]]]", client.xrevrange(stream_key(library), count=1))
    return newest[0][0] if newest else None
