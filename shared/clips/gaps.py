"""What was not heard of a recording: where, for how long, and why. Pure, as the verbs of a clip are."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.db.columns import MAX_DURATION_MS

LOST = "lost"
"""The cause of a gap whose length nobody knows: the recorder fell silent before it said that it was done."""

UNHEARD = "unheard"
"""The cause of a gap that is a part of the recording: its bytes are kept, and nothing can be heard in them."""

MISSING = "missing"
"""The cause of a gap that nobody saw: the audio is shorter than what was recorded."""

MIN_MISSING_MS, MIN_MISSING_RATIO = 1_000, 0.01
"""Missing sound that is spoken of. Recorders stop up to a second late, and clocks of sound cards differ by less."""


def new_gap(at_ms: int, length_ms: int, cause: str) -> dict[str, Any]:
    """A gap as a clip keeps it; 0 is a length that nobody knows."""
    return {"at_ms": min(at_ms, MAX_DURATION_MS), "length_ms": min(length_ms, MAX_DURATION_MS), "cause": cause}


def missing_audio(told_ms: int, heard_ms: int, gaps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The gap between what a recorder says it recorded and the sound that is there, if there is one.

    The other gaps are no part of what it recorded, and one that was found before is not found again.
    """
    known = sum(found["length_ms"] for found in gaps if found["cause"] == MISSING)
    short = told_ms - known - heard_ms
    if short <= max(MIN_MISSING_MS, MIN_MISSING_RATIO * told_ms):
        return []
    return [new_gap(heard_ms, short, MISSING)]
