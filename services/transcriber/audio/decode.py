"""From the store to something that a recognizer can hear: fetched, measured, decoded piece by piece."""

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from services.transcriber.errors import AudioRejected

RATE = 16_000
"""Samples a second that Whisper hears."""


QUIET_S = 0.1
"""Length of that place: a pause between two words."""


LONGEST_GAP_S = 60
"""Longest hole in the audio that is kept as silence. A longer one is a broken clock, not a pause."""

LOWEST_HZ = 1_000
"""Lowest sample rate that is believed: in less there is no speech, and a forged one makes hours of a second."""

LOUDEST = 1e6
"""Loudest sample that is believed, where full scale is 1: some programs write numbers of 16 bits as they are."""

BAD_PACKETS = 1_000
"""Packets in a row that nothing can be made of before the rest is given up."""

FORMATS = "matroska,mov,ogg,wav,w64,flac,mp3,aac,aiff,caf,amr,asf,avi"
"""FFmpeg's demuxers for audio files. Playlists are not among them: they would open whatever address they name."""

METADATA: Mapping[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""PyAV 18 refuses a file whose title is not UTF-8, unless it is told otherwise; 19 takes it, and no such argument."""


UNDECODABLE = "The sound in this file is damaged: nothing of it can be decoded."

Samples = NDArray[np.float32]


class Readable(Protocol):
    """What bytes come from, perhaps once and only forwards."""

    def read(self, size: int, /) -> bytes:
        """At most so many of the bytes that follow; none: that was all."""


def decoded(file: IO[bytes], rate: int = RATE, layout: str = "mono") -> Iterator[Samples]:
    """Yield the samples, a few at a time, channels interleaved; gaps between packets are silence."""
    file.seek(0)
    return flowing(_Bounded(file), rate, layout)


def flowing(file: Readable, rate: int = RATE, layout: str = "mono") -> Iterator[Samples]:
    """Like `decoded`, of what can be read but once, from where it stands."""
    with demuxed(file) as (container, stream):
        resampler = _Resampler(rate, layout)
        channels = av.AudioLayout(layout).nb_channels
        produced = 0
        began: float | None = None
        for packet in packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # One bad packet is 20 ms of silence; letting it raise would drop all that follows.
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                if frame.sample_rate < LOWEST_HZ:
                    continue
                if frame.time is not None:
                    began = frame.time if began is None else began
                    gap = frame.time - began - produced / rate
                    if QUIET_S < gap < LONGEST_GAP_S:
                        produced += int(gap * rate)
                        yield np.zeros(int(gap * rate) * channels, np.float32)
                for samples in resampler.resampled(frame):
                    produced += len(samples) // channels
                    yield samples
        yield from resampler.rest()


class _Resampler:
    """To one rate and layout from whatever comes: sound may change in the middle, as where two files were joined."""

    def __init__(self, rate: int, layout: str) -> None:
        self._rate, self._layout = rate, layout
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def resampled(self, frame: av.AudioFrame) -> Iterator[Samples]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or kind != self._kind:
            yield from self.rest()
            self._kind, self._resampler = kind, av.AudioResampler("flt", self._layout, self._rate)
        yield from self._samples(frame)

    def rest(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield from self._samples(None)

    def _samples(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        assert self._resampler is not None
        try:
            pieces = self._resampler.resample(frame)
        except av.FFmpegError:
            return  # no such channels, or more of them than can be mixed
        for piece in pieces:
            samples: Samples = piece.to_ndarray()[0]
            # Damaged floating point numbers need not be numbers; one of them makes no number of all that it meets.
            is_sound = np.abs(samples).max(initial=0) <= LOUDEST
            yield samples if is_sound else np.nan_to_num(samples, nan=0, posinf=0, neginf=0).clip(-LOUDEST, LOUDEST)


def opened(file: IO[bytes]) -> AbstractContextManager[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open a file that may hold anything, from its beginning, at its best sound. Raises `AudioRejected`."""
    file.seek(0)
    return demuxed(_Bounded(file))


@contextlib.contextmanager
def demuxed(file: Readable) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open what may hold anything, from where it stands, at its best sound. Raises `AudioRejected`."""
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
        container = av.open(file, "r", options=options, **METADATA)
    except av.FFmpegError as error:
        raise AudioRejected(
            "This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved."
        ) from error
    with container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise AudioRejected("There is no sound in this file.")
        if stream.codec_context is None:
            raise AudioRejected(UNDECODABLE)
        yield container, stream


class _Bounded:
    """A file that does not raise when a damaged header makes FFmpeg seek to a place before its beginning."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            return -1  # as a seek of C's fails


def packets(container: av.container.InputContainer, stream: av.AudioStream) -> "Iterator[av.Packet[av.AudioStream]]":
    """The stream's packets, over damaged places where the container can go on behind them."""
    for _ in range(BAD_PACKETS):
        try:
            yield from container.demux(stream)
            return
        except av.FFmpegError:
            continue
