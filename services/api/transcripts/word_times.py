"""Look up when a word of a text was said, fast also for clips with hours of words, for all clips of a page at once."""

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
from shared.clips.cut_words import cut_passages
from shared.search.folding import MAX_INDEXED_BYTES, indexed_part, nfc
from shared.transcripts.models import Source, Transcript

MAX_CACHED_WORDS = 1_000_000
"""Words whose times stay in memory, eight bytes each. A person who types letter by letter finds the same clips again,
and the times of an hour of words take six milliseconds to read."""

MAX_ALIGNED_CHARS = 1_000_000
"""Characters of edited texts that one request aligns with their sound: ten hours of speech, some four seconds. The
times of further clips are left out; the next request finds more of them in the cache."""

CacheKey = tuple[uuid.UUID, int, int]
"""The ids of a clip and of its machine's transcript, and the clip's version if a person has edited or cut it since,
otherwise 0. SQLite gives the id of a transcript that was deleted to another one."""


class WordTimings(NamedTuple):
    """For each word of a text, its start time and the number of visible characters up to its end."""

    ends: Sequence[int]
    starts_ms: Sequence[int]

    @classmethod
    def of(
        cls, text: str, passages: list[dict[str, Any]], duration_ms: int | None, *, is_edited: bool
    ) -> "WordTimings":
        """Take the times of the machine's words, or align the text with these words where the two differ.

        No search finds words behind the indexed part of a text, so only this part is aligned.
        """
        words = [word for passage in passages for word in passage.get("words") or [passage]]
        ends, starts_ms = _ends([word["text"] for word in words]), [word["start_ms"] for word in words]
        if is_edited or ends[-1] != visible_length(text):
            duration_ms = duration_ms or max(passage["end_ms"] for passage in passages)
            aligned = alignment.align_words(indexed_part(text), passages, duration_ms)
            ends, starts_ms = _ends([word.text for word in aligned]), [word.start_ms for word in aligned]
        return cls(array("I", ends), array("I", starts_ms))

    def start_ms(self, text: str, offset: int) -> int:
        """When the word at this offset of the text was said."""
        index = bisect_right(self.ends, visible_length(text[:offset]))
        return self.starts_ms[min(index, len(self.ends) - 1)]


class WordTimingCache:
    """The word timings that were used last. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[CacheKey, WordTimings] = OrderedDict()
        self._words = 0

    def load(self, connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[uuid.UUID, WordTimings]:
        """Return the timings of these clips, by id. A clip without a machine's transcript is left out.

        So are clips whose edited texts are more than `MAX_ALIGNED_CHARS` together and whose timings are not cached.
        """
        keys = self._keys(connection, rows)
        with self._lock:
            timings = {key: self._entries[key] for key in keys.values() if key in self._entries}
        missing = [row for row in rows if row.id in keys and keys[row.id] not in timings]
        if missing:
            ids = [keys[row.id][1] for row in missing]
            statement = select(col(Transcript.id), col(Transcript.passages)).where(col(Transcript.id).in_(ids))
            passages_of = {id: passages for id, passages in connection.execute(statement) if passages}
            aligned_chars = 0
            for row in missing:
                key, text = keys[row.id], nfc(row.text or "")
                if row.edited:
                    aligned_chars += min(len(text), MAX_INDEXED_BYTES)
                    if aligned_chars > MAX_ALIGNED_CHARS:
                        continue
                if passages := cut_passages(passages_of.get(key[1]) or [], row.cuts):
                    timings[key] = WordTimings.of(text, passages, row.duration_ms, is_edited=row.edited)
        self._store(timings)
        return {id: timings[key] for id, key in keys.items() if key in timings}

    def _keys(self, connection: Connection, rows: Sequence[Row[Any]]) -> dict[uuid.UUID, CacheKey]:
        """The keys of the newest machine's transcripts of these clips, by clip."""
        newest = (
            select(col(Transcript.clip_id), func.max(col(Transcript.id)))
            .where(col(Transcript.clip_id).in_([row.id for row in rows]), col(Transcript.source) == Source.MACHINE)
            .group_by(col(Transcript.clip_id))
        )
        versions = {row.id: row.version if row.edited or row.cuts else 0 for row in rows}
        return {id: (id, newest_id or 0, versions[id]) for id, newest_id in connection.execute(newest)} if rows else {}

    def _store(self, timings: Mapping[CacheKey, WordTimings]) -> None:
        with self._lock:
            for key, timing in timings.items():
                if key not in self._entries:
                    self._words += len(timing.ends)
                self._entries[key] = timing
                self._entries.move_to_end(key)
            while self._words > MAX_CACHED_WORDS:
                _, oldest = self._entries.popitem(last=False)
                self._words -= len(oldest.ends)


def _ends(words: Sequence[str]) -> list[int]:
    """The number of visible characters up to the end of each word."""
    ends = list(accumulate(map(len, words)))
    if ends[-1] != visible_length("".join(words)):
        ends = list(accumulate(map(visible_length, words)))
    return ends


def visible_length(text: str) -> int:
    """The number of characters without white space, which a machine and a person set differently."""
    return len("".join(text.split()))
