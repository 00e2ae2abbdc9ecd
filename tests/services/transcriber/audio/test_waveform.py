"""What is computed without I/O: waveforms, missing time, the places of packets."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.transcriber.audio.clock import MAX_GAP_S
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples
from services.transcriber.audio.timeline import Timeline
from services.transcriber.audio.waveform import MAX_PEAKS, MIN_SPAN_SAMPLES, Peaks


def waveform_of(*parts: Samples) -> list[int]:
    peaks = Peaks()
    for part in parts:
        peaks.add(part)
    return peaks.values()


def test_peaks_follow_the_audio() -> None:
    quiet, loud = np.full(SAMPLE_RATE, 0.1, np.float32), np.full(SAMPLE_RATE, -1.5, np.float32)
    values = waveform_of(quiet, loud, quiet)
    assert len(values) == 300
    assert values[50] == values[250] == round(0.1 * 255)
    assert values[150] == 255  # below zero counts as above, and nothing is louder than full scale


def test_no_audio_has_no_peaks_and_the_shortest_has_one() -> None:
    assert waveform_of() == []
    assert waveform_of(np.full(1, 0.5, np.float32)) == [128]


@settings(deadline=None)
@example(seconds=30.035, click=0.99999, cuts=[])  # a rest that belongs to the last stretch
@given(
    seconds=st.floats(0.001, 400),
    click=st.floats(0, 1, exclude_max=True),
    cuts=st.lists(st.floats(0, 1), max_size=20),
)
def test_peaks_do_not_depend_on_the_blocks_and_miss_no_sample(seconds: float, click: float, cuts: list[float]) -> None:
    sound = np.zeros(max(1, int(seconds * SAMPLE_RATE)), np.float32)
    place = int(click * len(sound))
    sound[place] = 1
    values = waveform_of(*np.split(sound, sorted(int(cut * len(sound)) for cut in cuts)))
    assert values == waveform_of(sound)
    assert 1 <= len(values) <= MAX_PEAKS
    assert values.count(255) == 1
    assert sum(values) == 255
    # All stretches are equally long, but for the last: the click is in the one that its place says.
    span = MIN_SPAN_SAMPLES
    while -(-len(sound) // span) > MAX_PEAKS:
        span *= 2
    assert values.index(255) == place // span


def test_packets_keep_their_times_and_sources_follow_each_other() -> None:
    line = Timeline(1000)
    assert [line.place_packet(at, 20) for at in (-7, 13, 33, 93)] == [-7, 13, 33, 93]  # 40 ms were lost before the last
    line.start_source()
    assert [line.place_packet(at, 20) for at in (500, 520)] == [113, 133]
    line.start_source()
    assert [line.place_packet(at, 20) for at in (None, None)] == [153, 173]
    assert line.end == 193


def test_a_jump_of_the_clock_is_closed() -> None:
    line = Timeline(1000)
    hour, later = 3_600_000, 3 * 3_600_000
    assert [line.place_packet(at, 20) for at in (hour, hour + 20)] == [0, 20]
    assert line.place_packet(later, 20) == 40
    assert line.place_packet(later + 20, 20) == 60
    hole = MAX_GAP_S * 1000
    assert line.place_packet(later + 40 + hole, 20) == 80 + hole


@settings(deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-(2**40), 2**40), st.integers(0, 10_000)), max_size=50))
def test_times_always_grow(packets: list[tuple[int | None, int]]) -> None:
    line = Timeline(48_000)
    places = [line.place_packet(at, length) for at, length in packets]
    assert all(earlier < later for earlier, later in pairwise(places))
