"""Gaps: the difference between the recorded time and the audio."""

import pytest

from shared.clips.gaps import MISSING, missing_audio, new_gap
from shared.clips.schemas import Gap
from shared.db.columns import MAX_DURATION_MS

MUTED = {"at_ms": 0, "length_ms": 30_000, "cause": "muted"}
FROZEN = {"at_ms": 0, "length_ms": 5_000, "cause": "frozen"}


@pytest.mark.parametrize(
    ("recorded_ms", "audio_ms", "gaps", "missing_ms"),
    [
        (60_000, 60_000, [], None),
        (60_000, 70_000, [], None),
        (60_000, 59_000, [], None),
        (60_000, 58_900, [], 1_100),
        (3_600_000, 3_565_000, [], None),
        (3_600_000, 3_560_000, [], 40_000),
        (60_000, 55_000, [FROZEN], 5_000),
        (60_000, 60_000, [FROZEN], None),
        (60_000, 30_000, [MUTED], 30_000),
        (0, 60_000, [], None),
    ],
)
def test_audio_that_is_shorter_than_the_recording_has_a_gap(
    recorded_ms: int, audio_ms: int, gaps: list[dict[str, object]], missing_ms: int | None
) -> None:
    missing = missing_audio(recorded_ms, audio_ms, gaps)
    assert missing == ([] if missing_ms is None else [{"at_ms": audio_ms, "length_ms": missing_ms, "cause": "missing"}])
    # A second preparation finds no further gap.
    assert missing_audio(recorded_ms, audio_ms, [*gaps, *missing]) == []


def test_a_gap_of_any_claimed_length_fits_the_schema() -> None:
    [missing] = missing_audio(2**33, 2**32, [])
    assert missing == new_gap(MAX_DURATION_MS, MAX_DURATION_MS, MISSING)
    Gap.model_validate(missing)
