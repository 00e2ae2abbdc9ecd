"""When each word of a text was said: from what a machine heard, although a person may have changed the text since."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any, NamedTuple

WIDE = 2.625
"""Columns of a Chinese, Japanese or Korean character: 16 of them fill a line (Netflix Timed Text Style Guides)."""

LONGEST = 42
"""Columns of the longest piece: what is longer, such as an address of the web, would not fit into a line."""

SLOWEST_MS = 200
"""Longest that a column lasts. Speech has 15 a second; a word that lasts longer was stretched over a silence."""

LARGEST = 1_000_000
"""Pairs of words that are compared one by one, between two stretches that are the same: a thousand by a thousand."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_SPACELESS = re.compile("[\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Kana and Chinese characters: no space says where a line may end, so it may end after any of them."""

_OPENING = {"Ps", "Pi"}
_CLINGING = {"Mn", "Mc", "Me", "Cf", "Pe", "Pf", "Po", "Lm"}
"""Unicode categories of what never ends a line, and of what never begins one."""


class Piece(NamedTuple):
    """What is never cut: a word, or a character of a script without spaces."""

    text: str
    is_spaced: bool
    """Whether a space stands before it."""


class Word(NamedTuple):
    """A piece and when it was said."""

    text: str
    is_spaced: bool
    start_ms: int
    end_ms: int


def columns(text: str) -> float:
    """How wide a text is, in letters of the Latin alphabet."""
    if text.isascii():
        return len(text)
    return sum(WIDE if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pieces(text: str) -> list[Piece]:
    """All that is to be read in a text, in order. What nobody can read, such as NUL, is white space."""
    if text.isascii() and text.isprintable() and len(text) <= LONGEST:
        return [Piece(chunk, True) for chunk in text.split()]  # as most words are
    found = []
    for chunk in _UNPRINTABLE.sub(" ", text).split():
        found += [Piece(part, number == 0) for number, part in enumerate(_parts(chunk))]
    return found


def timed(text: str, passages: Iterable[Mapping[str, Any]], duration_ms: int) -> list[Word]:
    """Every word of a text with its times: none is lost, and none begins before the one in front of it ends.

    Words that were heard have the times of the machine; those that it did not hear share the time between. Passages
    may have no words, and times that contradict each other.
    """
    shown, heard = pieces(text), list(_heard(passages))
    pairs = _same([_key(piece.text) for piece in shown], [_key(word.text) for word in heard])
    sure = [pairs[place] for place in _rising([heard[there].start_ms for _, there in pairs])]
    words: list[Word] = []
    free_ms = next_place = next_there = 0
    for here, there in [*sure, (len(shown), len(heard))]:
        start_ms = min(heard[there].start_ms if there < len(heard) else duration_ms, duration_ms)
        words += _spread(shown[next_place:here], *_between(heard[next_there:there], min(free_ms, start_ms), start_ms))
        if here < len(shown):
            free_ms = min(heard[there].end_ms, duration_ms)
            words.append(Word(*shown[here], start_ms, free_ms))
            next_place, next_there = here + 1, there + 1
    nexts = [*(word.start_ms for word in words[1:]), duration_ms]
    return [word._replace(end_ms=min(word.end_ms, next_ms)) for word, next_ms in zip(words, nexts, strict=False)]


def _between(replaced: Sequence[Word], least_ms: int, most_ms: int) -> tuple[int, int]:
    """When words were said that the machine did not hear: where it heard others, otherwise in the time that is left."""
    if replaced:
        start_ms, end_ms = max(replaced[0].start_ms, least_ms), min(replaced[-1].end_ms, most_ms)
        if start_ms < end_ms:
            return start_ms, end_ms
    return least_ms, most_ms


def _parts(chunk: str) -> Iterator[str]:
    """What lies between two spaces, cut where a script has none, and where it is longer than a line."""
    if len(chunk) <= LONGEST and chunk.isascii():
        yield chunk
        return
    start, width = 0, columns(chunk[0])
    for at in range(1, len(chunk)):
        before, here = chunk[at - 1], chunk[at]
        width += columns(here)
        if width > LONGEST or _may_part(before, here):
            yield chunk[start:at]
            start, width = at, columns(here)
    yield chunk[start:]


def _may_part(before: str, here: str) -> bool:
    if not (_SPACELESS.match(before) or _SPACELESS.match(here)):
        return False
    return unicodedata.category(before) not in _OPENING and unicodedata.category(here) not in _CLINGING


def _heard(passages: Iterable[Mapping[str, Any]]) -> Iterator[Word]:
    for passage in passages:
        for word in passage.get("words") or [passage]:
            yield from _spread(pieces(word["text"]), word["start_ms"], word["end_ms"])


def _spread(shown: Sequence[Piece], start_ms: int, end_ms: int) -> Iterator[Word]:
    """Share a time among pieces by their width, at no slower pace than people speak."""
    widths = [columns(piece.text) + 1 for piece in shown]
    whole = sum(widths)
    length_ms = max(0, min(end_ms - start_ms, int(SLOWEST_MS * whole)))
    at = 0.0
    for piece, width in zip(shown, widths, strict=True):
        begin, at = at, at + width
        yield Word(*piece, start_ms + int(length_ms * begin / whole), start_ms + int(length_ms * at / whole))


def _key(word: str) -> str:
    """The word without what a person changes about it first: capitals and punctuation."""
    return re.sub(r"\W", "", word).casefold() or word


def _same(here: Sequence[str], there: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the words that two texts have in common, in the order of both.

    Three words in a row are hardly ever said twice, so they are compared first: an hour of words is done in a moment.
    What both begin and end with needs no comparison: mostly a person changes a word in the middle.
    """
    start = _alike(zip(here, there, strict=False))
    end = _alike(zip(reversed(here[start:]), reversed(there[start:]), strict=False))
    middle = _same_inside(here[start : len(here) - end], there[start : len(there) - end])
    return [
        *((place, place) for place in range(start)),
        *((a + start, b + start) for a, b in middle),
        *((len(here) - place, len(there) - place) for place in range(end, 0, -1)),
    ]


def _alike(pairs: Iterable[tuple[str, str]]) -> int:
    """How many pairs are the same, from the first one on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _same_inside(here: Sequence[str], there: Sequence[str]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    here_from = there_from = 0
    for here_at, there_at, length in _blocks(_threes(here), _threes(there)):
        if (here_at - here_from) * (there_at - there_from) <= LARGEST:
            for a, b, number in _blocks(here[here_from:here_at], there[there_from:there_at]):
                pairs += [(here_from + a + each, there_from + b + each) for each in range(number)]
        pairs += [(here_at + each, there_at + each) for each in range(length)]
        here_from, there_from = here_at + length, there_at + length
    return pairs


def _blocks(here: Sequence[object], there: Sequence[object]) -> Sequence[tuple[int, int, int]]:
    return SequenceMatcher(None, here, there).get_matching_blocks()


def _threes(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Each word between its neighbours."""
    around = ["", *words, ""]
    return list(zip(around, words, around[2:], strict=False))


def _rising(times: Sequence[int]) -> list[int]:
    """Places of the most times that never fall (patience sorting): the others are the clock's mistakes."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for place, time in enumerate(times):
        length = bisect_right(tails, time)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [time]
        ends[length : length + 1] = [place]
    kept, place = [], ends[-1] if ends else -1
    while place >= 0:
        kept.append(place)
        place = before[place]
    return kept[::-1]
