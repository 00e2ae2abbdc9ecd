"""Why a clip was found: the matched words in its name and in context, and when they were said."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row

from services.api.search.schemas import Found, Passage, Span
from services.api.transcripts.word_times import Clocks
from shared.search.folding import nfc
from shared.search.query import Match, Query, find_matches

PASSAGES = 3
"""Excerpts of one clip: enough to know it again."""

BEFORE, AFTER = 60, 140
"""Characters around the first match of an excerpt: two or three lines on a phone."""

MOST_MATCHES = 200
"""Matches that are looked at in one text; of a word that comes oftener, any excerpt is as good as another."""


@dataclass(frozen=True)
class Excerpt:
    """A part of a text with matches in it."""

    start: int
    end: int
    matches: tuple[Match, ...]

    @property
    def phrases(self) -> int:
        return len({match.phrase_index for match in self.matches})


def of(connection: Connection, rows: Sequence[Row[Any]], query: Query, clocks: Clocks) -> dict[uuid.UUID, Found]:
    """What to show for each of the clips that were found."""
    texts = {row.id: nfc(row.text or "") for row in rows}
    chosen = {row.id: choose(texts[row.id], query) for row in rows}
    known = clocks.of(connection, [row for row in rows if chosen[row.id]])
    found = {}
    for row in rows:
        text, clock, name = texts[row.id], known.get(row.id), nfc(row.name)
        passages = [
            passage(text, excerpt, clock and clock.at_ms(text, excerpt.matches[0].start)) for excerpt in chosen[row.id]
        ]
        found[row.id] = Found(name=_spans(name, find_matches(name, query), 0), passages=passages)
    return found


# -- words in context ------------------------------------------------------------------------------------------


def choose(text: str, query: Query) -> list[Excerpt]:
    """The excerpts of a text in NFC that hold the most of what was asked for, in their order there."""
    excerpts = list(_excerpts(text, list(islice(find_matches(text, query), MOST_MATCHES))))
    best = sorted(excerpts, key=lambda excerpt: -excerpt.phrases)[:PASSAGES]
    return sorted(best, key=lambda excerpt: excerpt.start)


def _excerpts(text: str, found: Sequence[Match]) -> Iterator[Excerpt]:
    at = end = 0
    while at < len(found):
        first = found[at]
        start = _start(text, max(end, first.start - BEFORE), first.start)
        last = at
        while last + 1 < len(found) and found[last + 1].end <= first.start + AFTER:
            last += 1
        end = _end(text, found[last].end, max(found[last].end, first.start + AFTER))
        yield Excerpt(start, end, tuple(found[at : last + 1]))
        at = last + 1


def _start(text: str, least: int, most: int) -> int:
    """Behind the first space there, so that no word is cut."""
    if least == 0:
        return 0
    space = re.compile(r"\s").search(text, least, most)
    return space.end() if space else least


def _end(text: str, least: int, most: int) -> int:
    """Before the last space there."""
    if most >= len(text):
        return len(text)
    spaces = [space.start() for space in re.compile(r"\s").finditer(text, least, most + 1)]
    return spaces[-1] if spaces else most


def passage(text: str, excerpt: Excerpt, at_ms: int | None) -> Passage:
    """An excerpt as it is shown, on one line; dots stand for what is left out."""
    before = "… " if excerpt.start else ""
    after = " …" if excerpt.end < len(text) else ""
    shown = before + re.sub(r"\s", " ", text[excerpt.start : excerpt.end]) + after
    return Passage(text=shown, marks=_spans(shown, excerpt.matches, len(before) - excerpt.start), at_ms=at_ms)


def _spans(text: str, found: Sequence[Match] | Iterator[Match], shift: int) -> list[Span]:
    """Matches as JavaScript counts: a character beyond the basic plane is two code units."""
    return [(_units(text[: match.start + shift]), _units(text[: match.end + shift])) for match in found]


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
