"""Write audio into a seekable container: packets copied where possible, encoded anew where not."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av

from services.transcriber.audio.decode import decode_file
from services.transcriber.audio.demux import open_audio, read_packets
from services.transcriber.audio.timeline import Timeline
from services.transcriber.errors import CancellationCheck, never_cancelled

OPUS_RATE = 48_000
"""Samples a second in which Opus counts (RFC 7845, 4)."""

OPUS_BITS_PER_S = 64_000
"""Bit rate for each channel that is encoded anew: transparent for speech."""


@dataclass(frozen=True)
class TrackFormat:
    """What the packets of two sources must share to stand in one track."""

    demuxer: str
    codec: str
    rate: int
    channels: int
    extradata: bytes
    """The codec's configuration, which a decoder needs before the first packet."""

    @classmethod
    def of(cls, file: IO[bytes]) -> "TrackFormat":
        with open_audio(file) as (container, audio):
            demuxer, context = container.format.name.partition(",")[0], audio.codec_context
            return cls(demuxer, context.name, context.sample_rate, context.channels, context.extradata or b"")

    @property
    def output(self) -> tuple[str, str]:
        """PyAV's name of the container to write, and its media type."""
        if self.demuxer == "mov":
            return "mp4", "audio/mp4"
        if self.codec in {"opus", "vorbis"}:
            return "webm", "audio/webm"
        return "matroska", "audio/x-matroska"

    def is_joinable_with(self, other: "TrackFormat") -> bool:
        """Whether one decoder can play both, from a container that browsers play.

        Every Opus packet says itself whether it is stereo (RFC 6716, 3.1). AAC needs equal configurations.
        """
        is_opus = self.codec == other.codec == "opus" and max(self.channels, other.channels) <= 2
        return is_opus or (self == other and (self.demuxer, self.codec) == ("mov", "aac"))


def copy_packets(
    sources: Sequence[IO[bytes]], target: IO[bytes], check_cancelled: CancellationCheck = never_cancelled
) -> str:
    """Write the packets of all sources one after another, unchanged. Return the media type.

    The sources' tracks must be joinable. Raises `AudioRejected`, and `av.FFmpegError` where a container refuses a
    packet.
    """
    # The decoder is configured once. A mono decoder would mix stereo down, so the widest source configures it.
    widest = max(sources, key=lambda source: TrackFormat.of(source).channels)
    track = TrackFormat.of(widest)
    timeline = Timeline(track.rate)
    container, mime = track.output
    with open_audio(widest) as (_, template), _open_output(target, container) as output:
        stream = output.add_stream_from_template(template)
        for source in sources:
            timeline.start_source()
            for packet, pts, duration in _timed_packets(source, track.rate):
                check_cancelled()
                packet.stream = stream
                packet.time_base = Fraction(1, track.rate)
                packet.pts = packet.dts = timeline.place_packet(pts, duration)
                packet.duration = duration
                output.mux(packet)
    return mime


def encode_opus(
    sources: Sequence[IO[bytes]], target: IO[bytes], check_cancelled: CancellationCheck = never_cancelled
) -> str:
    """Decode all sources and encode them as one Opus track. Return the media type."""
    channels = min(2, max(TrackFormat.of(source).channels for source in sources))
    layout = "stereo" if channels == 2 else "mono"
    with _open_output(target, "webm") as output:
        stream = output.add_stream("libopus", rate=OPUS_RATE, layout=layout)
        stream.bit_rate = channels * OPUS_BITS_PER_S
        pts = 0
        for source in sources:
            for samples in decode_file(source, OPUS_RATE, layout):
                check_cancelled()
                frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
                frame.sample_rate, frame.time_base, frame.pts = OPUS_RATE, Fraction(1, OPUS_RATE), pts
                pts += frame.samples
                output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return "audio/webm"


def _timed_packets(source: IO[bytes], rate: int) -> "Iterator[tuple[av.Packet[av.AudioStream], int | None, int]]":
    """A source's packets, with the time and the duration of each in samples of this rate."""
    with open_audio(source) as (container, audio):
        for packet in read_packets(container, audio):
            if packet.size:  # the last packet is empty: it marks the end
                scale = packet.time_base * rate
                pts = None if packet.pts is None else round(packet.pts * scale)
                yield packet, pts, round((packet.duration or 0) * scale)


@contextmanager
def _open_output(target: IO[bytes], container: str) -> Iterator[av.container.OutputContainer]:
    """A container with its index at the front, where a player finds it in the first bytes."""
    index_to_front = {"movflags": "+faststart"} if container == "mp4" else {"cues_to_front": "1"}
    # The same packets make the same file each time: without this option, Matroska draws random track numbers.
    options = index_to_front | {"fflags": "+bitexact"}
    # To make room for the index, FFmpeg opens its output a second time and moves it.
    with av.open(
        target, "w", format=container, options=options, io_open=lambda *_: _SecondReader(target.fileno())
    ) as output:
        yield output


class _SecondReader:
    """Reads a file that is open for writing, with a position of its own. A file without a name cannot be reopened."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def read(self, size: int) -> bytes:
        block = os.pread(self._descriptor, size, self._position)
        self._position += len(block)
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._position = base[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        """Leave the file open for its writer."""
