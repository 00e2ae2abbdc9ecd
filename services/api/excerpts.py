"""Why a clip was found: the matched words in its name and in context, and when they were said."""

import re
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlmodel import col

from services.api import wording
from shared.columns import Source
from shared.schemas import Found, Passage, Span
from shared.search import Match, Query, matches, nfc
from shared.transcripts import Transcript

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
        return len({match.phrase for match in self.matches})


def of(connection: Connection, rows: Sequence[Row[Any]], query: Query) -> dict[uuid.UUID, Found]:
    """What to show for each of the clips that were found."""
    texts = {row.id: nfc(row.text or "") for row in rows}
    chosen = {row.id: choose(texts[row.id], query) for row in rows}
    heard = _heard(connection, [id for id, excerpts in chosen.items() if excerpts])
    found = {}
    for row in rows:
        text, excerpts = texts[row.id], chosen[row.id]
        times = said_at(
            text, [excerpt.matches[0].start for excerpt in excerpts], heard.get(row.id), row.duration_ms, row.edited
        )
        name = nfc(row.name)
        passages = [passage(text, excerpt, at_ms) for excerpt, at_ms in zip(excerpts, times, strict=True)]
        found[row.id] = Found(name=_spans(name, matches(name, query), 0), passages=passages)
    return found


# -- words in context ------------------------------------------------------------------------------------------


def choose(text: str, query: Query) -> list[Excerpt]:
    """The excerpts of a text in NFC that hold the most of what was asked for, in their order there."""
    excerpts = list(_excerpts(text, list(islice(matches(text, query), MOST_MATCHES))))
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


# -- when it was said ------------------------------------------------------------------------------------------


def _heard(connection: Connection, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, list[dict[str, Any]]]:
    """What machines heard last in each of these clips, with its times."""
    newest = (
        select(func.max(Transcript.id))
        .where(col(Transcript.clip_id).in_(ids), col(Transcript.source) == Source.MACHINE)
        .group_by(col(Transcript.clip_id))
    )
    rows = connection.execute(
        select(col(Transcript.clip_id), col(Transcript.passages)).where(col(Transcript.id).in_(newest))
    )
    return {id: passages or [] for id, passages in rows}


def said_at(
    text: str, places: Sequence[int], passages: list[dict[str, Any]] | None, duration_ms: int | None, is_edited: bool
) -> list[int | None]:
    """When the words at these places of a text were said; None where nobody heard any."""
    if not passages or not places:
        return [None] * len(places)
    words = [word for passage in passages for word in passage.get("words") or [passage]]
    ends, starts_ms = _ends([word["text"] for word in words]), [word["start_ms"] for word in words]
    if is_edited or ends[-1] != _visible(text):
        timed = wording.timed(text, passages, duration_ms or max(passage["end_ms"] for passage in passages))
        ends, starts_ms = _ends([word.text for word in timed]), [word.start_ms for word in timed]
    # What is to be read before it tells which word it is, however the spaces are set.
    return [starts_ms[min(bisect_right(ends, _visible(text[:place])), len(ends) - 1)] for place in places]


def _ends(words: Sequence[str]) -> list[int]:
    """How much is to be read until the end of each word."""
    ends = list(accumulate(map(len, words)))
    if ends[-1] != _visible("".join(words)):
        ends = list(accumulate(map(_visible, words)))
    return ends


def _visible(text: str) -> int:
    """Characters that are to be read."""
    return len("".join(text.split()))
