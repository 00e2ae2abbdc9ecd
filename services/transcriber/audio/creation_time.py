"""When a file's sound was made, as its container says.

FFmpeg names what it finds: `creation_time` is the header's of MP4, QuickTime and Matroska (UTC), `date` is ©day, ICRD,
an ID3 date or Vorbis' DATE, and of a broadcast WAV each is a half of what its bext chunk says.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import IO

from services.transcriber.audio.demux import open_audio
from shared.clips.dates import plausible_date

_WITH_ZONE = "com.apple.quicktime.creationdate"
"""Apple's cameras and phones write the local time with its zone here, and UTC into the header."""

_DAY = re.compile(r"(\d{4})[-:/._ ](\d\d)[-:/._ ](\d\d)")
_TIME = re.compile(r"(\d\d)[-:._ ](\d\d)[-:._ ](\d\d)")

_SAME_DAY = timedelta(hours=36)
"""Between noon in UTC and any moment of that day anywhere."""


def read_creation_time(file: IO[bytes], known: datetime, now: datetime) -> datetime | None:
    """The date in a file that can be opened. None: it has none, or one that says less than `known`."""
    with open_audio(file) as (container, _):
        return creation_time([container.metadata, *(stream.metadata for stream in container.streams)], known, now)


def creation_time(metadata: Iterable[Mapping[str, str]], known: datetime, now: datetime) -> datetime | None:
    """The first plausible date in the metadata of a container and its streams; local times without a zone are UTC.

    A day without a time of day yields to `known` if that is on the same day. A year alone, an album's, is no date.
    """
    for tags in metadata:
        lower = {key.lower(): value.strip() for key, value in tags.items()}
        for text in _candidates(lower):
            instant, day = _parse_instant(text), _parse_day(text)
            if day and abs(day - known) <= _SAME_DAY:
                return None
            if (said := instant or day) and (plausible := plausible_date(said, now)):
                return plausible
    return None


def _candidates(tags: Mapping[str, str]) -> list[str]:
    """Texts that may be dates, the best first."""
    date, created = tags.get("date", ""), tags.get("creation_time", "")
    if (day := _DAY.fullmatch(date)) and (time := _TIME.fullmatch(created)):  # bext: one of them is only the time
        created = f"{'-'.join(day.groups())}T{':'.join(time.groups())}"
    is_whole = not _DAY.fullmatch(date)
    return [tags.get(_WITH_ZONE, ""), *([date, created] if is_whole else [created, date])]


def _parse_instant(text: str) -> datetime | None:
    if len(text) <= len("2026-11-30"):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _parse_day(text: str) -> datetime | None:
    """Noon of the day, which is on the same day nearly everywhere."""
    if day := _DAY.fullmatch(text):
        year, month, number = (int(group) for group in day.groups())
        try:
            return datetime(year, month, number, 12, tzinfo=UTC)
        except ValueError:
            return None
    return None
