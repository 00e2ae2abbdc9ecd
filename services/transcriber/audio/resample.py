"""Resample decoded frames to one rate and layout."""

from collections.abc import Iterator

import av
import numpy as np

from services.transcriber.audio.phase import ChannelMixer
from services.transcriber.audio.samples import Samples

MAX_AMPLITUDE = 1e6
"""Loudest valid sample, where full scale is 1: some programs write 16-bit numbers as floats without scaling."""

MAX_SILENCE_BLOCK_S = 10
"""Silence comes in blocks of this length: 4 MB of stereo."""


class Resampler:
    """Resamples to one rate and layout. The input format may change on the way, as in files that were concatenated."""

    def __init__(self, rate: int, layout: str) -> None:
        self._rate, self._layout, self._channels = rate, layout, av.AudioLayout(layout).nb_channels
        self._resampler: av.AudioResampler | None = None
        self._input_format: tuple[str, str, int] | None = None
        self._is_stereo = False
        self.mixer = ChannelMixer(rate, is_mono=layout == "mono")
        """Of two channels, which may cancel each other out."""

    def resample(self, frame: av.AudioFrame) -> Iterator[Samples]:
        input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or input_format != self._input_format:
            yield from self.flush()
            self._input_format, self._is_stereo = input_format, frame.layout.nb_channels == 2
            self._resampler = av.AudioResampler("flt", "stereo" if self._is_stereo else self._layout, self._rate)
        yield from self._samples(frame)

    def flush(self) -> Iterator[Samples]:
        """Yield what is held back, before a gap or at the end."""
        if self._resampler is not None:
            yield from self._samples(None)
            yield from self.mixer.flush()
            self._resampler = None

    def silence(self, seconds: float) -> Iterator[Samples]:
        """Yield silence of this length, in blocks."""
        length = round(seconds * self._rate)
        while length > 0:
            block = min(length, MAX_SILENCE_BLOCK_S * self._rate)
            yield np.zeros(block * self._channels, np.float32)
            length -= block

    def _samples(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        assert self._resampler is not None
        try:
            resampled = self._resampler.resample(frame)
        except av.FFmpegError:
            return  # a channel layout that cannot be mixed
        for output in resampled:
            samples = _valid(output.to_ndarray()[0])
            if self._is_stereo:
                yield from self.mixer.mix(samples)
            else:
                yield samples


def _valid(samples: Samples) -> Samples:
    """Damaged floats may be NaN or infinite, and one NaN spreads to every result that it takes part in."""
    if np.abs(samples).max(initial=0) <= MAX_AMPLITUDE:
        return samples
    return np.nan_to_num(samples, nan=0, posinf=0, neginf=0).clip(-MAX_AMPLITUDE, MAX_AMPLITUDE)
