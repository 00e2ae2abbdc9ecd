"""The waveform that pages draw of a clip."""

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples

MAX_PEAKS = 1_000
"""One for each pixel of a wide page."""

MIN_SPAN_SAMPLES = SAMPLE_RATE // 100
"""Shortest stretch with a peak of its own, 10 ms: one bar of a short note."""


class Peaks:
    """The loudest sample of each of equally long stretches, in constant memory whatever the length of the audio."""

    def __init__(self) -> None:
        self._remainder = np.empty(0, np.float32)
        """Samples that do not fill a shortest stretch yet."""
        self._peaks: list[float] = []
        self._span = 1
        """Shortest stretches in one peak. It doubles whenever there are too many peaks."""
        self._filled = 1
        """Shortest stretches in the last peak."""
        self.samples = 0

    def add(self, samples: Samples) -> None:
        self.samples += len(samples)
        amplitudes = np.concatenate([self._remainder, np.abs(samples)])
        whole = len(amplitudes) // MIN_SPAN_SAMPLES * MIN_SPAN_SAMPLES
        self._remainder = amplitudes[whole:]
        for peak in amplitudes[:whole].reshape(-1, MIN_SPAN_SAMPLES).max(axis=1).tolist():
            self._add_peak(peak)

    def values(self) -> list[int]:
        """At most `MAX_PEAKS` numbers from 0 to 255, full scale."""
        peaks = list(self._peaks)
        if len(self._remainder):
            last = float(self._remainder.max())
            if self._filled < self._span:
                peaks[-1] = max(peaks[-1], last)
            else:
                peaks.append(last)
        while len(peaks) > MAX_PEAKS:
            peaks = _halve(peaks)
        return [round(min(peak, 1.0) * 255) for peak in peaks]

    def _add_peak(self, peak: float) -> None:
        if self._filled < self._span:
            self._peaks[-1] = max(self._peaks[-1], peak)
            self._filled += 1
            return
        if len(self._peaks) == 2 * MAX_PEAKS:
            self._peaks = _halve(self._peaks)
            self._span *= 2
        self._peaks.append(peak)
        self._filled = 1


def _halve(peaks: list[float]) -> list[float]:
    return [max(peaks[index : index + 2]) for index in range(0, len(peaks), 2)]
