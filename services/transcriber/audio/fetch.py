"""Fetch a clip's audio from the store, and measure it without decoding it."""

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.transcriber.audio.announced import announced_end_s
from services.transcriber.audio.clock import MAX_GAP_S, TrackClock
from services.transcriber.audio.clock_proof import ClockProof
from services.transcriber.audio.codec_names import codec_name
from services.transcriber.audio.demux import (
    MAX_TRACKS,
    audio_tracks,
    count_tracks,
    open_container,
    read_packets,
    start_of,
)
from services.transcriber.audio.junk import id3_length, sound_offset
from services.transcriber.audio.limits import SoundBound, TooMuchSound
from services.transcriber.audio.part_file import PartFile
from services.transcriber.audio.parts import split_parts
from services.transcriber.audio.player_faults import is_misplayed
from services.transcriber.audio.unplayable import reject_unplayable
from services.transcriber.errors import AudioRejected, CancellationCheck, never_cancelled
from shared.db.columns import MAX_DURATION_MS
from shared.storage.store import Store

ENDS_EARLY = "The file ends before its sound begins: it was cut off while it was saved."

MAX_SHORTFALL = 0.05
"""Fraction of the announced length that may be missing without a note: encoders round up and pad."""

FILE_SUFFIXES = {"matroska": ".webm", "mov": ".mp4", "asf": ".wma"}
"""Demuxer → suffix that servers know its files by, where that is not the demuxer's name."""


@dataclass
class FetchedAudio:
    """A clip's audio in a local file. The file has an audio stream."""

    file: IO[bytes]
    size: int
    mime: str
    suffix: str
    duration_ms: int
    url: str | None = None
    """An address where a server may fetch the audio, if the store gives one."""
    announced_ms: int | None = None
    """The length that the container announces for this sound, if the sound ends before."""
    track: int | None = None
    """The track that is heard, from 1; None: all of them."""
    tracks: int = 1
    is_one_container: bool = True
    """False: several were joined end to end, or something else stands before the sound."""
    has_true_clock: bool = True
    """Whether every player that plays the file as it is keeps the clip's clock and sound, as far as its packets say."""
    is_plain: bool = True
    """Whether a server hears in the file as it is what a recognizer hears in its decoded samples."""
    demuxer: str = ""
    codec: str = ""
    """FFmpeg's name of it."""
    codec_name: str | None = None
    """As a media type names it; None where the container says enough."""

    @property
    def decoded_s(self) -> float:
        """Length of all tracks that are decoded, together."""
        return self.duration_ms / 1000 * (1 if self.track else min(self.tracks, MAX_TRACKS))

    @property
    def note(self) -> str | None:
        """A sentence for the owner about missing audio."""
        if self.announced_ms is None:
            return None
        length, announced_length = _format_length(self.duration_ms), _format_length(self.announced_ms)
        return f"The file ends after {length} of {announced_length}: the rest was lost before it came here."


