"""Open untrusted containers, and read the packets of their audio tracks."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, Protocol

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
    file: IO[bytes],
) -> contextlib.AbstractContextManager[tuple[av.container.InputContainer, av.AudioStream]]:
    """Open an untrusted file from its beginning, at its best audio stream. Raises `AudioRejected`."""
    return best_track(open_part(PartFile(file)))


@contextlib.contextmanager
def best_track(
    opened: av.container.InputContainer,
) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    """Hold a container open, at its best audio stream. Raises `AudioRejected`."""
    with opened as container:
        audio = container.streams.best("audio")
        if not isinstance(audio, av.AudioStream):
            raise AudioRejected(NO_SOUND)
        if audio.codec_context is None:
            raise AudioRejected(UNDECODABLE)
        yield container, audio


def open_part(part: PartFile) -> av.container.InputContainer:
    """Open a part of an untrusted file, from where its sound begins. Raises `AudioRejected`."""
    try:
        return open_container(part)
    except AudioRejected:
        offset = sound_offset(part)
        if not offset:
            raise
        return open_container(part.slice(offset))


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


def audio_tracks(container: av.container.InputContainer) -> dict[int, av.AudioStream]:
    """The tracks that can be decoded, by number from 1. Raises `AudioRejected` if there is none.

    Tracks of unknown codecs have numbers, too.
    """
    tracks = [stream for stream in container.streams if stream.type == "audio"]
    if not tracks:
        raise AudioRejected(NO_SOUND)
    decodable = {
        number: track
        for number, track in enumerate(tracks[:MAX_TRACKS], start=1)
        if isinstance(track, av.AudioStream) and track.codec_context is not None
    }
    if not decodable:
        raise AudioRejected(UNDECODABLE)
    return decodable


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
    container: av.container.InputContainer, audio: av.AudioStream
) -> "Iterator[av.Packet[av.AudioStream]]":
    """Yield the stream's packets, over damaged places where the container can go on behind them."""
    for _ in range(MAX_BAD_PACKETS):
        try:
            yield from container.demux(audio)
            return
        except av.FFmpegError:
            continue
