"""Decode any audio file or stream to samples."""

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from services.transcriber.audio.limits import IMPLAUSIBLE, TooMuchSound, plausible_s
from services.transcriber.errors import AudioRejected

SAMPLE_RATE = 16_000
"""Whisper's samples a second."""

MIN_GAP_S = 0.1
"""Shorter gaps between packets are rounding errors of their times."""

MAX_GAP_S = 60
"""Longest gap between packets that becomes silence. A longer one is a broken clock and not a pause."""

MIN_SAMPLE_RATE = 1_000
"""Less cannot hold speech, and a forged one makes hours of one second."""

MAX_AMPLITUDE = 1e6
"""Loudest valid sample, where full scale is 1: some programs write 16-bit numbers as floats without scaling."""

MAX_BAD_PACKETS = 1_000
"""Undemuxable packets in a row before the rest of the file is given up."""

DEMUXERS = "matroska,mov,ogg,wav,w64,flac,mp3,aac,aiff,caf,amr,asf,avi"
"""FFmpeg's demuxers for audio files. Playlists are excluded: they would open any address that they name."""

METADATA_OPTIONS: Mapping[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""PyAV 18 refuses a file whose title is not UTF-8, unless this option is set. PyAV 19 accepts it and has no option."""

UNDECODABLE = "The sound in this file is damaged: nothing of it can be decoded."

Samples = NDArray[np.float32]


class ByteStream(Protocol):
    """A source of bytes that need not be seekable."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` of the bytes that follow; none at the end."""


def decode_file(file: IO[bytes], rate: int = SAMPLE_RATE, layout: str = "mono") -> Iterator[Samples]:
    """Yield a file's samples, some at a time, channels interleaved. Gaps between packets become silence.

    Raises `TooMuchSound` as soon as there are more of them than so many bytes can hold.
    """
    return _decode(_ForgivingFile(file), rate, layout)


def decode_stream(stream: ByteStream, rate: int = SAMPLE_RATE, layout: str = "mono") -> Iterator[Samples]:
    """Yield a stream's samples as `decode_file` does, from its current position."""
    return _decode(_CountedStream(stream), rate, layout)


def _decode(stream: "_ForgivingFile | _CountedStream", rate: int, layout: str) -> Iterator[Samples]:
    with demux_stream(stream) as (container, audio):
        resampler = _Resampler(rate, layout)
        channels = av.AudioLayout(layout).nb_channels
        produced = 0
        first_s: float | None = None
        for packet in read_packets(container, audio):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # one bad packet is 20 ms of silence; to raise would drop the rest of the file
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                if frame.sample_rate < MIN_SAMPLE_RATE:
                    continue
                if frame.time is not None:
                    first_s = frame.time if first_s is None else first_s
                    gap_s = frame.time - first_s - produced / rate
                    if MIN_GAP_S < gap_s < MAX_GAP_S:
                        produced += int(gap_s * rate)
                        yield np.zeros(int(gap_s * rate) * channels, np.float32)
                for samples in resampler.resample(frame):
                    produced += len(samples) // channels
                    yield samples
                if produced > plausible_s(stream.size) * rate:
                    raise TooMuchSound(IMPLAUSIBLE)
        yield from resampler.flush()


class _Resampler:
    """Resamples to one rate and layout. The input format may change on the way, as in files that were concatenated."""

    def __init__(self, rate: int, layout: str) -> None:
        self._rate, self._layout = rate, layout
        self._resampler: av.AudioResampler | None = None
        self._input_format: tuple[str, str, int] | None = None

    def resample(self, frame: av.AudioFrame) -> Iterator[Samples]:
        input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or input_format != self._input_format:
            yield from self.flush()
            self._input_format, self._resampler = input_format, av.AudioResampler("flt", self._layout, self._rate)
        yield from self._samples(frame)

    def flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield from self._samples(None)

    def _samples(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        assert self._resampler is not None
        try:
            resampled = self._resampler.resample(frame)
        except av.FFmpegError:
            return  # a channel layout that cannot be mixed
        for output in resampled:
            samples: Samples = output.to_ndarray()[0]
            # Damaged floats may be NaN or infinite, and one NaN spreads to every result that it takes part in.
            is_valid = np.abs(samples).max(initial=0) <= MAX_AMPLITUDE
            if is_valid:
                yield samples
            else:
                yield np.nan_to_num(samples, nan=0, posinf=0, neginf=0).clip(-MAX_AMPLITUDE, MAX_AMPLITUDE)


def open_audio(file: IO[bytes]) -> AbstractContextManager[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open an untrusted file from its beginning, at its best audio stream. Raises `AudioRejected`."""
    return demux_stream(_ForgivingFile(file))


@contextlib.contextmanager
def demux_stream(stream: ByteStream) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open an untrusted stream from its current position, at its best audio stream. Raises `AudioRejected`."""
    try:
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
        container = av.open(stream, "r", options=options, **METADATA_OPTIONS)
    except av.FFmpegError as error:
        raise AudioRejected(
            "This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved."
        ) from error
    with container:
        audio = container.streams.best("audio")
        if not isinstance(audio, av.AudioStream):
            raise AudioRejected("There is no sound in this file.")
        if audio.codec_context is None:
            raise AudioRejected(UNDECODABLE)
        yield container, audio


class _ForgivingFile:
    """A file, at its beginning, that does not raise when a damaged header makes FFmpeg seek to a negative position."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            return -1  # C's answer to such a seek


class _CountedStream:
    """A stream that counts the bytes that were read of it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.size = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.size += len(data)
        return data


def read_packets(
    container: av.container.InputContainer, audio: av.AudioStream
) -> "Iterator[av.Packet[av.AudioStream]]":
    """Yield the stream's packets, over damaged places where the container can go on behind them."""
    for _ in range(MAX_BAD_PACKETS):
        try:
            yield from container.demux(audio)
            return
        except av.FFmpegError:
            continue
