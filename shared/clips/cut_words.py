"""The words of a clip that is cut: those inside a cut are hidden, and come back when the cut is taken back.

Nothing here deletes a word. The whole text stays; spans of it are hidden. What a person changes in the text that is
shown is brought into the whole text, between the hidden spans. Pure functions.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any

from shared.clips.cuts import Cut, CutClock
from shared.transcripts.sittings import common_prefix_length

Span = tuple[int, int]
"""Begin and end in characters of the whole text."""

MAX_SEARCH_CHARS = 400
"""How far behind the word before a word is looked for: a machine's text has every word of its passages, so that it is
the next one; of a text that differs, a later word of the same letters is another one."""

MAX_COMPARED_WORDS = 2_000
"""Words and spaces of each text that are compared one by one. A longer change is not typed but pasted."""

_WORDS = re.compile(r"\S+|\s+")


def readable_spans(stored: Any) -> list[Span]:
    """The spans of a row that are in order. A newer release may have written others."""
    spans: list[Span] = []
    for each in stored if isinstance(stored, list) else []:
        if isinstance(each, list | tuple) and len(each) == 2 and all(isinstance(at, int) for at in each):
            start, end = each
            if (spans[-1][1] if spans else 0) <= start < end:
                spans.append((start, end))
    return spans


def shown_text(whole: str, hidden: Sequence[Span]) -> str:
    """The text without its hidden spans."""
    ends = [0, *(end for _, end in hidden)]
    starts = [*(start for start, _ in hidden), len(whole)]
    return "".join(whole[end:start] for end, start in zip(ends, starts, strict=True))


# -- which words are hidden ----------------------------------------------------------------------------------------


def timed_units(passages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int, int]]:
    """Text, start and end of each word of a machine's passages. The words of one without any share its time."""
    for passage in passages:
        if words := passage.get("words"):
            yield from ((word["text"], word["start_ms"], word["end_ms"]) for word in words)
        else:
            yield from _words_of_passage(passage)


def hidden_spans(whole: str, units: Iterable[tuple[str, int, int]], cuts: Sequence[Cut]) -> list[Span]:
    """The spans of the words whose middle lies in a cut. `units` are the words of the text in order, with their times.

    The white space before a hidden word is hidden with it; at the beginning of the text, that behind it.
    """
    clock = CutClock(cuts)
    spans: list[Span] = []
    at, follows_hidden = 0, False
    for text, start_ms, end_ms in units:
        word = text.strip()
        start = whole.find(word, at, at + len(word) + MAX_SEARCH_CHARS) if word else -1
        if start < 0:
            continue
        at = start + len(word)
        is_hidden = clock.is_cut((start_ms + end_ms) / 2)
        if is_hidden and follows_hidden:
            spans[-1] = (spans[-1][0], at)
        elif is_hidden:
            spans.append((len(whole[:start].rstrip()), at))
        follows_hidden = is_hidden
    if spans and spans[0][0] == 0:
        end = spans[0][1]
        spans[0] = (0, len(whole) - len(whole[end:].lstrip()))
    return spans


def cut_passages(passages: Iterable[Mapping[str, Any]], cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """A machine's passages without the words whose middle lies in a cut, on the cut clock."""
    clock = CutClock(cuts)
    shown = []
    for passage in passages:
        words = [(text, start_ms, end_ms) for text, start_ms, end_ms in timed_units([passage])]
        kept = [word for word in words if not clock.is_cut((word[1] + word[2]) / 2)]
        if not kept:
            continue
        cut: dict[str, Any] = {
            **passage,
            "start_ms": clock.to_cut(passage["start_ms"]),
            "end_ms": clock.to_cut(passage["end_ms"]),
        }
        if len(kept) < len(words):
            cut["text"] = shown_text(passage["text"], hidden_spans(passage["text"], words, cuts)).strip()
        if passage.get("words"):
            cut["words"] = [
                {"text": text, "start_ms": clock.to_cut(start_ms), "end_ms": clock.to_cut(end_ms)}
                for text, start_ms, end_ms in kept
            ]
        shown.append(cut)
    return shown


def _words_of_passage(passage: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    words = passage["text"].split()
    start_ms, length_ms = passage["start_ms"], passage["end_ms"] - passage["start_ms"]
    ends = list(accumulate(len(word) + 1 for word in words))
    for word, begin, end in zip(words, [0, *ends], ends, strict=False):
        yield word, start_ms + length_ms * begin // ends[-1], start_ms + length_ms * end // ends[-1]


# -- what a person changes -----------------------------------------------------------------------------------------


def splice(text: str, whole: str, hidden: Sequence[Span]) -> tuple[str, list[Span]]:
    """Bring the text that a person wrote into the whole text. Return the new whole text and its hidden spans.

    Every hidden span stays, between the words that it stood between. `shown_text` of the result is `text`.
    """
    old = shown_text(whole, hidden)
    removed = [0, *accumulate(end - start for start, end in hidden)]
    places = [start - before for (start, _), before in zip(hidden, removed, strict=False)]
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for (start, end), moved in zip(hidden, _moved_places(places, old, text), strict=True):
        place = max(moved, at)
        piece = _with_space(whole[start:end], text, place)
        parts += [text[at:place], piece]
        length += place - at + len(piece)
        spans.append((length - len(piece), length))
        at = place
    return "".join([*parts, text[at:]]), _joined(spans)


def _moved_places(places: Sequence[int], old: str, new: str) -> Iterator[int]:
    """Where the places of one text are in another: at the end of the word that stands before each."""
    prefix = common_prefix_length(old, new)
    suffix = min(common_prefix_length(old[::-1], new[::-1]), min(len(old), len(new)) - prefix)
    middle = _matching_words(old[prefix : len(old) - suffix], new[prefix : len(new) - suffix])
    starts = [start for start, _, _ in middle]
    for place in places:
        if place <= prefix:
            moved = place
        elif place >= len(old) - suffix:
            moved = place + len(new) - len(old)
        else:
            index = bisect_right(starts, place - prefix) - 1
            start, new_start, length = middle[index] if index >= 0 else (0, 0, 0)
            moved = prefix + new_start + min(place - prefix - start, length)
        is_inside_word = 0 < place < len(old) and not old[place - 1].isspace() and not old[place].isspace()
        yield moved if is_inside_word else _word_end(new, moved)


def _matching_words(old: str, new: str) -> list[tuple[int, int, int]]:
    """Where the same words stand in both texts: offset in each, and length in characters."""
    old_words, new_words = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(old_words), len(new_words)) > MAX_COMPARED_WORDS:
        return []
    old_offsets, new_offsets = ([0, *accumulate(map(len, words))] for words in (old_words, new_words))
    blocks = SequenceMatcher(None, old_words, new_words, autojunk=False).get_matching_blocks()
    return [(old_offsets[a], new_offsets[b], old_offsets[a + size] - old_offsets[a]) for a, b, size in blocks if size]


def _word_end(text: str, at: int) -> int:
    """The end of the word at this place; of the one before, if the place is in white space."""
    while 0 < at < len(text) and not text[at - 1].isspace() and not text[at].isspace():
        at += 1
    return len(text[:at].rstrip())


def _with_space(piece: str, text: str, place: int) -> str:
    """A hidden piece with white space on the side where a word stands."""
    if place == 0 and text and not piece[-1:].isspace():
        return piece.lstrip() + " "
    if place > 0 and piece[-1:].isspace() and not piece[:1].isspace():
        return " " + piece.rstrip()
    return piece


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
