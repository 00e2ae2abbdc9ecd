"""Write audio into a seekable container: packets copied where possible, encoded anew where not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av

from services.transcriber.audio.decode import Samples, decode_file
from services.transcriber.audio.demux import open_audio, read_packets
from services.transcriber.audio.encode import AAC, OPUS, encode
from services.transcriber.audio.output import open_output
from services.transcriber.audio.timeline import Timeline
from services.transcriber.errors import CancellationCheck, never_cancelled


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
    def of(cls, file: IO[bytes], track: int | None = None) -> "TrackFormat":
        """Of this track, or else of the best one."""
        with open_audio(file, track) as (container, audio):
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
    with open_audio(widest) as (_, template), open_output(target, container) as output:
        stream = output.add_stream_from_template(template)
        for source in sources:
            timeline.start_source()
            for packet, pts, duration in _timed_packets(source, track.rate):
                check_cancelled()
                if packet.is_corrupt:  # the end of a file that was cut off: Chromium never ends behind it
                    continue
                packet.stream = stream
                packet.time_base = Fraction(1, track.rate)
                packet.pts = packet.dts = timeline.place_packet(pts, duration)
                packet.duration = duration
                output.mux(packet)
    return mime


def encode_anew(
    sources: Sequence[IO[bytes]],
    target: IO[bytes],
    check_cancelled: CancellationCheck = never_cancelled,
    tracks: Sequence[int | None] = (),
) -> str:
    """Decode all sources and encode them as one track, in their recorder's codec. Return the media type.

    `tracks` has the one of each source that is heard; None, or no list: all of them. Safari and other apps of an iPhone
    play the AAC that Safari recorded, and may not play WebM.
    """
    heard = list(zip(sources, tracks or [None] * len(sources), strict=True))
    formats = [TrackFormat.of(source, track) for source, track in heard]
    encoding = AAC if all(each.demuxer == "mov" for each in formats) else OPUS
    channels = min(2, max(each.channels for each in formats))
    rate = encoding.rate_for(formats[0].rate)

    def blocks() -> Iterator[Samples]:
        for source, track in heard:
            for samples in decode_file(source, rate, "stereo" if channels == 2 else "mono", track):
                check_cancelled()
                yield samples

    encode(blocks(), target, encoding, rate=rate, channels=channels)
    return encoding.mime


def _timed_packets(source: IO[bytes], rate: int) -> "Iterator[tuple[av.Packet[av.AudioStream], int | None, int]]":
    """A source's packets, with the time and the duration of each in samples of this rate."""
    with open_audio(source) as (container, audio):
        for packet in read_packets(container, audio):
            if packet.size:  # the last packet is empty: it marks the end
                scale = packet.time_base * rate
                pts = None if packet.pts is None else round(packet.pts * scale)
                yield packet, pts, round((packet.duration or 0) * scale)
