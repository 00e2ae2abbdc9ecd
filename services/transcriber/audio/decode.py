"""Decode any audio file or stream to samples."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import IO

import av
import numpy as np

from services.transcriber.audio.clock import TrackClock
from services.transcriber.audio.demux import (
    ByteStream,
    audio_tracks,
    best_track,
    count_tracks,
    open_container,
    read_packets,
    start_of,
)
from services.transcriber.audio.junk import sound_offset
from services.transcriber.audio.limits import SoundBound, TooMuchSound
from services.transcriber.audio.mix import mix_tracks
from services.transcriber.audio.part_file import PartFile
from services.transcriber.audio.parts import split_parts
from services.transcriber.audio.resample import Resampler
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import AudioRejected

__all__ = ["SAMPLE_RATE", "FileDecoder", "Samples", "decode_file", "decode_stream"]

SAMPLE_RATE = 16_000
"""Whisper's samples a second."""

MIN_SAMPLE_RATE = 1_000
"""Less cannot hold speech, and a forged one makes hours of one second."""

SILENT_PEAK = 2e-4
"""A track without a louder sample is silent (-74 dBFS): encoders leave some noise of nothing."""

MIN_OPPOSITE_PHASE_S = 0.5
"""How long channels cancel each other out before it is worth a remark."""


def decode_file(
    file: IO[bytes], rate: int = SAMPLE_RATE, layout: str = "mono", track: int | None = None
) -> Iterator[Samples]:
    """Yield a file's samples on the clip's clock, some at a time, channels interleaved.

    Time 0 is the start of the container, gaps are silence, and containers that were joined end to end follow each
    other. All tracks are mixed, unless `track` names one, from 1. Raises `AudioRejected`, and `TooMuchSound` as soon as
    there are more samples than so many bytes can hold.
    """
    return iter(FileDecoder(file, rate, layout, track))


def decode_stream(stream: ByteStream, rate: int = SAMPLE_RATE, layout: str = "mono") -> Iterator[Samples]:
    """Yield the samples of a stream's best track, from its current position."""
    counted = _CountedStream(stream)
    with best_track(open_container(counted)) as (container, audio):
        clock, bound = TrackClock(start_of(container)), SoundBound(lambda: counted.size)
        yield from _decode_packets(container, audio, clock, Resampler(rate, layout), bound)


class FileDecoder:
    """Decodes a file once, and knows afterwards what its tracks were like."""

    def __init__(
        self, file: IO[bytes], rate: int = SAMPLE_RATE, layout: str = "mono", track: int | None = None
    ) -> None:
        self._file, self._rate, self._layout, self._track = file, rate, layout, track
        self.track_peaks: dict[int, float] = {}
        """The loudest sample of each track that was decoded, by number from 1."""
        self.tracks = 0
        """Of these and those that cannot be decoded."""
        self._decodable: set[int] = set()
        self.opposite_phase_s = 0.0
        self.is_steady = True
        """Whether each frame of each track followed the one before, from 0 on."""

    @property
    def heard_tracks(self) -> list[int]:
        return sorted(number for number, peak in self.track_peaks.items() if peak > SILENT_PEAK)

    @property
    def silent_tracks(self) -> list[int]:
        return sorted(number for number, peak in self.track_peaks.items() if peak <= SILENT_PEAK)

    @property
    def left_out_tracks(self) -> list[int]:
        """Those that could be heard if another one was not chosen."""
        return sorted(self._decodable - self.track_peaks.keys())

    @property
    def has_opposite_phase(self) -> bool:
        return self.opposite_phase_s >= MIN_OPPOSITE_PHASE_S

    def __iter__(self) -> Iterator[Samples]:
        whole = PartFile(self._file)
        bounds = defaultdict[int, SoundBound](lambda: SoundBound(lambda: whole.size))
        rejection: AudioRejected | None = None
        is_empty = True
        for part in split_parts(whole, sound_offset(whole)):
            try:
                for samples in self._decode_part(part, bounds):
                    is_empty = False
                    yield samples
            except TooMuchSound:
                raise
            except AudioRejected as error:
                rejection = rejection or error
        if is_empty and rejection is not None:
            raise rejection

    def _decode_part(self, part: PartFile, bounds: Mapping[int, SoundBound]) -> Iterator[Samples]:
        with ExitStack() as containers:
            container = containers.enter_context(open_container(part))
            self.tracks = max(self.tracks, count_tracks(container))
            found = audio_tracks(container, self._track)
            if self._track is not None:
                self._decodable |= audio_tracks(container).keys()
            numbers, start_s = list(found), start_of(container)
            tracks = [self._decode_track(container, found[numbers[0]], start_s, numbers[0], bounds)]
            # Each of the others reads the file for itself: however they are interleaved, none waits in memory.
            for number in numbers[1:]:
                container = containers.enter_context(open_container(part.slice(0)))
                track = audio_tracks(container, number)[number]
                tracks.append(self._decode_track(container, track, start_s, number, bounds))
            yield from mix_tracks(tracks) if len(tracks) > 1 else tracks[0]

    def _decode_track(
        self,
        container: av.container.InputContainer,
        audio: av.AudioStream,
        start_s: float | None,
        number: int,
        bounds: Mapping[int, SoundBound],
    ) -> Iterator[Samples]:
        self.track_peaks.setdefault(number, 0.0)
        resampler, clock = Resampler(self._rate, self._layout), TrackClock(start_s)
        for samples in _decode_packets(container, audio, clock, resampler, bounds[number]):
            if self.tracks > 1:
                self.track_peaks[number] = max(self.track_peaks[number], float(np.abs(samples).max(initial=0)))
            yield samples
        self.opposite_phase_s += resampler.mixer.cancelled_s
        self.is_steady &= clock.is_steady


def _decode_packets(
    container: av.container.InputContainer,
    audio: av.AudioStream,
    clock: TrackClock,
    resampler: Resampler,
    bound: SoundBound,
) -> Iterator[Samples]:
    for packet in read_packets(container, audio):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue  # one bad packet is 20 ms of silence; to raise would drop the rest of the file
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            if frame.sample_rate < MIN_SAMPLE_RATE:
                continue
            duration_s = frame.samples / frame.sample_rate
            silence_s = clock.place_frame(frame.time, duration_s)
            bound.add(duration_s, silence_s)
            if silence_s:
                yield from resampler.flush()
                yield from resampler.silence(silence_s)
            yield from resampler.resample(frame)
    yield from resampler.flush()


class _CountedStream:
    """A stream that counts the bytes that were read of it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.size = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.size += len(data)
        return data
