"""How loud a sound is: its peak, and its loudness where somebody speaks."""

from dataclasses import dataclass

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples

WINDOW_SAMPLES = SAMPLE_RATE // 20
"""50 ms: a vowel fills one."""

SPEECH_SHARE = 0.05
"""The loudest windows, of those that have sound: pauses and noise between words do not count as speech."""

MIN_DBFS = -120
"""Digital silence. A converter of 16 bits has -96."""


@dataclass(frozen=True)
class Level:
    """In decibels of full scale."""

    peak_dbfs: float
    speech_dbfs: float
    """RMS that the loudest twentieth of all windows with sound reaches."""


class LevelMeter:
    """Measures in constant memory whatever the length of the sound."""

    def __init__(self) -> None:
        self._remainder = np.empty(0, np.float32)
        self._peak = 0.0
        self._windows = np.zeros(1 - MIN_DBFS, np.int64)
        """How many windows had an RMS of 0 dBFS and more, of -1 …"""

    def add(self, samples: Samples) -> None:
        joined = np.concatenate([self._remainder, samples])
        whole = len(joined) // WINDOW_SAMPLES * WINDOW_SAMPLES
        self._remainder = joined[whole:]
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0)))
        windows = joined[:whole].reshape(-1, WINDOW_SAMPLES)
        squares = np.einsum("nw,nw->n", windows, windows) / WINDOW_SAMPLES
        decibels = 10 * np.log10(np.maximum(squares, 10 ** (MIN_DBFS / 10)))
        np.add.at(self._windows, np.clip(np.ceil(-decibels).astype(int), 0, -MIN_DBFS), 1)

    @property
    def level(self) -> Level:
        with_sound = self._windows[:-1]  # the last one is digital silence
        loudest = np.searchsorted(np.cumsum(with_sound), SPEECH_SHARE * with_sound.sum())
        speech_dbfs = -float(loudest) if with_sound.any() else float(MIN_DBFS)
        return Level(max(MIN_DBFS, 20 * float(np.log10(max(self._peak, 1e-6)))), speech_dbfs)
