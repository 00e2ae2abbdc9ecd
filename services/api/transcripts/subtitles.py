"""Words as cues: lines of a length that players show, for as long as people need to read them.

The limits are those of the Netflix Timed Text Style Guide (General Requirements, and English for the line).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from services.api.transcripts.alignment import LONGEST, Word, columns

LEAST_MS, MOST_MS = 833, 7_000
"""How long a cue stands: from five sixths of a second to seven seconds."""

GAP_MS = 83
"""Between two cues, two frames of a film: without it the eye misses that the words have changed."""

READ_MS = 50
"""Time for a column to be read, where the next cue leaves it: twenty characters a second."""

SILENCE_MS = 1_000
"""A pause in which no words stand, those before nor those behind."""

BREATH_MS = 300
"""A pause that parts as well as a comma does."""

UNLIKE_CUES, UNLIKE_LINES = 0.35, 0.15
"""How much longer one part may be, as part of the whole, for a cut between clauses instead of in the middle."""

ENDS, PARTS = ".!?…。！？", ",;:–—，、；："
"""What ends a sentence, and what stands between its clauses."""

CLOSING = "\"'”’»)]」』）"
"""What may stand behind those."""

TITLE = 3
"""Letters of the longest word with a capital whose point is no end: Mr., Dr., St., J."""


@dataclass(frozen=True)
class Cue:
    """One or two lines, and when they are shown."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cues(words: Sequence[Word], duration_ms: int) -> list[Cue]:
    """Cut words into cues, at sentence ends, then between clauses, and place them so that none touches the next."""
    groups = [group for spoken in _sentences(words) for group in _halves(spoken)]
    duration_ms = max(duration_ms, 2 * len(groups))  # a cue without length is refused by players
    spacing_ms = min(LEAST_MS + GAP_MS, duration_ms // len(groups)) if groups else 0
    gap_ms = min(GAP_MS, spacing_ms // 10)
    end_ms = duration_ms + gap_ms
    starts = [*_apart([group[0].start_ms for group in groups], spacing_ms, end_ms), end_ms]
    return [
        Cue(start_ms, min(_wanted_end(group, start_ms), start_ms + MOST_MS, next_ms - gap_ms), _lines(group) or ())
        for group, (start_ms, next_ms) in zip(groups, pairwise(starts), strict=True)
    ]


def text_of(words: Sequence[Word]) -> str:
    return "".join(f" {word.text}" if word.is_spaced else word.text for word in words).strip()


def ends_sentence(word: Word) -> bool:
    said = word.text.rstrip(CLOSING)
    is_title = said.endswith(".") and said[:1].isupper() and len(said) <= TITLE
    return said.endswith(tuple(ENDS)) and not is_title


def _sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Whole sentences, as many as fit into a cue; a long one by itself. A silence is between two, too."""
    group: list[Word] = []
    sentence: list[Word] = []
    for word, following in pairwise([*words, None]):
        assert word is not None
        sentence.append(word)
        is_silence = following is None or following.start_ms - word.end_ms >= SILENCE_MS
        if is_silence or ends_sentence(word):
            if group and not _fits([*group, *sentence]):
                yield group
                group = []
            group, sentence = [*group, *sentence], []
        if is_silence:
            yield group
            group = []


def _halves(group: list[Word]) -> Iterator[list[Word]]:
    """Halves of halves, until each fits into a cue."""
    if len(group) == 1 or _fits(group):
        yield group
    else:
        at = _cut(group, UNLIKE_CUES)
        yield from _halves(group[:at])
        yield from _halves(group[at:])


def _fits(group: Sequence[Word]) -> bool:
    return group[-1].end_ms - group[0].start_ms <= MOST_MS and _lines(group) is not None


def _lines(group: Sequence[Word]) -> tuple[str, ...] | None:
    """One line if it is enough, or two of about one length; None if it is too much for two."""
    whole = text_of(group)
    if columns(whole) <= LONGEST:
        return (whole,)
    if columns(whole) > 2 * LONGEST + 1:
        return None
    at = _cut(group, UNLIKE_LINES, LONGEST)
    return (text_of(group[:at]), text_of(group[at:])) if at else None


def _cut(group: Sequence[Word], unlike: float, most: float = inf) -> int:
    """The best place to cut, near the middle and between clauses; 0 if a part would be wider than `most` anywhere."""
    whole = columns(text_of(group))
    best, least, before = 0, inf, 0.0
    for at, (word, following) in enumerate(pairwise(group), 1):
        before += columns(word.text) + (word.is_spaced and at > 1)
        behind = whole - before - following.is_spaced
        off = abs(before - behind) / whole + (0 if _parts(word, following) else unlike)
        if off < least and max(before, behind) <= most:
            best, least = at, off
    return best


def _parts(word: Word, following: Word) -> bool:
    is_pause = following.start_ms - word.end_ms >= BREATH_MS
    return is_pause or ends_sentence(word) or word.text.rstrip(CLOSING).endswith(tuple(PARTS))


def _wanted_end(group: Sequence[Word], start_ms: int) -> int:
    return max(group[-1].end_ms, start_ms + LEAST_MS, start_ms + int(READ_MS * columns(text_of(group))))


def _apart(starts: Sequence[int], spacing_ms: int, end_ms: int) -> list[int]:
    """Move starts no further than it takes to lie so far apart: isotonic regression, by pooling those that violate."""
    pools: list[tuple[int, int]] = []
    for number, start_ms in enumerate(starts):
        total, count = start_ms - number * spacing_ms, 1
        while pools and pools[-1][0] * count > total * pools[-1][1]:
            others = pools.pop()
            total, count = total + others[0], count + others[1]
        pools.append((total, count))
    last_ms = end_ms - len(starts) * spacing_ms
    places = [min(max(0, total // count), last_ms) for total, count in pools for _ in range(count)]
    return [place + number * spacing_ms for number, place in enumerate(places)]
