"""Sound into a container that a player can jump in: packets as they are where that works, encoded anew where not."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av

from services.transcriber.audio.decode import decoded, opened, packets
from services.transcriber.audio.timeline import Timeline

OPUS_RATE = 48_000
"""Samples a second in which Opus counts (RFC 7845, 4)."""

OPUS_BITS = 64_000
"""Bits a second for each channel of what must be encoded anew: nobody hears a difference in speech."""


@dataclass(frozen=True)
class Track:
    """What must be the same for packets of two sources to stand in one track."""

    family: str
    """The container that it comes in, by the demuxer's name."""
    codec: str
    rate: int
    channels: int
    setup: bytes
    """What the decoder is told before the first packet."""

    @classmethod
    def of(cls, file: IO[bytes]) -> "Track":
        with opened(file) as (container, stream):
            family, context = container.format.name.partition(",")[0], stream.codec_context
            return cls(family, context.name, context.sample_rate, context.channels, context.extradata or b"")

    @property
    def container(self) -> tuple[str, str]:
        """PyAV's name of the container to write, and the type that it is served as."""
        if self.family == "mov":
            return "mp4", "audio/mp4"
        if self.codec in {"opus", "vorbis"}:
            return "webm", "audio/webm"
        return "matroska", "audio/x-matroska"

    def joins(self, other: "Track") -> bool:
        """Whether one decoder hears both, out of a container that browsers play.

        Every Opus packet says itself whether it is stereo (RFC 6716, 3.1); AAC is told beforehand.
        """
        is_opus = self.codec == other.codec == "opus" and max(self.channels, other.channels) <= 2
        return is_opus or (self == other and (self.family, self.codec) == ("mov", "aac"))


def copied(sources: Sequence[IO[bytes]], target: IO[bytes]) -> str:
    """Put the packets of all sources one after another, none of them changed; return the type of the result.

    The sources' tracks must join. Raises `AudioRejected`, and `av.FFmpegError` where a container refuses a packet.
    """
    # A mono decoder would mix stereo down; the widest source speaks for all.
    widest = max(sources, key=lambda source: Track.of(source).channels)
    track = Track.of(widest)
    timeline = Timeline(track.rate)
    container, mime = track.container
    with opened(widest) as (_, template), _written(target, container) as output:
        stream = output.add_stream_from_template(template)
        for source in sources:
            timeline.next_source()
            for packet, at, length in _timed(source, track.rate):
                packet.stream = stream
                packet.time_base = Fraction(1, track.rate)
                packet.pts = packet.dts = timeline.place(at, length)
                packet.duration = length
                output.mux(packet)
    return mime


def encoded(sources: Sequence[IO[bytes]], target: IO[bytes]) -> str:
    """Decode all sources and encode them as one Opus track; return the type of the result."""
    channels = min(2, max(Track.of(source).channels for source in sources))
    layout = "stereo" if channels == 2 else "mono"
    with _written(target, "webm") as output:
        stream = output.add_stream("libopus", rate=OPUS_RATE, layout=layout)
        stream.bit_rate = channels * OPUS_BITS
        at = 0
        for source in sources:
            for samples in decoded(source, OPUS_RATE, layout):
                frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
                frame.sample_rate, frame.time_base, frame.pts = OPUS_RATE, Fraction(1, OPUS_RATE), at
                at += frame.samples
                output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return "audio/webm"


def _timed(source: IO[bytes], rate: int) -> "Iterator[tuple[av.Packet[av.AudioStream], int | None, int]]":
    """A source's packets, the time of each and its length, in samples of this rate."""
    with opened(source) as (container, stream):
        for packet in packets(container, stream):
            if packet.size:  # the last one is empty and says that it is
                scale = packet.time_base * rate
                at = None if packet.pts is None else round(packet.pts * scale)
                yield packet, at, round((packet.duration or 0) * scale)


@contextmanager
def _written(target: IO[bytes], container: str) -> Iterator[av.container.OutputContainer]:
    """A container whose index stands at its front, where a player finds it with the first bytes."""
    to_front = {"movflags": "+faststart"} if container == "mp4" else {"cues_to_front": "1"}
    # The same packets make the same file, each time: without this, Matroska draws numbers for its tracks.
    options = to_front | {"fflags": "+bitexact"}
    # To make room for the index, FFmpeg opens what it has written once more and moves it.
    with av.open(target, "w", format=container, options=options, io_open=lambda *_: _Reader(target.fileno())) as output:
        yield output


class _Reader:
    """Reads a file that is open for writing, at a place of its own; a nameless file cannot be opened twice."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._place = 0

    def read(self, size: int) -> bytes:
        block = os.pread(self._handle, size, self._place)
        self._place += len(block)
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: os.fstat(self._handle).st_size}
        self._place = base[whence] + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def close(self) -> None:
        """Leave the file open: it is not ours."""
