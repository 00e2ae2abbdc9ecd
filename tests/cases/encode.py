"""Write containers with any number of tracks, each with any clock."""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.stream import Disposition

from tests.cases.source import RATE, Sound, speech

PICTURES_PER_S = 10

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


@dataclass(frozen=True)
class Track:
    """A sound track: stretches of sound, each with the time at which it begins."""

    codec: str
    stretches: Sequence[tuple[float, Sound]] = ()
    """Empty: the speech from 0 on."""
    rate: int = RATE
    bit_rate: int | None = None
    format: str | None = None
    """Of the samples, where the codec takes several."""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        return max(len(sound) for _, sound in self._stretches)

    @property
    def _stretches(self) -> Sequence[tuple[float, Sound]]:
        return self.stretches or [(0.0, speech())]

    def add_to(self, output: av.container.OutputContainer) -> av.AudioStream:
        layout = LAYOUTS[self.channels]
        stream = cast("av.AudioStream", output.add_stream(self.codec, self.rate, dict(self.options), layout=layout))
        if self.bit_rate:
            stream.bit_rate = self.bit_rate
        if self.format:
            stream.format = av.AudioFormat(self.format)
        return stream

    def encode(self, stream: av.AudioStream) -> Iterator[Any]:
        for at_s, sound in self._stretches:
            is_last = at_s == self._stretches[-1][0]
            pts = round(at_s * self.rate)
            for frame in self._frames(sound, stream, is_last=is_last):
                frame.pts, frame.time_base = pts, Fraction(1, self.rate)
                pts += frame.samples
                yield from stream.encode(frame)
        yield from stream.encode(None)

    def _frames(self, sound: Sound, stream: av.AudioStream, *, is_last: bool) -> list[av.AudioFrame]:
        size = stream.frame_size or 1024
        if not is_last:  # only the last frame of a stream may be short
            step = size * RATE // self.rate
            sound = np.pad(sound, ((0, 0), (0, -sound.shape[1] % step)))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=LAYOUTS[len(sound)])
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        resampler = av.AudioResampler(stream.format, stream.layout, self.rate, frame_size=size)
        return [*resampler.resample(frame), *resampler.resample(None)]


@dataclass(frozen=True)
class Picture:
    """A picture track: grey frames from one time to another."""

    codec: str = "mpeg4"
    at_s: float = 0.0
    seconds: float = 11.0
    is_cover: bool = False
    is_variable: bool = False
    """Whether the time from one frame to the next changes."""

    def add_to(self, output: av.container.OutputContainer) -> av.VideoStream:
        stream = cast("av.VideoStream", output.add_stream(self.codec, rate=25 if "mpeg" in self.codec else 10))
        stream.width = stream.height = 64
        stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(self.codec, "yuv420p")
        if self.codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        if self.is_cover:
            stream.disposition = Disposition.attached_pic
        return stream

    def encode(self, stream: av.VideoStream) -> Iterator[Any]:
        frames = 1 if self.is_cover else round(self.seconds * PICTURES_PER_S)
        for number in range(frames):
            if self.is_variable and number % 7 in {3, 4, 5}:
                continue
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 100 + number % 50, np.uint8), format="rgb24")
            frame.pts = round((self.at_s + number / PICTURES_PER_S) * 1000)
            frame.time_base = Fraction(1, 1000)
            yield from stream.encode(frame)
        yield from stream.encode(None)


def mux(
    container: str,
    *tracks: Track | Picture,
    metadata: Mapping[str, str] | None = None,
    chapters: Sequence[tuple[float, float, str]] = (),
    options: Mapping[str, str] | None = None,
) -> bytes:
    """One file with these tracks, their packets in the order of their times."""
    with (
        tempfile.NamedTemporaryFile() as file,  # by its name, FFmpeg opens it again to move an index to the front
        av.open(file.name, "w", format=container, options={"fflags": "+bitexact", **(options or {})}) as output,
    ):
        output.metadata.update(metadata or {})
        if chapters:
            output.set_chapters([
                {"id": number, "start": round(start_s * 1000), "end": round(end_s * 1000),
                 "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for number, (start_s, end_s, title) in enumerate(chapters)
            ])  # fmt: skip
        streams = [track.add_to(output) for track in tracks]
        output.start_encoding()
        packets = [
            packet
            for track, stream in zip(tracks, streams, strict=True)
            for packet in track.encode(cast("Any", stream))
        ]
        packets.sort(key=lambda packet: packet.dts * packet.time_base if packet.dts is not None else Fraction(0))
        for packet in packets:
            output.mux(packet)
        output.close()
        return file.read()


def remux(content: bytes, container: str) -> bytes:
    """The first sound track of a file in another container, without encoding anew."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(content), "r") as source, av.open(buffer, "w", format=container) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return buffer.getvalue()
