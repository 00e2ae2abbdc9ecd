"""When the words of a text were said, also those of clips with hours of them, for as many clips as a page shows."""

import threading
import uuid
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select
from sqlmodel import col

from services.api.transcripts import alignment
from shared.search.folding import nfc
from shared.transcripts.models import Source, Transcript

MOST_WORDS = 1_000_000
"""Words whose times are remembered, eight bytes each. Who types letter by letter finds the same clips again, and the
times of an hour of words take six milliseconds to read."""

Key = tuple[int, int]
"""A machine's revision, and the clip's version if a person has changed the words since."""


class Clock(NamedTuple):
    """How much is to be read until the end of each word, and when the word was said."""

    ends: Sequence[int]
    starts_ms: Sequence[int]

    @classmethod
    def of(cls, text: str, passages: list[dict[str, Any]], duration_ms: int | None, *, is_edited: bool) -> "Clock":
        """The clock of a text, from what a machine heard."""
        words = [word for passage in passages for word in passage.get("words") or [passage]]
        ends, starts_ms = _ends([word["text"] for word in words]), [word["start_ms"] for word in words]
        if is_edited or ends[-1] != visible(text):
            timed = alignment.timed(text, passages, duration_ms or max(passage["end_ms"] for passage in passages))
            ends, starts_ms = _ends([word.text for word in timed]), [word.start_ms for word in timed]
        return cls(array("I", ends), array("I", starts_ms))

    def at_ms(self, text: str, place: int) -> int:
        """When the word at this place of the text was said: what is to be read before it tells which word it is."""
        return self.starts_ms[min(bisect_right(self.ends, visible(text[:place])), len(self.ends) - 1)]


class Clocks:
    """The clocks that were asked for last. Any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, Clock] = OrderedDict()
        self._words = 0

    def of(self, connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[uuid.UUID, Clock]:
        """The clocks of these clips; of one that no machine has heard there is none."""
        keys = self._keys(connection, rows)
        with self._lock:
            found = {key: self._known[key] for key in keys.values() if key in self._known}
        missing = [keys[row.id][0] for row in rows if row.id in keys and keys[row.id] not in found]
        if missing:
            wanted = select(col(Transcript.id), col(Transcript.passages)).where(col(Transcript.id).in_(missing))
            heard = {id: passages for id, passages in connection.execute(wanted) if passages}
            for row in rows:
                key = keys.get(row.id)
                if key is not None and key not in found and (passages := heard.get(key[0])):
                    found[key] = Clock.of(nfc(row.text or ""), passages, row.duration_ms, is_edited=row.edited)
        self._remember(found)
        return {id: found[key] for id, key in keys.items() if key in found}

    def _keys(self, connection: Connection, rows: Sequence[Row[Any]]) -> dict[uuid.UUID, Key]:
        """What a machine heard last in each of these clips."""
        newest = (
            select(col(Transcript.clip_id), func.max(col(Transcript.id)))
            .where(col(Transcript.clip_id).in_([row.id for row in rows]), col(Transcript.source) == Source.MACHINE)
            .group_by(col(Transcript.clip_id))
        )
        versions = {row.id: row.version if row.edited else 0 for row in rows}
        return {id: (heard or 0, versions[id]) for id, heard in connection.execute(newest)} if rows else {}

    def _remember(self, found: Mapping[Key, Clock]) -> None:
        with self._lock:
            for key, clock in found.items():
                if key not in self._known:
                    self._words += len(clock.ends)
                self._known[key] = clock
                self._known.move_to_end(key)
            while self._words > MOST_WORDS:
                _, oldest = self._known.popitem(last=False)
                self._words -= len(oldest.ends)


def _ends(words: Sequence[str]) -> list[int]:
    ends = list(accumulate(map(len, words)))
    if ends[-1] != visible("".join(words)):
        ends = list(accumulate(map(visible, words)))
    return ends


def visible(text: str) -> int:
    """Characters that are to be read, however the spaces between them are set."""
    return len("".join(text.split()))
