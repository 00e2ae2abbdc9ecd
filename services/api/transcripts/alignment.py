"""Give each word of a text its time, from the words that a machine heard, also after a person has edited the text."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any, NamedTuple

from services.api.transcripts.tokens import Token, columns, may_continue_word, tokenize, visible_characters

MAX_COLUMN_MS = 200
"""Longest time of a column. Speech has 15 columns a second; a slower word was stretched over a silence."""

MAX_COMPARISONS = 1_000_000
"""Pairs of words that are compared one by one between two matching stretches: a thousand words by a thousand."""


class TimedWord(NamedTuple):
    """A token and when it was said."""

    text: str
    is_spaced: bool
    start_ms: int
    end_ms: int


def align_words(text: str, passages: Iterable[Mapping[str, Any]], duration_ms: int) -> list[TimedWord]:
    """Return every word of a text with its times: none is missing, and none begins before the previous one ends.

    Words that the machine heard have the machine's times; the others share the time between. Passages may have no
    words, and times that contradict each other.
    """
    tokens, spoken = tokenize(text), list(_spoken_words(passages))
    pairs = _common_words([_comparison_key(token.text) for token in tokens], [_comparison_key(w.text) for w in spoken])
    anchors = [pairs[index] for index in longest_increasing_subsequence([spoken[at].start_ms for _, at in pairs])]
    words: list[TimedWord] = []
    free_ms = next_token = next_spoken = 0
    for token_at, spoken_at in [*anchors, (len(tokens), len(spoken))]:
        start_ms = min(spoken[spoken_at].start_ms if spoken_at < len(spoken) else duration_ms, duration_ms)
        time_range = _range_between(spoken[next_spoken:spoken_at], min(free_ms, start_ms), start_ms)
        words += _share_time(tokens[next_token:token_at], *time_range)
        if token_at < len(tokens):
            free_ms = min(spoken[spoken_at].end_ms, duration_ms)
            words.append(TimedWord(*tokens[token_at], start_ms, free_ms))
            next_token, next_spoken = token_at + 1, spoken_at + 1
    next_starts = [*(word.start_ms for word in words[1:]), duration_ms]
    return [word._replace(end_ms=min(word.end_ms, next_ms)) for word, next_ms in zip(words, next_starts, strict=False)]


def longest_increasing_subsequence(times: Sequence[int]) -> list[int]:
    """Return the indexes of the most times that never fall (patience sorting). The others are errors of the machine."""
    tails: list[int] = []
    tail_indexes: list[int] = []
    previous: list[int] = []
    for index, time in enumerate(times):
        length = bisect_right(tails, time)
        previous.append(tail_indexes[length - 1] if length else -1)
        tails[length : length + 1] = [time]
        tail_indexes[length : length + 1] = [index]
    indexes, index = [], tail_indexes[-1] if tail_indexes else -1
    while index >= 0:
        indexes.append(index)
        index = previous[index]
    return indexes[::-1]


# -- times ---------------------------------------------------------------------------------------------------------


def _spoken_words(passages: Iterable[Mapping[str, Any]]) -> Iterator[TimedWord]:
    for passage in passages:
        for fragments in _fragments_of_words(passage.get("words") or [passage]):
            if len(fragments) > 1:
                yield from _join_fragments(fragments)
            else:
                (word,) = fragments
                yield from _share_time(tokenize(word["text"]), word["start_ms"], word["end_ms"])


def _fragments_of_words(words: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Group what a machine took for words, where it cut a script without spaces, mostly inside words."""
    fragments: list[Mapping[str, Any]] = []
    for word in words:
        if fragments and not may_continue_word(fragments[-1]["text"], word["text"]):
            yield fragments
            fragments = []
        fragments.append(word)
    if fragments:
        yield fragments


def _join_fragments(fragments: Sequence[Mapping[str, Any]]) -> Iterator[TimedWord]:
    """Cut the text of all fragments into words: each begins with its first character and ends with its last one."""
    characters = [
        character
        for fragment in fragments
        for character in _share_time(
            [Token(character, False) for character in visible_characters(fragment["text"])],
            fragment["start_ms"],
            fragment["end_ms"],
        )
    ]
    at = 0
    for token in tokenize("".join(fragment["text"] for fragment in fragments)):
        first, last = characters[at], characters[at + len(token.text) - 1]
        at += len(token.text)
        yield TimedWord(*token, first.start_ms, max(first.start_ms, last.end_ms))


def _range_between(replaced: Sequence[TimedWord], min_ms: int, max_ms: int) -> tuple[int, int]:
    """Start and end of words that the machine did not hear: those of the words that they replace, or all that is free.

    Where the machine heard no words there, or its times contradict each other, the range is the whole gap.
    """
    if replaced:
        start_ms, end_ms = max(replaced[0].start_ms, min_ms), min(replaced[-1].end_ms, max_ms)
        if start_ms < end_ms:
            return start_ms, end_ms
    return min_ms, max_ms


def _share_time(tokens: Sequence[Token], start_ms: int, end_ms: int) -> Iterator[TimedWord]:
    """Share a time among tokens by their width, at no slower pace than people speak."""
    widths = [columns(token.text) + 1 for token in tokens]
    total_width = sum(widths)
    length_ms = max(0, min(end_ms - start_ms, int(MAX_COLUMN_MS * total_width)))
    end = 0.0
    for token, width in zip(tokens, widths, strict=True):
        begin, end = end, end + width
        yield TimedWord(
            *token,
            start_ms + int(length_ms * begin / total_width),
            start_ms + int(length_ms * end / total_width),
        )


# -- words that two texts have in common ---------------------------------------------------------------------------


def _comparison_key(word: str) -> str:
    """The word without capitals and punctuation, which a person changes most."""
    if word.isascii():
        return re.sub(r"\W", "", word).casefold() or word
    # Marks are the vowels of many scripts.
    return "".join(c for c in word if c.isalnum() or unicodedata.category(c)[0] == "M").casefold() or word


def _common_words(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of indexes of the words that two texts have in common, in the order of both.

    The common beginning and the common end need no comparison: mostly a person changes a word in the middle.
    """
    start = _common_prefix_length(zip(left, right, strict=False))
    end = _common_prefix_length(zip(reversed(left[start:]), reversed(right[start:]), strict=False))
    middle = _common_words_between(left[start : len(left) - end], right[start : len(right) - end])
    return [
        *((index, index) for index in range(start)),
        *((a + start, b + start) for a, b in middle),
        *((len(left) - back, len(right) - back) for back in range(end, 0, -1)),
    ]


def _common_prefix_length(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _common_words_between(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Compare trigrams first, then single words between two matches.

    A trigram hardly ever comes twice, so the comparison of an hour of words takes a moment.
    """
    pairs: list[tuple[int, int]] = []
    left_from = right_from = 0
    for left_at, right_at, length in _matching_blocks(_trigrams(left), _trigrams(right)):
        if (left_at - left_from) * (right_at - right_from) <= MAX_COMPARISONS:
            for a, b, block_length in _matching_blocks(left[left_from:left_at], right[right_from:right_at]):
                pairs += [(left_from + a + index, right_from + b + index) for index in range(block_length)]
        pairs += [(left_at + index, right_at + index) for index in range(length)]
        left_from, right_from = left_at + length, right_at + length
    return pairs


def _matching_blocks(left: Sequence[object], right: Sequence[object]) -> Sequence[tuple[int, int, int]]:
    return SequenceMatcher(None, left, right).get_matching_blocks()


def _trigrams(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Each word between its neighbours."""
    padded = ["", *words, ""]
    return list(zip(padded, words, padded[2:], strict=False))
