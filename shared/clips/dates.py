"""Dates of files: which of them tell when sound was made, and which only that a clock was never set. Pure functions."""

from datetime import UTC, datetime, timedelta

_UNSET = tuple(datetime(year, 1, 1, 12, tzinfo=UTC) for year in (1904, 1970, 1980, 2000))
"""Where clocks begin that nobody set: QuickTime's, Unix's, FAT's, and that of many recorders."""

_UNSET_SPAN = timedelta(hours=26)
"""That day in every zone."""

_AHEAD = timedelta(days=1)
"""How far a clock may be ahead of ours: a local time without its zone is up to 14 hours."""

MIN_YEAR = 1900


def plausible_date(at: datetime, now: datetime) -> datetime | None:
    """The instant, but not later than `now`; None if no file can have been made then."""
    is_unset = any(abs(at - unset) <= _UNSET_SPAN for unset in _UNSET)
    if is_unset or at.year < MIN_YEAR or at > now + _AHEAD:
        return None
    return min(at, now)
