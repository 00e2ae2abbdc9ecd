"""Remarks: what a person should know about a clip's sound although its words are there. Pure functions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shared.db.columns import MAX_DURATION_MS

QUIET = "quiet"
"""The sound is very quiet; it was amplified for the recognizer and for the waveform."""

TRACKS = "tracks"
"""There are several tracks. `heard`, `silent` and, where a person chose one, `left_out` are lists of their numbers."""

OPPOSITE_PHASE = "opposite-phase"
"""The channels cancel each other out; the louder one was heard."""

NOT_UNDERSTOOD = "not-understood"
"""Somebody speaks from `at_ms` on for `length_ms`, and no words were found there."""


HEARD_OTHERWISE = frozenset({QUIET, TRACKS, OPPOSITE_PHASE})
"""Kinds of sound of which others who decode the file may hear less than we do."""

KIND = re.compile("[a-z-]{1,32}")
"""The form of every kind, of newer releases too."""


def remark(kind: str, **details: Any) -> dict[str, Any]:
    """A remark as the column `Clip.remarks` holds it."""
    return {"kind": kind, **details}


def readable_remarks(stored: Any) -> list[dict[str, Any]]:
    """The remarks of a row with a kind, known or not, and readable details. A newer release may have written others."""
    return [each for each in stored if _is_readable(each)] if isinstance(stored, list) else []


def _is_readable(each: Any) -> bool:
    if not isinstance(each, dict) or not KIND.fullmatch(str(each.get("kind"))):
        return False
    times = (each.get("at_ms") or 0, each.get("length_ms") or 0)
    tracks = [each.get(name) or [] for name in ("heard", "silent", "left_out")]
    return all(isinstance(ms, int) and 0 <= ms <= MAX_DURATION_MS for ms in times) and all(
        isinstance(numbers, list) and all(isinstance(number, int) for number in numbers) for numbers in tracks
    )


def replace_remarks(
    remarks: Iterable[Mapping[str, Any]], kinds: Iterable[str], new: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The remarks with those of these kinds replaced by new ones: each job replaces those that it finds out."""
    replaced = set(kinds)
    return [*(dict(each) for each in remarks if each["kind"] not in replaced), *(dict(each) for each in new)]
