"""Open untrusted containers, and read the packets of their audio tracks."""

import contextlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Any, Protocol, cast

import av
from av.stream import Disposition

from services.transcriber.audio.junk import sound_offset
from services.transcriber.audio.part_file import PartFile
from services.transcriber.errors import AudioRejected

MAX_BAD_PACKETS = 1_000
"""Undemuxable packets in a row before the rest of the file is given up."""

MAX_TRACKS = 16
"""Audio tracks that are looked at: recorders write up to six, and a disc has eight."""

DEMUXERS = (
    "matroska,mov,ogg,wav,w64,flac,mp3,aac,aiff,caf,amr,asf,avi,"
    "mpegts,mpeg,flv,au,loas,ac3,eac3,dts,voc,qcp,ape,wv,tta,rm"
)
"""FFmpeg's demuxers for audio files. Playlists are excluded: they would open any address that they name."""

METADATA_OPTIONS: Mapping[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""PyAV 18 refuses a file whose title is not UTF-8, unless this option is set. PyAV 19 accepts it and has no option."""

UNREADABLE = "This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved."
UNDECODABLE = "The sound in this file is damaged: nothing of it can be decoded."
NO_SOUND = "There is no sound in this file."
NO_SUCH_TRACK = "This file has no track {track}: its tracks are numbered from 1 to {tracks}."


class ByteStream(Protocol):
    """A source of bytes that need not be seekable."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` of the bytes that follow; none at the end."""


def open_audio(
    file: IO[bytes], track: int | None = None
) -> contextlib.AbstractContextManager[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open an untrusted file from its beginning, at a track or else the best one. Raises `AudioRejected`."""
    whole = PartFile(file)
    return best_track(open_container(whole.slice(sound_offset(whole))), track)


@contextlib.contextmanager
def best_track(
    opened: av.container.InputContainer, chosen: int | None = None
) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    """Hold a container open, at the chosen track or else the best one. Raises `AudioRejected`."""
    with opened as container:
        decodable = audio_tracks(container, chosen).values()
        best = container.streams.best("audio")
        yield container, next((track for track in decodable if track is best), next(iter(decodable)))


def open_container(stream: ByteStream) -> av.container.InputContainer:
    """Open an untrusted stream from its current position. Raises `AudioRejected`."""
    try:
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
        container: av.container.InputContainer = av.open(stream, "r", options=options, **METADATA_OPTIONS)
    except av.FFmpegError as error:
        raise AudioRejected(UNREADABLE) from error
    return container


def count_tracks(container: av.container.InputContainer) -> int:
    """The number of audio tracks, with those that cannot be decoded."""
    return sum(stream.type == "audio" for stream in container.streams)


def audio_tracks(container: av.container.InputContainer, chosen: int | None = None) -> dict[int, av.AudioStream]:
    """The tracks that can be decoded, by number from 1, or the chosen one. Raises `AudioRejected` if there is none.

    Tracks of unknown codecs have numbers, too.
    """
    count = count_tracks(container)
    if not count:
        raise AudioRejected(NO_SOUND)
    if chosen is not None and not 1 <= chosen <= count:
        raise AudioRejected(NO_SUCH_TRACK.format(track=chosen, tracks=count))
    tracks = enumerate((stream for stream in container.streams if stream.type == "audio"), start=1)
    decodable = {
        number: track
        for number, track in tracks
        if isinstance(track, av.AudioStream) and _is_decodable(track) and chosen in {None, number}
    }
    if not decodable:
        raise AudioRejected(UNDECODABLE)
    return dict(islice(decodable.items(), MAX_TRACKS))


def _is_decodable(track: av.AudioStream) -> bool:
    # PyAV's types say that it always has a decoder.
    return bool(getattr(track, "codec_context", None))


def start_of(container: av.container.InputContainer) -> float | None:
    """When the earliest stream begins, in seconds of the container's clock; None if no stream says so."""
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in container.streams
        if stream.type in {"audio", "video"}
        and not stream.disposition & Disposition.attached_pic
        and stream.start_time is not None
        and stream.time_base is not None
    ]
    return min(starts, default=None)


def read_packets(
    container: av.container.InputContainer, *tracks: av.AudioStream
) -> "Iterator[av.Packet[av.AudioStream]]":
    """Yield the packets of tracks, over damaged places where the container can go on behind them."""
    for _ in range(MAX_BAD_PACKETS):
        try:
            yield from cast("Iterator[av.Packet[av.AudioStream]]", container.demux(*tracks))
            return
        except av.FFmpegError:
            continue
