"""The waveform that pages draw of a clip."""

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.loudness import BRIEF_S, gain_for
from services.transcriber.audio.samples import Samples

MAX_PEAKS = 1_000
"""One for each pixel of a wide page."""

MIN_SPAN_SAMPLES = SAMPLE_RATE // 100
"""Shortest stretch with a peak of its own, 10 ms: one bar of a short note."""

BRIEF_SPANS = int(BRIEF_S * SAMPLE_RATE / MIN_SPAN_SAMPLES)


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
        self._loudest = np.empty(0, np.float32)
        """The peaks of the loudest shortest stretches, at most `BRIEF_SPANS`."""
        self.samples = 0

    def add(self, samples: Samples) -> None:
        self.samples += len(samples)
        amplitudes = np.concatenate([self._remainder, np.abs(samples)])
        whole = len(amplitudes) // MIN_SPAN_SAMPLES * MIN_SPAN_SAMPLES
        self._remainder = amplitudes[whole:]
        peaks = amplitudes[:whole].reshape(-1, MIN_SPAN_SAMPLES).max(axis=1)
        self._loudest = np.sort(np.concatenate([self._loudest, peaks]))[-BRIEF_SPANS:]
        for peak in peaks.tolist():
            self._add_peak(peak)

    @property
    def level(self) -> float:
        """The level of the clip: the peak that its sound reaches for longer than a click. 1 is full scale."""
        loudest = np.sort(np.append(self._loudest, self._remainder.max(initial=0)))
        spans = -(-self.samples // MIN_SPAN_SAMPLES)
        # Of a clip that is not much longer than a click, half must be as loud.
        return float(loudest[-max(1, min(BRIEF_SPANS, (spans + 1) // 2))])

    def values(self) -> list[int]:
        """At most `MAX_PEAKS` numbers from 0 to 255, full scale. Of a quiet clip they are amplified."""
        gain = gain_for(self.level)
        peaks = list(self._peaks)
        if len(self._remainder):
            last = float(self._remainder.max())
            if self._filled < self._span:
                peaks[-1] = max(peaks[-1], last)
            else:
                peaks.append(last)
        while len(peaks) > MAX_PEAKS:
            peaks = _halve(peaks)
        return [round(min(peak * gain, 1.0) * 255) for peak in peaks]

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
