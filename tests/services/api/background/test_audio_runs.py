"""Ranges of bytes end to end: the longest run wins, whatever else lies about."""

import uuid
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.api.background.audio_runs import Extent, end_to_end, extents_by_segment, longest_run
from shared.libraries import HOME
from shared.storage.keys import AudioKey, Kind, clip_folder, file_key, played_key, recording_key
from shared.storage.store import StoredObject

CLIP = uuid.uuid4()
NOW = datetime.now(UTC)


def run_of(*ranges: tuple[int, int], preferred: tuple[str, ...] = ()) -> list[tuple[int, int]]:
    extents = [Extent(start, end, f"{start}-{end}") for start, end in ranges]
    return [(each.start, each.end) for each in longest_run(extents, preferred)]


def test_the_run_that_reaches_farthest_wins() -> None:
    assert run_of() == []
    assert run_of((5, 9)) == [], "without its beginning, nothing can be read"
    assert run_of((0, 5), (5, 9), (12, 20)) == [(0, 5), (5, 9)]
    assert run_of((0, 5), (0, 7), (5, 9)) == [(0, 5), (5, 9)], "a longer object may lead nowhere"
    assert run_of((0, 5), (5, 9), (0, 9)) == [(0, 9)], "one object instead of several"
    assert run_of((0, 5), (5, 9), (0, 9), preferred=("0-5", "5-9")) == [(0, 5), (5, 9)]
    assert run_of((0, 0), (0, 5), (5, 5)) == [(0, 5)]


@given(cuts=st.sets(st.integers(1, 99)), more=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 99))))
def test_what_lies_end_to_end_is_found_among_anything(cuts: set[int], more: list[tuple[int, int]]) -> None:
    ends = [*sorted(cuts), 100]
    whole = list(zip([0, *ends[:-1]], ends, strict=True))
    run = run_of(*more, *whole)
    assert (run[0][0], run[-1][1] >= 100) == (0, True)
    assert all(before[1] == after[0] for before, after in pairwise(run))


@given(
    segment=st.integers(0, 10_000),
    start=st.integers(0, 2**40),
    size=st.integers(1, 2**40),
    length=st.none() | st.integers(1, 2**41),
)
def test_a_key_says_what_it_was_made_of(segment: int, start: int, size: int, length: int | None) -> None:
    recorded = AudioKey(HOME, CLIP, Kind.RECORDING, segment=segment, start=start, end=start + size)
    assert AudioKey.parse(recording_key(HOME, CLIP, segment, start, start + size)) == recorded
    uploaded = AudioKey(HOME, CLIP, Kind.FILE, length=length, start=start, end=start + size)
    assert AudioKey.parse(file_key(HOME, CLIP, start, start + size, length)) == uploaded
    assert AudioKey.parse(played_key(HOME, CLIP)) == AudioKey(HOME, CLIP, Kind.PLAYED)


def test_keys_of_earlier_releases_and_of_others() -> None:
    assert AudioKey.parse(f"{HOME}/{CLIP}/{uuid.uuid4().hex}") == AudioKey(HOME, CLIP, Kind.UNNAMED)
    for key in ("", "elsewhere/backup.tar", f"{HOME}/{CLIP}/notes.txt", f"{HOME}/{'-' * 36}/{uuid.uuid4().hex}"):
        assert AudioKey.parse(key) is None


def test_an_object_that_was_cut_off_is_left_out() -> None:
    whole, half = (recording_key(HOME, CLIP, 1, start, start + 5) for start in (0, 5))
    objects = [StoredObject(whole, 5, NOW), StoredObject(half, 4, NOW), StoredObject(played_key(HOME, CLIP), 9, NOW)]
    assert extents_by_segment(objects, Kind.RECORDING) == {1: [Extent(0, 5, whole)]}
    assert extents_by_segment(objects, Kind.FILE) == {}
    assert [(each.start, each.end) for each in end_to_end(objects)] == [(0, 5), (5, 9), (9, 18)]
    assert clip_folder(HOME, CLIP) == whole.rpartition("/")[0]
