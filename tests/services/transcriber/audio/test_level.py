"""How loud a sound is, and what its codec is called."""

import numpy as np
import pytest

from services.transcriber.audio.codec_names import with_codec
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.level import MIN_DBFS, LevelMeter


def test_the_level_is_that_of_the_voice_and_not_of_the_pauses() -> None:
    tone = 0.1 * np.sin(np.arange(SAMPLE_RATE) / 5).astype(np.float32)
    meter = LevelMeter()
    for samples in (np.zeros(8 * SAMPLE_RATE, np.float32), *np.array_split(tone, 7), tone * np.float32(0.001)):
        meter.add(samples)
    assert meter.level.peak_dbfs == pytest.approx(-20, abs=0.1)
    assert meter.level.speech_dbfs == pytest.approx(-23, abs=1)


def test_nothing_has_the_lowest_level() -> None:
    meter = LevelMeter()
    assert meter.level.speech_dbfs == MIN_DBFS
    meter.add(np.zeros(SAMPLE_RATE, np.float32))
    assert (meter.level.peak_dbfs, meter.level.speech_dbfs) == (MIN_DBFS, MIN_DBFS)


@pytest.mark.parametrize(
    ("mime", "demuxer", "name", "expected"),
    [
        ("audio/mp4", "mov", "alac", "audio/mp4;codecs=alac"),
        ('audio/mp4; codecs="mp4a.40.5"', "mov", "mp4a.40.2", 'audio/mp4; codecs="mp4a.40.5"'),
        ("video/webm;codecs=vp8,opus", "matroska", "opus", "video/webm;codecs=vp8,opus"),
        ("audio/webm;codecs=opus", "mov", "mp4a.40.2", "audio/webm;codecs=mp4a.40.2"),
        ("audio/mpeg", "mp3", None, "audio/mpeg"),
        ("application/octet-stream", "ogg", "opus", "audio/ogg;codecs=opus"),
    ],
)
def test_a_media_type_names_the_codec(mime: str, demuxer: str, name: str | None, expected: str) -> None:
    assert with_codec(mime, demuxer, name) == expected
