"""Which audio every browser plays: the table against its own criterion, and media types as they are stored."""

import pytest

from shared.clips.renditions import MEDIA_TYPES
from shared.clips.universal import PLAYABLE, is_universal


@pytest.mark.parametrize(
    ("mime", "codec", "expected"),
    [
        ("audio/mp4", "aac", True),
        ("audio/mp4;codecs=mp4a.40.2", None, True),
        ('video/mp4; codecs="mp4a.40.2"', None, True),
        ("audio/mp4", "alac", False),
        ("audio/mp4;codecs=alac", None, False),
        ("video/quicktime", "aac", False),
        ("audio/mpeg", "mp3float", True),
        ("audio/mpeg;codecs=mp2", None, False),
        ("audio/wav;codecs=1", "pcm_s16le", True),
        ("audio/wav", "pcm_f64le", False),
        ("audio/wav", "gsm_ms", False),
        ("audio/flac", "flac", True),
        ("audio/webm;codecs=opus", "opus", True),
        ("audio/webm", None, True),
        ("audio/ogg", "opus", False),
        ("audio/amr", None, False),
        ("audio/aac", "aac", False),
        ("audio/x-caf", "aac", False),
    ],
)
def test_universal_is_what_every_browser_in_use_plays(mime: str, codec: str | None, expected: bool) -> None:
    assert is_universal(mime, codec) is expected


def test_what_is_made_for_every_device_is_universal() -> None:
    assert all(is_universal(mime) for mime in MEDIA_TYPES.values())


def test_every_row_has_its_source() -> None:
    assert all(row.source and row.types and row.codecs for row in PLAYABLE)
