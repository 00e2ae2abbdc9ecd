"""The markers of a clip: moments that somebody noted. Pure functions.

A change names the markers that it sets and removes, and no others: what two people do at once both counts.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from shared.db.columns import MAX_DURATION_MS

MAX_MARKERS = 500
"""Markers of one clip: one each minute for a whole working day."""

MAX_MARKER_CHARS = 200
"""Characters of a marker: a line. What is longer belongs into the notes."""

MAX_MARKER_ID_CHARS = 64
"""Characters of a marker's id, which its client makes: a UUID, or whatever else is unique."""

MAX_NOTES_CHARS = 20_000
"""Characters of a clip's notes: some ten pages."""


def change_markers(
    markers: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]], removed: Collection[str]
) -> list[dict[str, Any]]:
    """The markers with these set by their id and those removed, in the order of time.

    Raises `ValueError` with a sentence if they become too many.
    """
    by_id = {each["id"]: dict(each) for each in [*markers, *new] if each["id"] not in removed}
    if len(by_id) > MAX_MARKERS:
        raise ValueError(f"a clip can have at most {MAX_MARKERS} markers; these are {len(by_id)}")
    return sorted(by_id.values(), key=lambda each: (each["at_ms"], each["id"]))


def readable_markers(stored: Any) -> list[dict[str, Any]]:
    """The markers of a row that have an id, a time and a text: a newer release may have written others."""
    return [each for each in stored if _is_readable(each)] if isinstance(stored, list) else []


def _is_readable(each: Any) -> bool:
    if not isinstance(each, dict) or not all(isinstance(each.get(name), str) for name in ("id", "text")):
        return False
    at_ms = each.get("at_ms")
    return isinstance(at_ms, int) and 0 <= at_ms <= MAX_DURATION_MS
