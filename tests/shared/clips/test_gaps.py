"""What is missing, by what a recorder told and what can be heard."""

import pytest

from shared.clips.gaps import MISSING, missing_audio, new_gap
from shared.clips.schemas import Gap
from shared.db.columns import MAX_DURATION_MS

MUTED = {"at_ms": 0, "length_ms": 30_000, "cause": "muted"}
FROZEN = {"at_ms": 0, "length_ms": 5_000, "cause": "frozen"}


@pytest.mark.parametrize(
    ("told_ms", "heard_ms", "gaps", "found_ms"),
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
def test_sound_that_is_shorter_than_the_time_says_so(
    told_ms: int, heard_ms: int, gaps: list[dict[str, object]], found_ms: int | None
) -> None:
    found = missing_audio(told_ms, heard_ms, gaps)
    assert found == ([] if found_ms is None else [{"at_ms": heard_ms, "length_ms": found_ms, "cause": "missing"}])
    # Preparing again finds nothing more.
    assert missing_audio(told_ms, heard_ms, [*gaps, *found]) == []


def test_whatever_a_file_claims_a_gap_can_be_shown() -> None:
    [found] = missing_audio(2**33, 2**32, [])
    assert found == new_gap(MAX_DURATION_MS, MAX_DURATION_MS, MISSING)
    Gap.model_validate(found)
