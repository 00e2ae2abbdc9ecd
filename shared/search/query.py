"""Search queries: the phrases that a person typed, and their matches in a text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from shared.search.folding import (
    FOLD_TABLE,
    JOINT,
    MAX_WORD_CHARS,
    RUN,
    WORD_CHARACTER,
    character_pairs,
    fold,
    is_unspaced,
    join_parts,
    nfc,
    spell_syllables,
)

MAX_PHRASES = 16
"""Words and phrases of one query; the rest is ignored."""

_CHUNK = re.compile('["“”„«»]([^"“”„«»]*)(["“”„«»]?)|([^\\s"“”„«»]+)')
"""A quoted phrase, whose closing quote may not be typed yet, or the characters between two spaces."""

_WORD_START = f"(?<!{WORD_CHARACTER})"

_JOINED_CHARACTER = f"(?:{WORD_CHARACTER}|{JOINT})"

_ONE_WORD = re.compile(f"{_JOINED_CHARACTER}+")


@dataclass(frozen=True)
class Phrase:
    """Words that must follow each other; mostly a single one."""

    words: tuple[str, ...]
    """Words as the index holds them."""
    is_prefix: bool
    """Whether the last word is the beginning of a word."""
    pattern: str
    """A regular expression that matches the phrase in a folded text."""
    joined: str | None = None
    """The words as one, where joints alone separate them: `dont` of `don't`. A text with either form matches."""

    @property
    def spellings(self) -> list[tuple[str, ...]]:
        """The words, and the joined word if there is one: what an index holds of a text that matches."""
        return [self.words, (self.joined,)] if self.joined else [self.words]

    @property
    def needles(self) -> list[str]:
        """The substrings of which `index_text` contains one where the phrase occurs."""
        return [f" {' '.join(words)}{'' if self.is_prefix else ' '}" for words in self.spellings]


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
        if RUN.search(folded):
            chunks.append((folded, not closing_quote and not folded.endswith(" ")))
    chunks = chunks[:MAX_PHRASES]
    return Query(
        tuple(
            _new_phrase(folded.strip(), may_continue and index == len(chunks) - 1)
            for index, (folded, may_continue) in enumerate(chunks)
        )
    )


def _new_phrase(folded: str, is_unfinished: bool) -> Phrase:
    runs = RUN.findall(folded)
    words: list[str] = []
    for run in runs:
        words += character_pairs(run) if is_unspaced(run) else [run[:MAX_WORD_CHARS]]
    is_prefix = is_unfinished
    if is_unspaced(runs[-1]):
        # Any character may follow the last one in the text, so that the index holds it as the first of a pair.
        is_prefix = len(runs[-1]) == 1
        if not is_prefix:
            words.pop()
    pattern = "".join(_pattern_parts(runs, is_unfinished))
    if not _ONE_WORD.fullmatch(folded):
        return Phrase(tuple(words), is_prefix, pattern)
    joined = join_parts(folded)
    pattern = f"{_WORD_START}(?:{_joined_pattern(joined, is_unfinished)}|{pattern.removeprefix(_WORD_START)})"
    return Phrase(tuple(words), is_prefix, pattern, joined if JOINT in folded else None)


def _joined_pattern(joined: str, is_unfinished: bool) -> str:
    """Behind the start of a word: a whole word with these letters, and joints between any of them."""
    may_continue = is_unfinished or len(joined) >= MAX_WORD_CHARS
    end = f"{_JOINED_CHARACTER}*" if may_continue else f"(?!{_JOINED_CHARACTER})"
    return f"(?<!{JOINT}){f'{JOINT}?'.join(map(re.escape, joined))}{end}"


def _pattern_parts(runs: list[str], is_unfinished: bool) -> Iterator[str]:
    for index, run in enumerate(runs):
        if index:
            needs_space = is_unspaced(runs[index - 1]) == is_unspaced(run)
            yield f"[ {JOINT}]+" if needs_space else f"[ {JOINT}]*"
        elif not is_unspaced(run):
            yield _WORD_START
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
    folded, text = fold(text), spell_syllables(text)
    length_changing = FOLD_TABLE.length_changing.intersection(text) if not text.isascii() else set()
    positions = _text_positions(text, length_changing) if length_changing else None
    for occurrence in query.pattern.finditer(folded):
        start, end = occurrence.span()
        if positions:
            start, end = positions[start], positions[end - 1] + 1
        # Marks belong to the letter before them, and so does what a syllable of half-width kana is filled up with.
        while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] == "\u00ad"):
            end += 1
        yield Match(start, end, (occurrence.lastindex or 1) - 1)


def _text_positions(text: str, length_changing: set[str]) -> list[int]:
    """For each character of the folded text, the position of its character in the text."""
    positions: list[int] = []
    for position, character in enumerate(text):
        positions += [position] * len(FOLD_TABLE[ord(character)]) if character in length_changing else [position]
    return positions