@contextlib.contextmanager
def fetch_audio(
    store: Store, key: str, mime: str, work_dir: Path, check_cancelled: CancellationCheck, track: int | None = None
) -> Iterator[FetchedAudio]:
    """Fetch an object into a file without a name, which the system deletes in any case, and measure it.

    Raises `AudioRejected`, and the store's errors.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=work_dir) as file:
        for block in store.read(key):
            check_cancelled()
            file.write(block)
        audio = measure_audio(file, file.tell(), mime, check_cancelled, track)
        audio.url = store.presigned_url(key, mime, "inline")
        yield audio


def measure_audio(
    file: IO[bytes],
    size: int,
    mime: str,
    check_cancelled: CancellationCheck = never_cancelled,
    track: int | None = None,
) -> FetchedAudio:
    """Read the packets without decoding them: is this audio, how long is it, is it complete? Raises `AudioRejected`.

    `track`: the one that is to be heard; None: all of them.
    """
    if not size:
        raise AudioRejected("The file is empty: not a byte of sound was saved.")
    reject_unplayable(file)
    whole = PartFile(file)
    parts = split_parts(whole, sound_offset(whole))
    bounds = defaultdict[int, SoundBound](lambda: SoundBound(lambda: size))
    measured: list[_MeasuredPart] = []
    rejection = AudioRejected(ENDS_EARLY)
    for part in parts:
        try:
            measured.append(_measure_part(part, bounds, track, check_cancelled))
        except TooMuchSound:
            raise
        except AudioRejected as error:
            rejection = error
    length_s = sum(part.length_s for part in measured)
    if not length_s:
        raise rejection
    first = measured[0]
    announced_s = length_s + sum(part.missing_s for part in measured)
    is_whole = len(parts) == 1 and parts[0].start in {0, id3_length(whole, 0)}
    return FetchedAudio(
        file,
        size,
        mime,
        FILE_SUFFIXES.get(first.demuxer, f".{first.demuxer}"),
        _to_ms(length_s),
        announced_ms=_to_ms(announced_s) if announced_s > length_s else None,
        track=track if track is not None and first.tracks > 1 else None,
        tracks=first.tracks,
        is_one_container=is_whole,
        has_true_clock=is_whole and first.has_true_clock and track in {None, 1} and not first.is_misplayed,
        is_plain=is_whole and first.has_true_clock and first.tracks == 1,
        demuxer=first.demuxer,
        codec=first.codec,
        codec_name=first.codec_name,
    )


@dataclass(frozen=True)
class _MeasuredPart:
    """What the packets of one container say."""

    demuxer: str
    codec: str
    codec_name: str | None
    tracks: int
    length_s: float
    """Of the longest track, on the clip's clock."""
    missing_s: float
    """Length that is announced and not there."""
    has_true_clock: bool
    is_misplayed: bool


def _measure_part(
    part: PartFile, bounds: Mapping[int, SoundBound], track: int | None, check_cancelled: CancellationCheck
) -> _MeasuredPart:
    with open_container(part) as container:
        tracks = audio_tracks(container, track)
        start_s = start_of(container)
        clocks = {audio.index: TrackClock(start_s) for audio in tracks.values()}
        ends_s = dict.fromkeys(clocks, 0.0)
        numbers = {audio.index: number for number, audio in tracks.items()}
        first = next(iter(tracks.values()))
        proof = ClockProof(container, part)
        for packet in read_packets(container, *tracks.values()):
            check_cancelled()
            if packet.pts is None or not packet.time_base:
                continue
            index, at_s = packet.stream.index, float(packet.pts * packet.time_base)
            duration_s = min(float((packet.duration or 0) * packet.time_base), MAX_GAP_S)  # only a forged one is longer
            bounds[numbers[index]].add(duration_s, clocks[index].place_frame(at_s, duration_s))
            ends_s[index] = max(ends_s[index], at_s + duration_s)
            if index == first.index:
                proof.add(packet, clocks[index])
        length_s = max(clock.position_s for clock in clocks.values())
        announced_s = announced_end_s(container, first, part)
        # Some containers announce a length and others an end, which is later if the clock did not begin at 0.
        missing_s = (announced_s or 0.0) - max(clocks[first.index].position_s, ends_s[first.index])
        is_short = missing_s > max(1.0, MAX_SHORTFALL * (announced_s or 0.0))
        demuxer = container.format.name.partition(",")[0]
        # Firefox refuses the whole file for a track of a codec that it does not know.
        is_known = len(audio_tracks(container)) == count_tracks(container)
        return _MeasuredPart(
            demuxer,
            first.codec_context.name,
            codec_name(demuxer, first),
            count_tracks(container),
            length_s,
            missing_s if is_short else 0.0,
            is_known and proof.holds(clocks[first.index]),
            is_misplayed(part, demuxer, first),
        )


def _to_ms(seconds: float) -> int:
    # Only a forged clock says more than the database's column holds.
    return min(int(seconds * 1000), MAX_DURATION_MS)


def _format_length(ms: int) -> str:
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"
