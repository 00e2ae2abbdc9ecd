"""The two clocks of a clip that is cut, as properties of any cuts."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips.cuts import (
    MAX_CUTS,
    MIN_KEPT_MS,
    Cut,
    CutClock,
    cut_gaps,
    cut_peaks,
    cut_remarks,
    kept_ms,
    normalize_cuts,
    readable_cuts,
)

WHOLE_MS = 2_000

STRETCHES = st.lists(st.tuples(st.integers(0, WHOLE_MS), st.integers(0, WHOLE_MS + 500)), max_size=12)
CUTS = STRETCHES.map(lambda stretches: [cut for cut in stretches if cut[0] < cut[1]]).filter(
    lambda cuts: WHOLE_MS - len({ms for start, end in cuts for ms in range(start, end)}) > MIN_KEPT_MS
)


def normalized(cuts: list[Cut]) -> list[Cut]:
    return normalize_cuts(cuts, WHOLE_MS)


@given(CUTS)
def test_normalizing_takes_away_the_same_sound_and_changes_nothing_twice(cuts: list[Cut]) -> None:
    once = normalized(cuts)
    removed = {ms for start, end in cuts for ms in range(start, min(end, WHOLE_MS))}
    assert {ms for start, end in once for ms in range(start, end)} == removed
    assert kept_ms(once, WHOLE_MS) == WHOLE_MS - len(removed)
    assert normalized(once) == once == readable_cuts([list(cut) for cut in once])
    assert all(end < start for (_, end), (start, _) in pairwise(once))


@given(CUTS, st.integers(0, WHOLE_MS))
def test_a_moment_keeps_its_place_among_what_remains(cuts: list[Cut], ms: int) -> None:
    cuts = normalized(cuts)
    clock = CutClock(cuts)
    removed_before = len({each for start, end in cuts for each in range(start, min(end, ms))})
    assert clock.to_cut(ms) == ms - removed_before
    assert clock.is_cut(ms) == any(start <= ms < end for start, end in cuts)
    if not clock.is_cut(ms):
        assert clock.to_whole(clock.to_cut(ms)) == ms


@given(CUTS, st.integers(0, WHOLE_MS))
def test_what_is_set_in_the_cut_clip_is_found_where_it_was_set(cuts: list[Cut], ms: int) -> None:
    cuts = normalized(cuts)
    clock = CutClock(cuts)
    shown_ms = min(ms, kept_ms(cuts, WHOLE_MS))
    whole_ms = clock.to_whole(shown_ms)
    assert clock.to_cut(whole_ms) == shown_ms
    assert not clock.is_cut(whole_ms)


@given(CUTS)
def test_what_remains_and_the_cuts_are_the_whole(cuts: list[Cut]) -> None:
    cuts = normalized(cuts)
    kept = list(CutClock(cuts).kept(WHOLE_MS))
    assert sum(end - start for start, end in kept) == kept_ms(cuts, WHOLE_MS)
    assert sorted([*kept, *cuts]) == sorted({*kept, *cuts})
    assert sorted(ms for pair in [*kept, *cuts] for ms in pair) == sorted(
        [0, WHOLE_MS, *(ms for ms in {ms for pair in [*kept, *cuts] for ms in pair} - {0, WHOLE_MS} for _ in "ab")]
    )


def test_two_cuts_that_touch_are_one() -> None:
    assert normalized([(500, 600), (100, 300), (300, 500)]) == [(100, 600)]


def test_a_clip_cannot_be_cut_to_nothing() -> None:
    with pytest.raises(ValueError, match="must remain; to remove all of it, delete it"):
        normalized([(0, 1_950)])


def test_there_are_not_more_cuts_than_anybody_makes() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_CUTS} cuts"):
        normalize_cuts([(10 * at, 10 * at + 5) for at in range(MAX_CUTS + 1)], 10 * MAX_CUTS + 10)


def test_a_gap_that_is_cut_out_or_stands_at_a_cut_is_hidden() -> None:
    gaps = [{"at_ms": ms, "length_ms": 5, "cause": "muted"} for ms in (0, 100, 150, 200, 300)]
    assert [gap["at_ms"] for gap in cut_gaps(gaps, [(100, 200)])] == [0, 200]


def test_a_remark_about_a_stretch_keeps_what_remains_of_it() -> None:
    remarks: list[dict[str, Any]] = [
        {"kind": "quiet"},
        {"kind": "not-understood", "at_ms": 50, "length_ms": 100},
        {"kind": "not-understood", "at_ms": 120, "length_ms": 50},
    ]
    assert cut_remarks(remarks, [(100, 200)]) == [
        {"kind": "quiet"},
        {"kind": "not-understood", "at_ms": 50, "length_ms": 50},
    ]


def test_the_outline_is_that_of_what_remains() -> None:
    peaks = [*range(100)]  # each is 20 ms
    assert cut_peaks(peaks, [(200, 400), (1_800, 2_000)], WHOLE_MS) == [*range(10), *range(20, 90)]
    assert cut_peaks(peaks, [], WHOLE_MS) == peaks
