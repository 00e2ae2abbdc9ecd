"""Explain each search hit: the matched words in the clip's name and in its text, and when these words were said."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row

from services.api.search.schemas import SearchHit, Snippet, Utf16Span
from services.api.transcripts.word_times import WordTimingCache, WordTimings
from shared.clips.cuts import cut_markers
from shared.search.folding import MAX_INDEXED_BYTES, indexed_part, nfc
from shared.search.query import Match, Query, find_matches

MAX_SNIPPETS = 3
"""Snippets of one clip: enough to recognise the clip."""

CHARS_BEFORE, CHARS_AFTER = 60, 140
"""Characters around the first match of a snippet: two or three lines on a phone."""

MAX_MATCHES = 200
"""Matches of one text that are compared; of a word that comes more often, any excerpt is as good as another."""


@dataclass(frozen=True)
class Excerpt:
    """A part of a text with the matches in it."""

    start: int
    end: int
    matches: tuple[Match, ...]

    @property
    def phrase_count(self) -> int:
        return len({match.phrase_index for match in self.matches})


def search_hits(
    connection: Connection, rows: Sequence[Row[Any]], query: Query, timing_cache: WordTimingCache
) -> dict[uuid.UUID, SearchHit]:
    """Return the reasons why these clips match, by the clip's id."""
    # Only where the index looks, which is what a stranger's text can cost.
    texts = {row.id: indexed_part(row.text or "") for row in rows}
    excerpts = {row.id: best_excerpts(texts[row.id], query) for row in rows}
    timings = timing_cache.load(connection, [row for row in rows if excerpts[row.id]])
    hits = {}
    for row in rows:
        name, text = nfc(row.name), texts[row.id]
        is_whole = not excerpts[row.id] or _is_whole(text, row.text)
        snippets = [_snippet(text, excerpt, timings.get(row.id), is_whole=is_whole) for excerpt in excerpts[row.id]]
        snippets += [*_marker_snippets(cut_markers(row.markers, row.cuts), query), *_notes_snippets(row.notes, query)]
        hits[row.id] = SearchHit(name=_utf16_spans(name, find_matches(name, query), 0), passages=snippets)
    return hits


def _marker_snippets(markers: Sequence[Mapping[str, Any]], query: Query) -> list[Snippet]:
    """The first markers that hold a phrase of the query, whole, with their times."""
    found = ((nfc(marker["text"]), marker["at_ms"]) for marker in markers)
    matched = ((text, at_ms, matches) for text, at_ms in found if (matches := [*find_matches(text, query)]))
    return [
        Snippet(text=text, marks=_utf16_spans(text, matches, 0), at_ms=at_ms, source="marker")
        for text, at_ms, matches in islice(matched, MAX_SNIPPETS)
    ]


def _notes_snippets(notes: str, query: Query) -> list[Snippet]:
    text = nfc(notes)
    snippets = (_snippet(text, excerpt, None, is_whole=True) for excerpt in best_excerpts(text, query))
    return [snippet.model_copy(update={"source": "notes"}) for snippet in snippets]


# -- words in context ----------------------------------------------------------------------------------------------


def best_excerpts(text: str, query: Query) -> list[Excerpt]:
    """Return the excerpts of a text in NFC that hold the most phrases of the query, in the order of the text."""
    excerpts = list(_excerpts(text, list(islice(find_matches(text, query), MAX_MATCHES))))
    best = sorted(excerpts, key=lambda excerpt: -excerpt.phrase_count)[:MAX_SNIPPETS]
    return sorted(best, key=lambda excerpt: excerpt.start)


def _excerpts(text: str, all_matches: Sequence[Match]) -> Iterator[Excerpt]:
    index = end = 0
    while index < len(all_matches):
        first = all_matches[index]
        start = _word_start(text, max(end, first.start - CHARS_BEFORE), first.start)
        last = index
        while last + 1 < len(all_matches) and all_matches[last + 1].end <= first.start + CHARS_AFTER:
            last += 1
        end = _word_end(text, all_matches[last].end, max(all_matches[last].end, first.start + CHARS_AFTER))
        yield Excerpt(start, end, tuple(all_matches[index : last + 1]))
        index = last + 1


def _word_start(text: str, minimum: int, maximum: int) -> int:
    """The offset behind the first space in this range, so that no word is cut."""
    if minimum == 0:
        return 0
    space = re.compile(r"\s").search(text, minimum, maximum)
    return space.end() if space else minimum


def _is_whole(part: str, text: str) -> bool:
    """Whether the indexed part of a text is all of it. A longer text than any index covers is not composed for that."""
    return len(text) <= MAX_INDEXED_BYTES and len(part) == len(nfc(text))


def _word_end(text: str, minimum: int, maximum: int) -> int:
    """The offset of the last space in this range."""
    if maximum >= len(text):
        return len(text)
    spaces = [space.start() for space in re.compile(r"\s").finditer(text, minimum, maximum + 1)]
    return spaces[-1] if spaces else maximum


def _snippet(text: str, excerpt: Excerpt, timings: WordTimings | None, *, is_whole: bool) -> Snippet:
    """The excerpt on one line, with dots for the text around it. `is_whole`: nothing follows after `text`."""
    before = "… " if excerpt.start else ""
    after = " …" if excerpt.end < len(text) or not is_whole else ""
    line = before + re.sub(r"\s", " ", text[excerpt.start : excerpt.end]) + after
    return Snippet(
        text=line,
        marks=_utf16_spans(line, excerpt.matches, len(before) - excerpt.start),
        at_ms=timings and timings.start_ms(text, excerpt.matches[0].start),
    )


def _utf16_spans(text: str, spans: Iterable[Match], shift: int) -> list[Utf16Span]:
    """Convert the spans of matches: a character beyond the basic plane is two code units."""
    return [(_utf16_length(text[: match.start + shift]), _utf16_length(text[: match.end + shift])) for match in spans]


def _utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
