"""Queries: what somebody typed, as phrases, and where they stand in a text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from shared.search.folding import _IN_WORD, _LETTERS, _RUN, MAX_WORD_CHARS, _is_spaceless, _pairs, fold, nfc

MAX_PHRASES = 16
"""Words and phrases of one search: what comes behind them is not looked at."""


_CHUNK = re.compile('["“”„«»]([^"“”„«»]*)(["“”„«»]?)|([^\\s"“”„«»]+)')
"""A phrase in quotes, of which the second may not be typed yet, or what stands between two spaces."""


@dataclass(frozen=True)
class Phrase:
    """Words that must follow each other; mostly it is one."""

    words: tuple[str, ...]
    """As an index has them."""
    is_open: bool
    """Whether the last word may go on."""
    pattern: str
    """A regular expression that finds it in a folded text."""

    @property
    def needle(self) -> str:
        """What `indexed` holds where this is said."""
        return f" {' '.join(self.words)}{'' if self.is_open else ' '}"


@dataclass(frozen=True)
class Query:
    """What somebody looks for: all of these phrases, in any order."""

    phrases: tuple[Phrase, ...]

    def __bool__(self) -> bool:
        return bool(self.phrases)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds any of them; the number of its group says which."""
        return re.compile("|".join(f"({phrase.pattern})" for phrase in self.phrases))


def parse_query(typed: str) -> Query:
    """Read what somebody typed: words, and phrases in quotes.

    The last word may be unfinished: it finds what begins so, unless a quote or a full stop ends it. What has no word in
    it at all makes a query that is false, and finds nothing.
    """
    chunks = []
    for quoted, end, plain in _CHUNK.findall(nfc(typed)):
        shown = fold(quoted or plain)
        if runs := _RUN.findall(shown):
            chunks.append((runs, not end and not shown.endswith(" ")))
    chunks = chunks[:MAX_PHRASES]
    return Query(
        tuple(_phrase(runs, goes_on and place == len(chunks) - 1) for place, (runs, goes_on) in enumerate(chunks))
    )


def _phrase(runs: list[str], is_unfinished: bool) -> Phrase:
    words: list[str] = []
    for run in runs:
        words += _pairs(run) if _is_spaceless(run) else [run[:MAX_WORD_CHARS]]
    is_open = is_unfinished
    if _is_spaceless(runs[-1]):
        # What follows the last character is not known, so the index may have it in a pair.
        is_open = len(runs[-1]) == 1
        if not is_open:
            words.pop()
    return Phrase(tuple(words), is_open, "".join(_pattern(runs, is_unfinished)))


def _pattern(runs: list[str], is_unfinished: bool) -> Iterator[str]:
    for place, run in enumerate(runs):
        if place:
            is_parted = _is_spaceless(runs[place - 1]) == _is_spaceless(run)
            yield " +" if is_parted else " *"
        elif not _is_spaceless(run):
            yield f"(?<!{_IN_WORD})"
        yield re.escape(run[:MAX_WORD_CHARS]) if not _is_spaceless(run) else re.escape(run)
        if not _is_spaceless(run):
            is_cut = len(run) >= MAX_WORD_CHARS
            goes_on = is_cut or (is_unfinished and place == len(runs) - 1)
            yield f"{_IN_WORD}*" if goes_on else f"(?!{_IN_WORD})"


@dataclass(frozen=True)
class Match:
    """Where a phrase of a query stands in a text."""

    start: int
    end: int
    phrase: int
    """Its place in the query."""


def matches(text: str, query: Query) -> Iterator[Match]:
    """Where a text in NFC holds what is looked for, in order; offsets are of its characters."""
    if not query:
        return
    shown = fold(text)
    uneven = _LETTERS.uneven.intersection(text) if not text.isascii() else set()
    place = _places(text, uneven) if uneven else None
    for found in query.pattern.finditer(shown):
        start, end = found.span()
        if place:
            start, end = place[start], place[end - 1] + 1
        # A letter keeps what stands on it.
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        yield Match(start, end, (found.lastindex or 1) - 1)


def _places(text: str, uneven: set[str]) -> list[int]:
    """For each character of the folded text, the one that it was made of."""
    places: list[int] = []
    for place, character in enumerate(text):
        places += [place] * len(_LETTERS[ord(character)]) if character in uneven else [place]
    return places
