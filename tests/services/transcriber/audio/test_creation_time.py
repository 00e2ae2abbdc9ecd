"""When a file's sound was made: real files of each container, and what their metadata may say."""

import io
import struct
from datetime import UTC, datetime

import pytest

from services.transcriber.audio.creation_time import creation_time, read_creation_time
from tests import speech
from tests.odd_files import encoded

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SAID = "2024-05-17T15:32:10"
AT = datetime(2024, 5, 17, 15, 32, 10, tzinfo=UTC)


def broadcast_wav(day: bytes, time: bytes) -> bytes:
    """A WAV with a bext chunk (EBU Tech 3285)."""
    wav = speech.wav(speech.samples(speech.ALL[:1])[: speech.RATE])
    bext = bytes(256 + 32 + 32) + day + time + bytes(8 + 2 + 254)
    return wav[:12] + b"bext" + struct.pack("<I", len(bext)) + bext + wav[12:]


def found(body: bytes, known: datetime = NOW) -> datetime | None:
    return read_creation_time(io.BytesIO(body), known, NOW)


@pytest.mark.parametrize(
    ("container", "codec", "key", "value", "expected"),
    [
        ("mp4", "aac", "creation_time", f"{SAID}Z", AT),
        ("mov", "aac", "creation_time", f"{SAID}Z", AT),
        ("matroska", "libopus", "creation_time", f"{SAID}Z", AT),
        ("ogg", "libopus", "date", SAID, AT),
        ("flac", "flac", "date", "2024-05-17", AT.replace(hour=12, minute=0, second=0)),
        ("mp3", "libmp3lame", "date", SAID, AT),
        ("wav", "pcm_s16le", "date", SAID, AT),
        ("mp3", "libmp3lame", "date", "2024", None),
        ("mp4", "aac", "title", "2024-05-17", None),
    ],
)
def test_each_container_has_its_date(
    container: str, codec: str, key: str, value: str, expected: datetime | None
) -> None:
    assert found(encoded(container, codec, metadata=((key, value),))) == expected


def test_a_broadcast_wav_says_day_and_time_apart() -> None:
    assert found(broadcast_wav(b"2024-05-17", b"15:32:10")) == AT
    assert found(broadcast_wav(b"2024:05:17", b"15-32-10")) == AT
    assert found(broadcast_wav(bytes(10), bytes(8))) is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"creation_time": f"{SAID}Z", "com.apple.quicktime.creationdate": "2024-05-17T17:30:00+0200"}, "15:30:00"),
        ({"creation_time": "2024-06-01T00:00:00Z", "date": "2024-05-17T15:32:10+00:00"}, "15:32:10"),
        ({"creation_time": "1970-01-01T00:00:00Z", "date": "2024-05-17"}, "12:00:00"),
        ({"DATE": "2024-05-17"}, "12:00:00"),
        ({"date": "2024-13-45"}, None),
        ({"date": "yesterday"}, None),
        ({"date": "2024-05"}, None),
        ({"creation_time": "9999-12-31T23:59:59-14:00"}, None),
        ({}, None),
    ],
)
def test_the_best_date_is_taken(tags: dict[str, str], expected: str | None) -> None:
    at = creation_time([tags, {}], NOW, NOW)
    assert (at and f"{at:%H:%M:%S}") == expected


def test_a_day_says_less_than_a_moment_of_that_day() -> None:
    assert creation_time([{"date": "2024-05-17"}], AT, NOW) is None
    assert creation_time([{}, {"date": "2024-05-17"}], NOW, NOW) == AT.replace(hour=12, minute=0, second=0)
