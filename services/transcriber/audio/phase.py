"""Mix the two channels of stereo sound, where they do not cancel each other out."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.transcriber.audio.samples import Samples

WINDOW_S = 0.1
"""The channels are compared in windows of this length."""

MEMORY = 0.7
"""Share of a window's energies that the next one remembers: a third of a second decides, and no single syllable."""

MIN_ENERGY = 1e-7
"""Mean square below which a window decides nothing (-70 dBFS): it is the noise of a converter."""

ENTER_RATIO, LEAVE_RATIO = 0.1, 0.4
"""Energy of the sum of both channels, divided by the sum of their energies: 2 for equal channels, 1 for unlike ones, 0
for opposite ones. Below the first, the mono mix has lost 10 dB; the second keeps a sound from flickering."""

LOUDER_RATIO = 1.5
"""How much more energy the other channel must have to be taken instead."""

MONO_GAIN = np.float32(np.sqrt(0.5))
"""Of each channel in the mix, as FFmpeg mixes floats: unlike channels keep their loudness."""


class ChannelMixer:
    """Passes stereo on, or mixes it to mono. Where the channels have opposite phase, the louder one stands for both."""

    def __init__(self, rate: int, *, is_mono: bool) -> None:
        self._window, self._is_mono = int(rate * WINDOW_S), is_mono
        self._waiting: list[Samples] = []
        """Samples that do not fill a window yet."""
        self._waiting_length = 0
        self._energies = np.zeros(3)
        """Of the left channel, of the right one, and their product, over the last windows."""
        self._is_cancelling, self._louder = False, 0
        self.cancelled_s = 0.0

    def mix(self, samples: Samples) -> Iterator[Samples]:
        """Take interleaved samples. Yield those that are mixed: they are up to a window behind."""
        self._waiting.append(samples)
        self._waiting_length += len(samples)
        if self._waiting_length < 2 * self._window:
            return
        joined = np.concatenate(self._waiting) if len(self._waiting) > 1 else samples
        whole = len(joined) - len(joined) % (2 * self._window)
        self._waiting, self._waiting_length = [joined[whole:]], len(joined) - whole
        yield self._mix_windows(joined[:whole].reshape(-1, self._window, 2))

    def flush(self) -> Iterator[Samples]:
        """Yield the samples that wait."""
        rest = np.concatenate(self._waiting) if self._waiting else np.empty(0, np.float32)
        self._waiting, self._waiting_length = [], 0
        if len(rest):
            yield self._mix_windows(rest[: len(rest) // 2 * 2].reshape(1, -1, 2))

    def _mix_windows(self, windows: Samples) -> Samples:
        left, right = windows[:, :, 0], windows[:, :, 1]
        energies = np.stack(
            [np.einsum("nw,nw->n", one, other) for one, other in ((left, left), (right, right), (left, right))], axis=1
        )
        mixed = (left + right) * MONO_GAIN if self._is_mono else windows
        for number, energy in enumerate(energies.astype(float)):
            was_cancelling = self._is_cancelling
            self._judge(energy, windows.shape[1])
            if was_cancelling or self._is_cancelling:
                share = np.linspace(was_cancelling, self._is_cancelling, windows.shape[1], dtype=np.float32)
                _fade_in(mixed[number], windows[number, :, self._louder], share)
                self.cancelled_s += WINDOW_S * self._is_cancelling
        return mixed.reshape(-1)

    def _judge(self, energy: NDArray[np.float64], length: int) -> None:
        """Decide whether the channels cancel each other out in a window, and which one is louder."""
        if energy[0] + energy[1] < MIN_ENERGY * length:
            return
        self._energies = MEMORY * self._energies + energy
        left, right, product = self._energies
        ratio = (left + right + 2 * product) / (left + right)
        self._is_cancelling = bool(ratio < (LEAVE_RATIO if self._is_cancelling else ENTER_RATIO))
        channels = (left, right)
        if channels[1 - self._louder] > LOUDER_RATIO * channels[self._louder]:
            self._louder = 1 - self._louder


def _fade_in(mixed: Samples, channel: Samples, share: Samples) -> None:
    """Replace a share of a window by one channel, in place."""
    if mixed.ndim == 2:
        channel, share = channel[:, None], share[:, None]
    mixed += share * (channel - mixed)
