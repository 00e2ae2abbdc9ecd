"""Remarks: what a person should know about a clip's sound although its words are there. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any

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


def remark(kind: str, **details: Any) -> dict[str, Any]:
    """A remark as the column `Clip.remarks` holds it."""
    return {"kind": kind, **details}


def readable_remarks(stored: Any) -> list[dict[str, Any]]:
    """The remarks of a row that have a kind, known or not: a newer release may have written others."""
    if not isinstance(stored, list):
        return []
    return [each for each in stored if isinstance(each, dict) and isinstance(each.get("kind"), str)]


def replace_remarks(
    remarks: Iterable[Mapping[str, Any]], kinds: Iterable[str], new: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The remarks with those of these kinds replaced by new ones: each job replaces those that it finds out."""
    replaced = set(kinds)
    return [*(dict(each) for each in remarks if each["kind"] not in replaced), *(dict(each) for each in new)]
