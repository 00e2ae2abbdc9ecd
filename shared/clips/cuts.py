"""Cuts: the stretches that a person took out of a clip, and the two clocks that follow from them. Pure functions.

The whole clock counts the sound as it was recorded; all that is stored is in this one. The cut clock counts the sound
without the cuts, as people hear it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from shared.db.columns import MAX_DURATION_MS

Cut = tuple[int, int]
"""From and to, in milliseconds of the whole clock. What is at `to` is kept."""

MAX_CUTS = 500
"""Cuts of one clip: one every seven seconds of an hour. They are in each of its events."""

MIN_KEPT_MS = 100
"""Sound that remains at least: a shorter one is no sound to anybody, and some encoders make nothing of it."""


def normalize_cuts(cuts: Iterable[Sequence[int]], whole_ms: int) -> list[Cut]:
    """Sort cuts, join those that touch and end them with the sound.

    Raises `ValueError` with a sentence if there are too many, or if no sound would remain.
    """
    joined: list[Cut] = []
    for start_ms, end_ms in sorted((cut[0], min(cut[1], whole_ms)) for cut in cuts):
        if end_ms <= start_ms:
            continue
        if joined and start_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_ms))
        else:
            joined.append((start_ms, end_ms))
    if len(joined) > MAX_CUTS:
        raise ValueError(f"a clip can have at most {MAX_CUTS} cuts; these are {len(joined)}")
    if joined and kept_ms(joined, whole_ms) < MIN_KEPT_MS:
        raise ValueError(
            f"at least {MIN_KEPT_MS / 1000:g} seconds of the clip must remain; to remove all of it, delete it"
        )
    return joined


def readable_cuts(stored: Any) -> list[Cut]:
    """The cuts of a row that are in order and apart from each other. A newer release may have written others."""
    cuts: list[Cut] = []
    for each in stored if isinstance(stored, list) else []:
        if isinstance(each, list | tuple) and len(each) == 2 and all(isinstance(ms, int) for ms in each):
            start_ms, end_ms = each
            if (cuts[-1][1] if cuts else 0) <= start_ms < end_ms <= MAX_DURATION_MS:
                cuts.append((start_ms, end_ms))
    return cuts


def kept_ms(cuts: Iterable[Cut], whole_ms: int) -> int:
    """The length of a sound without its cuts."""
    return whole_ms - sum(max(0, min(end_ms, whole_ms) - start_ms) for start_ms, end_ms in cuts if start_ms < whole_ms)


class CutClock:
    """Translates moments between the whole clock and the cut clock."""

    def __init__(self, cuts: Sequence[Cut]) -> None:
        """`cuts` are normalized."""
        self._starts = [start_ms for start_ms, _ in cuts]
        self._ends = [end_ms for _, end_ms in cuts]
        self._removed = [0, *accumulate(end_ms - start_ms for start_ms, end_ms in cuts)]
        """What the first cuts take away together: none of them, one, and so on."""
        self._joints = [start_ms - removed for start_ms, removed in zip(self._starts, self._removed, strict=False)]
        """Where each cut is on the cut clock."""

    def is_cut(self, whole_ms: float) -> bool:
        """Whether what begins at this moment is taken out."""
        index = bisect_right(self._starts, whole_ms) - 1
        return index >= 0 and whole_ms < self._ends[index]

    def is_at_cut(self, whole_ms: int) -> bool:
        """Whether this moment lies in a cut or at one of its edges."""
        index = bisect_right(self._starts, whole_ms) - 1
        return index >= 0 and whole_ms <= self._ends[index]

    def to_cut(self, whole_ms: int) -> int:
        """The moment on the cut clock; of a moment that is taken out, where the cut is."""
        index = bisect_right(self._starts, whole_ms)
        if index and whole_ms < self._ends[index - 1]:
            return self._joints[index - 1]
        return whole_ms - self._removed[index]

    def to_whole(self, cut_ms: int) -> int:
        """The moment on the whole clock; where a cut is, the moment behind it."""
        return cut_ms + self._removed[bisect_right(self._joints, cut_ms)]

    def kept(self, whole_ms: int) -> Iterator[Cut]:
        """The stretches that remain of a sound of this length, as from and to."""
        start_ms = 0
        for cut_start_ms, cut_end_ms in zip(self._starts, self._ends, strict=True):
            if start_ms < min(cut_start_ms, whole_ms):
                yield start_ms, min(cut_start_ms, whole_ms)
            start_ms = cut_end_ms
        if start_ms < whole_ms:
            yield start_ms, whole_ms

    def overlaps_cut(self, start_ms: int, end_ms: int) -> bool:
        """Whether some of this stretch is taken out."""
        index = bisect_left(self._ends, start_ms + 1)
        return index < len(self._starts) and self._starts[index] < end_ms


def cut_gaps(gaps: Iterable[Mapping[str, Any]], cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """Gaps on the cut clock. One that lies in a cut, or at its edge, is hidden."""
    clock = CutClock(cuts)
    return [{**gap, "at_ms": clock.to_cut(gap["at_ms"])} for gap in gaps if not clock.is_at_cut(gap["at_ms"])]


def cut_markers(markers: Iterable[Mapping[str, Any]], cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """Markers on the cut clock. One whose moment is cut out is hidden."""
    clock = CutClock(cuts)
    return [
        {**marker, "at_ms": clock.to_cut(marker["at_ms"])} for marker in markers if not clock.is_cut(marker["at_ms"])
    ]


def cut_remarks(remarks: Iterable[Mapping[str, Any]], cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """Remarks on the cut clock. One about a stretch of which nothing is left is hidden."""
    clock = CutClock(cuts)
    shown = []
    for remark in remarks:
        if remark.get("at_ms") is None:
            shown.append(dict(remark))
            continue
        start_ms = clock.to_cut(remark["at_ms"])
        length_ms = clock.to_cut(remark["at_ms"] + (remark.get("length_ms") or 0)) - start_ms
        if length_ms or not (remark.get("length_ms") or clock.is_cut(remark["at_ms"])):
            shown.append({**remark, "at_ms": start_ms, "length_ms": length_ms})
    return shown


def cut_peaks(peaks: Sequence[int], cuts: Sequence[Cut], whole_ms: int) -> list[int]:
    """The peaks of the stretches that remain. `peaks` share `whole_ms` equally, and so do those that are returned."""
    remaining_ms = kept_ms(cuts, whole_ms)
    if not peaks or not cuts or remaining_ms <= 0:
        return list(peaks)
    clock, span_ms = CutClock(cuts), whole_ms / len(peaks)
    count = max(1, round(remaining_ms / span_ms))
    middles = ((index + 0.5) * remaining_ms / count for index in range(count))
    return [peaks[min(len(peaks) - 1, int(clock.to_whole(int(middle)) / span_ms))] for middle in middles]
