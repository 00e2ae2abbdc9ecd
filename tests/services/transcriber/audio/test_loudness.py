"""Quiet sound is amplified moment by moment, never beyond its bounds, and a quiet clip says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.loudness import AUDIBLE_PEAK, MAX_GAIN, TARGET_PEAK, amplify_quiet, remarks_of
from services.transcriber.audio.samples import Samples
from services.transcriber.audio.waveform import Peaks
from shared.clips.remarks import QUIET


def dbfs(level: float) -> float:
    return float(10 ** (level / 20))


def tone(level: float, seconds: float) -> Samples:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (dbfs(level) * np.sin(2 * np.pi * 300 * at)).astype(np.float32)


def peak(samples: Samples) -> float:
    return float(np.abs(samples).max())


def level_of(samples: Samples) -> float:
    peaks = Peaks()
    peaks.add(samples)
    return peaks.level


# -- the gain ----------------------------------------------------------------------------------------------------------


def test_sound_that_is_loud_enough_stays_as_it_is() -> None:
    loud = tone(-12, 5)
    assert amplify_quiet(loud) is loud
    assert not len(amplify_quiet(np.empty(0, np.float32)))


@pytest.mark.parametrize("level", [-30, -52, -59])
def test_quiet_sound_reaches_the_target(level: float) -> None:
    assert peak(amplify_quiet(tone(level, 5))) == pytest.approx(TARGET_PEAK, rel=0.01)


def test_the_gain_has_a_bound() -> None:
    assert peak(amplify_quiet(tone(-90, 5))) == pytest.approx(dbfs(-90) * MAX_GAIN, rel=0.01)
    assert peak(amplify_quiet(np.zeros(SAMPLE_RATE, np.float32))) == 0


def test_a_quiet_voice_beside_a_loud_one_is_amplified_and_the_loud_one_is_not() -> None:
    sound = np.concatenate([tone(-6, 5), tone(-52, 5), tone(-6, 5)])
    loud, quiet, loud_again = np.split(amplify_quiet(sound), 3)
    assert np.array_equal(loud, tone(-6, 5))
    assert np.array_equal(loud_again, tone(-6, 5))
    middle = quiet[SAMPLE_RATE:-SAMPLE_RATE]
    assert peak(middle) > TARGET_PEAK / 2


@given(st.lists(st.tuples(st.floats(-110, 20), st.integers(1, 30_000)), min_size=1, max_size=12))
def test_no_sample_is_amplified_beyond_the_target(parts: list[tuple[float, int]]) -> None:
    noise = np.random.default_rng(1)
    sound = np.concatenate([dbfs(level) * noise.uniform(-1, 1, length) for level, length in parts]).astype(np.float32)
    amplified = amplify_quiet(sound)
    assert len(amplified) == len(sound)
    assert (np.abs(amplified) <= np.maximum(np.abs(sound), TARGET_PEAK) * 1.001).all()
    assert (np.abs(amplified) <= np.abs(sound) * MAX_GAIN * 1.001).all()
    assert (np.abs(amplified) >= np.abs(sound)).all()


# -- what the clip says of it, and shows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "is_quiet"), [(0, False), (-30, False), (-41, True), (-67, True), (-79, True), (-90, False)]
)
def test_a_quiet_clip_says_so(level: float, is_quiet: bool) -> None:
    assert [each["kind"] for each in remarks_of(level_of(tone(level, 2)))] == [QUIET] * is_quiet


def test_silence_is_not_called_quiet() -> None:
    assert remarks_of(level_of(np.zeros(SAMPLE_RATE, np.float32))) == []
    assert remarks_of(Peaks().level) == []


def test_a_click_is_not_the_level_of_a_clip() -> None:
    quiet = tone(-52, 10)
    quiet[:100] = quiet[-1000:] = 1
    assert AUDIBLE_PEAK < level_of(quiet) < dbfs(-51)
    assert level_of(tone(-12, 0.2)) == pytest.approx(dbfs(-12), rel=0.01)
    assert level_of(np.concatenate([quiet, tone(-12, 1)])) == pytest.approx(dbfs(-12), rel=0.01)


def test_the_waveform_of_a_quiet_clip_shows_its_shape() -> None:
    peaks = Peaks()
    peaks.add(np.concatenate([tone(-46, 1), tone(-52, 1), tone(-70, 1)]))
    values = peaks.values()
    assert [values[50], values[150], values[250]] == [26, 13, 2]
