"""The speech that all cases are made of, and where its words are.

The samples carry their own clock: wherever a stretch of them is found in another file, its place in the speech is known
to the millisecond, without a recognizer.
"""

from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.speech import DATA

RATE = 48_000
"""Samples a second of `speech()`."""

FILES = DATA / "cases"

LENGTH_S = 11.0

Sound = NDArray[np.float32]

WORDS: tuple[tuple[str, float], ...] = (
    ("and", 0.74), ("so", 1.08), ("my", 1.42), ("fellow", 1.76), ("americans", 2.26), ("ask", 3.7), ("not", 4.4),
    ("what", 5.65), ("your", 6.02), ("country", 6.36), ("can", 6.76), ("do", 7.02), ("for", 7.26), ("you", 7.7),
    ("ask", 8.5), ("what", 8.94), ("you", 9.28), ("can", 9.5), ("do", 9.72), ("for", 9.92), ("your", 10.24),
    ("country", 10.48),
)  # fmt: skip
"""Each word, and where it ends, in seconds."""

FIRST_WORDS_S, LAST_WORDS_S = (0.25, 2.1), (8.1, 10.4)
"""Stretches that are looked for in a file, to learn where its first and its last word stand."""


@cache
def speech(from_s: float = 0.0, to_s: float = LENGTH_S) -> Sound:
    """The speech, or a part of it: one row of samples at `RATE`."""
    return _load()[:, round(from_s * RATE) : round(to_s * RATE)]


def said(from_s: float = 0.0, to_s: float = LENGTH_S) -> str:
    """The words that end in this part of the speech."""
    return " ".join(word for word, end_s in WORDS if from_s < end_s <= to_s)


def silence(seconds: float) -> Sound:
    return np.zeros((1, round(seconds * RATE)), np.float32)


def stored(name: str) -> bytes:
    """A file of `tests/data/cases`."""
    return (FILES / name).read_bytes()


@cache
def _load() -> Sound:
    with av.open(str(FILES / "speech.flac")) as source:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames: list[Any] = [piece for frame in source.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    sound = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)[:, : round(LENGTH_S * RATE)]
    sound.flags.writeable = False
    return sound
