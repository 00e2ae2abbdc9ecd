"""Cut words into subtitle cues: lines that fit on a screen, shown as long as people need to read them.

The limits are those of the Netflix Timed Text Style Guide (General Requirements, and English for the line).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from services.api.transcripts.alignment import TimedWord
from services.api.transcripts.tokens import MAX_COLUMNS, columns, is_unspaced

MIN_CUE_MS, MAX_CUE_MS = 833, 7_000
"""How long a cue is shown: from five sixths of a second to seven seconds."""

GAP_MS = 83
"""Between two cues, two frames of a film: without a gap the eye misses that the words have changed."""

READING_MS_PER_COLUMN = 50
"""Reading time, where the next cue leaves room: twenty characters a second."""

SILENCE_MS = 1_000
"""A pause that no cue spans: a cue holds words from one side of it only."""

CLAUSE_PAUSE_MS = 300
"""A pause that separates two clauses as a comma does."""

MAX_CUE_IMBALANCE, MAX_LINE_IMBALANCE = 0.35, 0.15
"""Share of the whole by which one part may be longer, so that the cut is between clauses and not in the middle."""

SENTENCE_ENDS, CLAUSE_ENDS = ".!?…。！？؟۔।॥။។", ",;:–—，、；：،؛၊"
"""Characters that end a sentence, and characters that end a clause."""

CLOSING = "\"'”’»)]」』）"
"""Characters that may follow such an end."""

MAX_TITLE_CHARS = 3
"""Length of a capitalised word whose point ends no sentence: Mr., Dr., St., J."""


@dataclass(frozen=True)
class Cue:
    """One or two lines of text, and when they are shown."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cut_cues(words: Sequence[TimedWord], duration_ms: int) -> list[Cue]:
    """Cut words into cues at the ends of sentences, then of clauses. No cue touches the next one."""
    groups = [group for sentences in _sentence_groups(words) for group in _halve(sentences)]
    duration_ms = max(duration_ms, 2 * len(groups))  # players refuse a cue without length
    spacing_ms = min(MIN_CUE_MS + GAP_MS, duration_ms // len(groups)) if groups else 0
    gap_ms = min(GAP_MS, spacing_ms // 10)
    end_ms = duration_ms + gap_ms
    starts = [*_space_out([group[0].start_ms for group in groups], spacing_ms, end_ms), end_ms]
    return [
        Cue(start_ms, min(_ideal_end_ms(group, start_ms), start_ms + MAX_CUE_MS, next_ms - gap_ms), _lines(group) or ())
        for group, (start_ms, next_ms) in zip(groups, pairwise(starts), strict=True)
    ]


def join_words(words: Sequence[TimedWord]) -> str:
    return "".join(f" {word.text}" if word.is_spaced else word.text for word in words).strip()


def ends_sentence(word: TimedWord) -> bool:
    text = word.text.rstrip(CLOSING)
    is_title = text.endswith(".") and text[:1].isupper() and len(text) <= MAX_TITLE_CHARS
    return text.endswith(tuple(SENTENCE_ENDS)) and not is_title


def _sentence_groups(words: Sequence[TimedWord]) -> Iterator[list[TimedWord]]:
    """Group whole sentences, as many as fit into a cue; a long sentence is a group of its own. A silence ends both."""
    group: list[TimedWord] = []
    sentence: list[TimedWord] = []
    for word, following in pairwise([*words, None]):
        assert word is not None
        sentence.append(word)
        is_before_silence = following is None or following.start_ms - word.end_ms >= SILENCE_MS
        if is_before_silence or ends_sentence(word):
            if group and not _fits(group + sentence):
                yield group
                group = []
            group, sentence = group + sentence, []
        if is_before_silence:
            yield group
            group = []


def _halve(group: list[TimedWord]) -> Iterator[list[TimedWord]]:
    """Cut a group into halves, and these again, until each part fits into a cue."""
    if len(group) == 1 or _fits(group):
        yield group
    else:
        index = _best_cut(group, MAX_CUE_IMBALANCE)
        yield from _halve(group[:index])
        yield from _halve(group[index:])


def _fits(group: Sequence[TimedWord]) -> bool:
    return group[-1].end_ms - group[0].start_ms <= MAX_CUE_MS and _lines(group) is not None


def _lines(group: Sequence[TimedWord]) -> tuple[str, ...] | None:
    """One line if the words fit, or two of about one length; None if two lines are too short."""
    text = join_words(group)
    if columns(text) <= MAX_COLUMNS:
        return (text,)
    if columns(text) > 2 * MAX_COLUMNS + 1:
        return None
    index = _best_cut(group, MAX_LINE_IMBALANCE, MAX_COLUMNS)
    return (join_words(group[:index]), join_words(group[index:])) if index else None


def _best_cut(group: Sequence[TimedWord], max_imbalance: float, max_columns: float = inf) -> int:
    """Index of the best cut, near the middle and between clauses; 0 if each cut leaves a part that is too wide."""
    total = columns(join_words(group)) or 1  # marks alone have no width
    best_index, best_cost, before = 0, inf, 0.0
    for index, (word, following) in enumerate(pairwise(group), 1):
        before += columns(word.text) + (word.is_spaced and index > 1)
        after = total - before - following.is_spaced
        cost = abs(before - after) / total + (0 if _ends_clause(word, following) else max_imbalance)
        if cost < best_cost and max(before, after) <= max_columns:
            best_index, best_cost = index, cost
    return best_index


def _ends_clause(word: TimedWord, following: TimedWord) -> bool:
    is_before_pause = following.start_ms - word.end_ms >= CLAUSE_PAUSE_MS
    # In a script without spaces between words, a space separates clauses.
    is_before_space = following.is_spaced and is_unspaced(word.text)
    has_mark = ends_sentence(word) or word.text.rstrip(CLOSING).endswith(tuple(CLAUSE_ENDS))
    return is_before_pause or is_before_space or has_mark


def _ideal_end_ms(group: Sequence[TimedWord], start_ms: int) -> int:
    reading_ms = int(READING_MS_PER_COLUMN * columns(join_words(group)))
    return max(group[-1].end_ms, start_ms + MIN_CUE_MS, start_ms + reading_ms)


def _space_out(starts: Sequence[int], spacing_ms: int, end_ms: int) -> list[int]:
    """Move starts as little as possible until all are at least `spacing_ms` apart.

    This is isotonic regression: pools of starts that violate the order are merged and share their mean.
    """
    pools: list[tuple[int, int]] = []
    for index, start_ms in enumerate(starts):
        total, count = start_ms - index * spacing_ms, 1
        while pools and pools[-1][0] * count > total * pools[-1][1]:
            previous_total, previous_count = pools.pop()
            total, count = total + previous_total, count + previous_count
        pools.append((total, count))
    max_ms = end_ms - len(starts) * spacing_ms
    shifted = [min(max(0, total // count), max_ms) for total, count in pools for _ in range(count)]
    return [start_ms + index * spacing_ms for index, start_ms in enumerate(shifted)]
