"""From the store to something that a recognizer can hear: fetched, measured, decoded piece by piece."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from shared.db.columns import MAX_DURATION_MS
from shared.storage.store import Store

RATE = 16_000
"""Samples a second that Whisper hears."""

BLOCK_S = 150
"""Longest piece decoded and recognized at once: an hour whole takes 3.5 GB, and pieces of 300 s 0.1 more than these."""

CUT_S = 30
"""How far back from the end of a full block the quietest place is looked for."""

QUIET_S = 0.1
"""Length of that place: a pause between two words."""

SHORTFALL = 0.05
"""Part of the announced length that may be missing before we speak of it; encoders round up and pad."""

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

SUFFIXES = {"matroska": ".webm", "mov": ".mp4", "asf": ".wma"}
"""Endings that servers know a container by, where the demuxer's name is none."""

UNDECODABLE = "The sound in this file is damaged: nothing of it can be decoded."

Samples = NDArray[np.float32]


class Readable(Protocol):
    """What bytes come from, perhaps once and only forwards."""

    def read(self, size: int, /) -> bytes:
        """At most so many of the bytes that follow; none: that was all."""


class AudioRejected(Exception):
    """There is something about this audio that no further try will change; the text is a sentence for its owner."""


@dataclass
class FetchedAudio:
    """A clip's audio in a file of ours, known to hold sound."""

    file: IO[bytes]
    size: int
    mime: str
    suffix: str
    duration_ms: int
    url: str | None = None
    """An address where a server may fetch it, if the store gives one."""
    announced_ms: int | None = None
    """The length that the file claims to have, where the rest of it is missing."""

    @property
    def note(self) -> str | None:
        """A sentence on what is missing, if something is."""
        if self.announced_ms is None:
            return None
        heard, said = _clock(self.duration_ms), _clock(self.announced_ms)
        return f"The file ends after {heard} of {said}: the rest was lost before it came here."

    def blocks(self, longest_s: int = BLOCK_S) -> Iterator[tuple[int, Samples]]:
        """Decode to mono at 16 kHz; yield each block's start in milliseconds and its samples.

        None is longer than `longest_s`. They are cut at the quietest place near their end. Broken packets are skipped;
        the gap that they leave is silence, so that times stay true. Raises `AudioRejected` if nothing at all can be
        decoded.
        """
        start, held = 0, np.empty(0, np.float32)
        pieces: list[Samples] = []
        length = 0
        for piece in decoded(self.file):
            pieces.append(piece)
            length += len(piece)
            while length >= longest_s * RATE:
                held = np.concatenate(pieces)
                cut = quietest(held[: longest_s * RATE], min(CUT_S, longest_s // 2))
                yield start * 1000 // RATE, held[:cut]
                start += cut
                pieces, length = [held[cut:]], len(held) - cut
        if length:
            yield start * 1000 // RATE, np.concatenate(pieces)
        elif not start:
            raise AudioRejected(UNDECODABLE)


@contextlib.contextmanager
def fetched(store: Store, key: str, mime: str, folder: Path) -> Iterator[FetchedAudio]:
    """Fetch an object into a nameless file, gone whatever happens to this process, and make sure that it has sound.

    Raises `AudioRejected`, and what the store raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        for block in store.read(key):
            file.write(block)
        size = file.tell()
        audio = measured(file, size, mime)
        audio.url = store.presigned_url(key, mime, "inline")
        yield audio


def measured(file: IO[bytes], size: int, mime: str) -> FetchedAudio:
    """Read through the packets without decoding them: is it audio, how long is it, and is all of it there?"""
    if not size:
        raise AudioRejected("The file is empty: not a byte of sound was saved.")
    with opened(file) as (container, stream):
        first, seconds = None, 0.0
        for packet in packets(container, stream):
            if packet.pts is not None and packet.time_base:
                first = packet.pts if first is None else first
                seconds = max(seconds, float((packet.pts + (packet.duration or 0) - first) * packet.time_base))
        announced = (container.duration or 0) / av.time_base
        family = container.format.name.partition(",")[0]
    if family == "wav":
        announced *= _announced_by_riff(file, size)
    if not seconds:
        raise AudioRejected("The file ends before its sound begins: it was cut off while it was saved.")
    is_short = announced - seconds > max(1.0, SHORTFALL * announced)
    announced_ms = _ms(announced) if is_short else None
    return FetchedAudio(file, size, mime, SUFFIXES.get(family, f".{family}"), _ms(seconds), announced_ms=announced_ms)


def quietest(samples: Samples, within_s: int = CUT_S) -> int:
    """Where to cut: the middle of the quietest moment of the last seconds."""
    window = int(QUIET_S * RATE)
    end = len(samples) - len(samples) % window
    begin = max(0, end - within_s * RATE)
    loudness = np.square(samples[begin:end]).reshape(-1, window).mean(axis=1)
    return begin + int(loudness.argmin()) * window + window // 2


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


def _announced_by_riff(file: IO[bytes], size: int) -> float:
    """How many times the bytes that are there a WAV file's header announces; 0 or all ones: it does not know."""
    file.seek(4)
    announced = int.from_bytes(file.read(4), "little") + 8
    return announced / size if size < announced < 2**32 - 1 else 1.0


def _ms(seconds: float) -> int:
    # More than the database's column holds is said by a forged clock only.
    return min(int(seconds * 1000), MAX_DURATION_MS)


def _clock(ms: int) -> str:
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"
