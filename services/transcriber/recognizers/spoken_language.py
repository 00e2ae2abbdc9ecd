"""The language of a stretch of sound, and sound shorter than Whisper's window in the form that it takes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

PADDING_S, MIN_WINDOW_S = 3.0, 8.0
"""Silence behind the audio, and the shortest window with it. On 82 s of our speech, in pieces of 2 s, the settled words
had 24 % errors with no padding, 6.7 % with 1 s, 3.8 % with 3 s and 3.3 % in full windows, which take four times as
long. Where the audio breaks off, the model repeats itself."""

MAX_SPEECH_S = 30.0 - PADDING_S
"""More does not fit into Whisper's window."""


def encode_short(model: "WhisperModel", samples: Samples) -> tuple[Any, int]:
    """The encoder's output for at most `MAX_SPEECH_S` and some silence behind it, and its number of frames."""
    from faster_whisper.transcribe import get_ctranslate2_storage

    padding_s = max(PADDING_S, MIN_WINDOW_S - len(samples) / SAMPLE_RATE)
    padded = np.pad(samples, (0, int(padding_s * SAMPLE_RATE)))
    features = model.feature_extractor(padded, padding=0)[None]
    return model.model.encode(get_ctranslate2_storage(features)), features.shape[-1]


def detect_language(model: "WhisperModel", samples: Samples) -> tuple[str, float]:
    """The most probable language of the first `MAX_SPEECH_S` (ISO 639-1), and its probability.

    The model knows several. On real French and Russian and synthetic German it is right from two seconds on.
    """
    encoded, _ = encode_short(model, samples[: int(MAX_SPEECH_S * SAMPLE_RATE)])
    [candidates] = model.model.detect_language(encoded)
    token, probability = candidates[0]
    return str(token).strip("<|>"), float(probability)
