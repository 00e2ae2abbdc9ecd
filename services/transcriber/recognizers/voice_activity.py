"""Where somebody speaks: Silero's detector, which comes with faster-whisper."""

from importlib.util import find_spec

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples

MIN_SILENCE_MS = 500
"""Shorter silence does not end a stretch of speech. With the detector's default of 2000, sentences went missing."""

SpeechSpan = tuple[float, float]
"""Start and end of a stretch of speech, in seconds."""


def is_installed() -> bool:
    return find_spec("faster_whisper") is not None


def detect_speech(samples: Samples) -> list[SpeechSpan]:
    """The stretches in which somebody speaks. Silence of less than half a second does not divide them."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=MIN_SILENCE_MS, speech_pad_ms=0)
    spans = get_speech_timestamps(samples, options)
    return [(span["start"] / SAMPLE_RATE, span["end"] / SAMPLE_RATE) for span in spans]
