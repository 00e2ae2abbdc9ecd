"""Sound without its cuts: as long as its clock says, in the right places, without a click."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.audio.cut import FADE_S, cut_samples
from services.transcriber.audio.samples import Samples
from shared.clips.cuts import Cut, CutClock, kept_ms, normalize_cuts

RATE = 8_000
WHOLE_MS = 1_000


def cut(sound: Samples, cuts: list[Cut], *, block: int = 331, channels: int = 1) -> Samples:
    blocks = [sound[at : at + block * channels] for at in range(0, len(sound), block * channels)]
    return np.concatenate(list(cut_samples(blocks, cuts, WHOLE_MS, rate=RATE, channels=channels)))


STRETCHES = st.lists(st.tuples(st.integers(0, WHOLE_MS - 1), st.integers(1, 300)), min_size=1, max_size=8)
CUTS = (
    STRETCHES.map(lambda stretches: [(start, start + length) for start, length in stretches])
    .filter(lambda cuts: len({ms for start, end in cuts for ms in range(start, min(end, WHOLE_MS))}) < WHOLE_MS - 100)
    .map(lambda cuts: normalize_cuts(cuts, WHOLE_MS))
)


@given(CUTS, st.integers(1, 3_000), st.sampled_from([1, 2]))
def test_it_is_as_long_as_the_cut_clock_says_and_each_moment_is_in_its_place(
    cuts: list[Cut], block: int, channels: int
) -> None:
    count = WHOLE_MS * RATE // 1000
    ramp = np.repeat(np.arange(count, dtype=np.float32), channels)
    made = cut(ramp, cuts, block=block, channels=channels)[::channels]
    assert len(made) == kept_ms(cuts, WHOLE_MS) * RATE // 1000
    fade, clock = round(FADE_S * RATE), CutClock(cuts)
    for start_ms, end_ms in clock.kept(WHOLE_MS):
        start, end = start_ms * RATE // 1000 + fade, end_ms * RATE // 1000 - fade
        target = clock.to_cut(start_ms) * RATE // 1000 + fade
        if start < end:
            assert np.array_equal(made[target : target + end - start], ramp[::channels][start:end])


@given(CUTS)
def test_two_sides_of_a_cut_are_as_loud_together_as_one(cuts: list[Cut]) -> None:
    made = cut(np.ones(WHOLE_MS * RATE // 1000, np.float32), cuts)
    fade = round(FADE_S * RATE)
    assert made[fade : len(made) - fade] == pytest.approx(1, abs=1e-6)


def test_nobody_hears_a_click_where_a_tone_is_cut() -> None:
    times = np.arange(WHOLE_MS * RATE // 1000) / RATE
    tone = np.sin(2 * np.pi * 100 * times).astype(np.float32)
    # Cut where one side is at +1 and the other at -1, and where the beginning and the end are at their loudest.
    made = cut(tone, [(0, 102), (302, 407), (898, 1_000)])
    max_step = np.abs(np.diff(np.concatenate([[0], made, [0]]))).max()
    assert max_step < 1.6 * np.abs(np.diff(tone)).max()


def test_what_follows_the_last_stretch_is_not_decoded() -> None:
    taken = 0

    def blocks() -> Iterator[Samples]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield np.ones(80, np.float32)

    assert sum(map(len, cut_samples(blocks(), [(200, 1_000)], 1_000, rate=RATE, channels=1))) == 1_600
    assert taken == 20


def test_samples_are_given_away_as_they_come() -> None:
    fed = given_away = 0

    def blocks() -> Iterator[Samples]:
        nonlocal fed
        for _ in range(1_000):
            # Half of it is cut out; what is held back is a fade, and the block that is being worked on.
            assert fed // 2 - given_away <= 400 + 80
            fed += 80
            yield np.ones(80, np.float32)

    for each in cut_samples(blocks(), [(100 * at, 100 * at + 50) for at in range(100)], 10_000, rate=RATE, channels=1):
        given_away += len(each)
    assert given_away == 50 * 100 * 8
