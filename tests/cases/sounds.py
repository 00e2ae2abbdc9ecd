"""Several tracks and channels, and sound at many levels."""

from collections.abc import Sequence

import numpy as np

from tests.cases.case import Case, Copy
from tests.cases.containers import AAC, muxed
from tests.cases.encode import Picture, Track, mux
from tests.cases.source import LENGTH_S, RATE, Sound, silence, speech
from tests.cases.surgery import replaced

SILENT = Track("aac", [(0.0, silence(LENGTH_S))])


def gained(db: float) -> Sound:
    """The speech at another level; its loudest sample is at −2 dB of full scale."""
    return speech() * np.float32(10 ** (db / 20))


HALF_QUIET = np.concatenate([gained(-40)[:, : 5 * RATE], speech(5.0)], axis=1)


def channels(*sounds: Sound) -> Sound:
    return np.concatenate(sounds)


NOTHING = silence(LENGTH_S)
CENTRE = channels(NOTHING, NOTHING, speech(), NOTHING, NOTHING, NOTHING)
FRONT = channels(speech(), speech(), NOTHING, NOTHING, NOTHING, NOTHING)
"""5.1: left, right, centre, low frequencies, and two behind."""


def _level(db: float, codec: str = "pcm_s16le", *, has_words: bool = True) -> Case:
    bits = {"pcm_s16le": "16bit", "pcm_s24le": "24bit", "pcm_f32le": "float"}[codec]
    return Case(
        f"quiet{db:g}dB-{bits}.wav",
        muxed("wav", Track(codec, [(0.0, gained(db))])),
        "audio/wav",
        remarks=("quiet",) if -78 < db <= -40 else (),  # peaks below -40 dBFS; below -80 there is nothing
        has_true_clock=None,
        has_words=has_words,
    )


def _two_voices() -> bytes:
    """A conversation: one track speaks, and then the other."""
    first = Track("aac", [(0.0, channels(np.concatenate([speech(), silence(LENGTH_S)], axis=1)))])
    second = Track("aac", [(0.0, channels(np.concatenate([silence(LENGTH_S), speech()], axis=1)))])
    return mux("matroska", Picture("libx264", seconds=22), first, second)


TRACKS: Sequence[Case] = (
    Case("silent-first.mkv", muxed("matroska", Picture("libx264"), SILENT, AAC), "audio/x-matroska",
         has_true_clock=False, remarks=("tracks",)),
    Case("silent-first.mp4", muxed("mp4", SILENT, AAC), "audio/mp4", has_true_clock=False, remarks=("tracks",)),
    Case("silent-second.mp4", muxed("mp4", AAC, SILENT), "audio/mp4", has_true_clock=None, remarks=("tracks",)),
    Case("two-voices.mkv", _two_voices, "audio/x-matroska", (Copy(), Copy(LENGTH_S)), 2 * LENGTH_S,
         has_true_clock=False, remarks=("tracks",)),
    Case("unknown-second.mov", lambda: replaced(mux("mov", AAC, Track("ac3")), b"ac-3", b"apac"), "audio/mp4",
         has_true_clock=False, remarks=("tracks",)),
    Case("unknown-first.mov", lambda: replaced(mux("mov", Track("ac3"), AAC), b"ac-3", b"apac"), "audio/mp4",
         has_true_clock=False, remarks=("tracks",)),
    Case("opposite-phase.wav", muxed("wav", Track("pcm_s16le", [(0.0, channels(speech(), -speech()))])), "audio/wav",
         has_true_clock=None, remarks=("opposite-phase",)),
    Case("opposite-phase.m4a", muxed("ipod", Track("aac", [(0.0, channels(speech(), -speech()))])), "audio/mp4",
         has_true_clock=None, remarks=("opposite-phase",)),
    Case("opposite-phase.mp3", muxed("mp3", Track("libmp3lame", [(0.0, channels(speech(), -speech()))])), "audio/mpeg",
         has_true_clock=None, remarks=("opposite-phase",)),
    Case("one-channel-empty.wav", muxed("wav", Track("pcm_s16le", [(0.0, channels(speech(), silence(LENGTH_S)))])),
         "audio/wav"),
    Case("one-channel-empty.webm", muxed("webm", Track("libopus", [(0.0, channels(silence(LENGTH_S), speech()))])),
         "audio/webm"),
    Case("surround-centre.ac3",
         muxed("ac3", Track("ac3", [(0.0, CENTRE)])),
         "audio/ac3", has_true_clock=False),
    Case("surround-centre.flac",
         muxed("flac", Track("flac", [(0.0, CENTRE)])),
         "audio/flac", has_true_clock=False),
    Case("surround-front.m4a", muxed("ipod", Track("aac", [(0.0, FRONT)])), "audio/mp4", has_true_clock=False),
    Case("no-sound-in-it.wav", muxed("wav", Track("pcm_s16le", [(0.0, silence(LENGTH_S))])), "audio/wav", (),
         has_true_clock=None),
    Case("short-0.3s.wav", muxed("wav", Track("pcm_s16le", [(0.0, speech(0.5, 0.8))])), "audio/wav",
         (Copy(0, 0.5, 0.8),), 0.3, has_words=False),
    Case("short-0.3s.m4a", muxed("ipod", Track("aac", [(0.0, speech(0.5, 0.8))])), "audio/mp4",
         (Copy(0, 0.5, 0.8),), 0.3, has_words=False),
)  # fmt: skip

LEVELS: Sequence[Case] = (
    _level(-20),
    _level(-40),
    _level(-50),
    _level(-60, "pcm_s24le"),
    _level(-80, "pcm_f32le", has_words=False),
    _level(6, "pcm_f32le"),
    Case("quiet-50dB.webm", muxed("webm", Track("libopus", [(0.0, gained(-50))])), "audio/webm", remarks=("quiet",),
         has_true_clock=None),
    Case("quiet-half.m4a", muxed("ipod", Track("aac", [(0.0, HALF_QUIET)])), "audio/mp4", has_true_clock=None),
)  # fmt: skip
