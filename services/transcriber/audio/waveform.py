"""What is computed about a clip's sound, without any I/O: its outline, where packets belong."""

import numpy as np

from services.transcriber.audio.decode import RATE, Samples

MOST_PEAKS = 1_000
"""Values of an outline: one for each pixel of a wide page."""

FINEST = RATE // 100
"""Samples of the shortest stretch that gets a value of its own, 10 ms: a bar of a short note."""


class Peaks:
    """The loudest sample of each of equally long stretches, in constant memory, however long the sound turns out."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)
        self._loudest: list[float] = []
        self._span = 1  # finest stretches in one value
        self._filled = 1  # of those in the last value
        self.samples = 0

    def add(self, samples: Samples) -> None:
        self.samples += len(samples)
        loud = np.concatenate([self._rest, np.abs(samples)])
        whole = len(loud) // FINEST * FINEST
        self._rest = loud[whole:]
        for peak in loud[:whole].reshape(-1, FINEST).max(axis=1).tolist():
            self._take(peak)

    def values(self) -> list[int]:
        """At most `MOST_PEAKS` numbers from 0 to 255, full scale."""
        loudest = list(self._loudest)
        if len(self._rest):
            last = float(self._rest.max())
            if self._filled < self._span:
                loudest[-1] = max(loudest[-1], last)
            else:
                loudest.append(last)
        while len(loudest) > MOST_PEAKS:
            loudest = _halved(loudest)
        return [round(min(peak, 1.0) * 255) for peak in loudest]

    def _take(self, peak: float) -> None:
        if self._filled < self._span:
            self._loudest[-1] = max(self._loudest[-1], peak)
            self._filled += 1
            return
        if len(self._loudest) == 2 * MOST_PEAKS:
            self._loudest = _halved(self._loudest)
            self._span *= 2
        self._loudest.append(peak)
        self._filled = 1


def _halved(values: list[float]) -> list[float]:
    return [max(values[at : at + 2]) for at in range(0, len(values), 2)]
