"""Gaps of a recording: where sound is missing, for how long, and why. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.db.columns import MAX_DURATION_MS

LOST = "lost"
"""Cause of a gap of unknown length: the recorder fell silent before it said that the recording had ended."""

UNHEARD = "unheard"
"""Cause of a gap that is part of the recording: its bytes are kept, and no sound can be decoded from them."""

MISSING = "missing"
"""Cause of a gap that nobody noticed: the audio is shorter than the time that was recorded."""

MIN_MISSING_MS, MIN_MISSING_RATIO = 1_000, 0.01
"""Less missing sound is no gap: recorders stop up to a second late, and clocks of sound cards differ by under 1 %."""


def new_gap(at_ms: int, length_ms: int, cause: str) -> dict[str, Any]:
    """A gap as the column `Clip.gaps` holds it. A length of 0 is unknown."""
    return {"at_ms": min(at_ms, MAX_DURATION_MS), "length_ms": min(length_ms, MAX_DURATION_MS), "cause": cause}


def readable_gaps(stored: Any) -> list[dict[str, Any]]:
    """The gaps with a place, a length and a cause, known or not. A newer release may have written others."""
    return [gap for gap in stored if _is_readable(gap)] if isinstance(stored, list) else []


def _is_readable(gap: Any) -> bool:
    if not isinstance(gap, Mapping) or not isinstance(gap.get("cause"), str):
        return False
    times = (gap.get("at_ms"), gap.get("length_ms"))
    return all(isinstance(ms, int) and 0 <= ms <= MAX_DURATION_MS for ms in times)


def missing_audio(recorded_ms: int, audio_ms: int, gaps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The gap between the time that the recorder reports and the length of the audio; empty if there is none.

    Of the known gaps, only those with the cause `MISSING` are part of `recorded_ms`, so that no gap is found twice.
    """
    already_missing_ms = sum(gap["length_ms"] for gap in gaps if gap["cause"] == MISSING)
    missing_ms = recorded_ms - already_missing_ms - audio_ms
    if missing_ms <= max(MIN_MISSING_MS, MIN_MISSING_RATIO * recorded_ms):
        return []
    return [new_gap(audio_ms, missing_ms, MISSING)]
