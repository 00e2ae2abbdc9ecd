"""Search queries: the phrases that a person typed, and their matches in a text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from shared.search.folding import (
    FOLD_TABLE,
    MAX_WORD_CHARS,
    RUN,
    WORD_CHARACTER,
    character_pairs,
    fold,
    is_unspaced,
    nfc,
)

MAX_PHRASES = 16
"""Words and phrases of one query; the rest is ignored."""

_CHUNK = re.compile('["“”„«»]([^"“”„«»]*)(["“”„«»]?)|([^\\s"“”„«»]+)')
"""A quoted phrase, whose closing quote may not be typed yet, or the characters between two spaces."""


@dataclass(frozen=True)
class Phrase:
    """Words that must follow each other; mostly a single one."""

    words: tuple[str, ...]
    """Words as the index holds them."""
    is_prefix: bool
    """Whether the last word is the beginning of a word."""
    pattern: str
    """A regular expression that matches the phrase in a folded text."""

    @property
    def needle(self) -> str:
        """The substring that `index_text` contains where the phrase occurs."""
        return f" {' '.join(self.words)}{'' if self.is_prefix else ' '}"


@dataclass(frozen=True)
class Query:
    """A search: all of these phrases, in any order. False if it has none; then it matches nothing."""

    phrases: tuple[Phrase, ...]

    def __bool__(self) -> bool:
        return bool(self.phrases)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches any of the phrases; the group number, less one, is the index of the phrase."""
        return re.compile("|".join(f"({phrase.pattern})" for phrase in self.phrases))


def parse_query(typed: str) -> Query:
    """Parse what a person typed into words, and phrases in quotes.

    The last word may be unfinished and then matches as a prefix, unless a quote or a full stop ends it.
    """
    chunks = []
    for quoted, closing_quote, unquoted in _CHUNK.findall(nfc(typed)):
        folded = fold(quoted or unquoted)
        if runs := RUN.findall(folded):
            chunks.append((runs, not closing_quote and not folded.endswith(" ")))
    chunks = chunks[:MAX_PHRASES]
    return Query(
        tuple(
            _new_phrase(runs, may_continue and index == len(chunks) - 1)
            for index, (runs, may_continue) in enumerate(chunks)
        )
    )


def _new_phrase(runs: list[str], is_unfinished: bool) -> Phrase:
    words: list[str] = []
    for run in runs:
        words += character_pairs(run) if is_unspaced(run) else [run[:MAX_WORD_CHARS]]
    is_prefix = is_unfinished
    if is_unspaced(runs[-1]):
        # Any character may follow the last one in the text, so that the index holds it as the first of a pair.
        is_prefix = len(runs[-1]) == 1
        if not is_prefix:
            words.pop()
    return Phrase(tuple(words), is_prefix, "".join(_pattern_parts(runs, is_unfinished)))


def _pattern_parts(runs: list[str], is_unfinished: bool) -> Iterator[str]:
    for index, run in enumerate(runs):
        if index:
            needs_space = is_unspaced(runs[index - 1]) == is_unspaced(run)
            yield " +" if needs_space else " *"
        elif not is_unspaced(run):
            yield f"(?<!{WORD_CHARACTER})"
        yield re.escape(run if is_unspaced(run) else run[:MAX_WORD_CHARS])
        if not is_unspaced(run):
            is_truncated = len(run) >= MAX_WORD_CHARS
            may_continue = is_truncated or (is_unfinished and index == len(runs) - 1)
            yield f"{WORD_CHARACTER}*" if may_continue else f"(?!{WORD_CHARACTER})"


@dataclass(frozen=True)
class Match:
    """An occurrence of a phrase in a text."""

    start: int
    end: int
    phrase_index: int
    """Index of the phrase in `Query.phrases`."""


def find_matches(text: str, query: Query) -> Iterator[Match]:
    """Yield the matches of a query in a text in NFC, in order. Offsets count the text's characters."""
    if not query:
        return
    folded = fold(text)
    length_changing = FOLD_TABLE.length_changing.intersection(text) if not text.isascii() else set()
    positions = _text_positions(text, length_changing) if length_changing else None
    for occurrence in query.pattern.finditer(folded):
        start, end = occurrence.span()
        if positions:
            start, end = positions[start], positions[end - 1] + 1
        # Combining marks belong to the letter before them.
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        yield Match(start, end, (occurrence.lastindex or 1) - 1)


def _text_positions(text: str, length_changing: set[str]) -> list[int]:
    """For each character of the folded text, the position of its character in the text."""
    positions: list[int] = []
    for position, character in enumerate(text):
        positions += [position] * len(FOLD_TABLE[ord(character)]) if character in length_changing else [position]
    return positions
