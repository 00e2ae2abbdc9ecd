"""Fetch a clip's audio from the store, and measure it without decoding it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.transcriber.audio.announced import announced_end_s
from services.transcriber.audio.clock import MAX_GAP_S
from services.transcriber.audio.demux import open_audio, read_packets
from services.transcriber.audio.limits import IMPLAUSIBLE, TooMuchSound, plausible_s
from services.transcriber.audio.unplayable import reject_unplayable
from services.transcriber.errors import AudioRejected, CancellationCheck, never_cancelled
from shared.db.columns import MAX_DURATION_MS
from shared.storage.store import Store

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
    sound_ms: int = 0
    """How much sound a decoder makes of it, as its packets say: a broken clock does not count."""

    @property
    def note(self) -> str | None:
        """A sentence for the owner about missing audio."""
        if self.announced_ms is None:
            return None
        length, announced_length = _format_length(self.duration_ms), _format_length(self.announced_ms)
        return f"The file ends after {length} of {announced_length}: the rest was lost before it came here."


@contextlib.contextmanager
def fetch_audio(
    store: Store, key: str, mime: str, work_dir: Path, check_cancelled: CancellationCheck
) -> Iterator[FetchedAudio]:
    """Fetch an object into a file without a name, which the system deletes in any case, and measure it.

    Raises `AudioRejected`, and the store's errors.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=work_dir) as file:
        for block in store.read(key):
            check_cancelled()
            file.write(block)
        audio = measure_audio(file, file.tell(), mime, check_cancelled)
        audio.url = store.presigned_url(key, mime, "inline")
        yield audio


def measure_audio(
    file: IO[bytes], size: int, mime: str, check_cancelled: CancellationCheck = never_cancelled
) -> FetchedAudio:
    """Read the packets without decoding them: is this audio, how long is it, is it complete? Raises `AudioRejected`."""
    if not size:
        raise AudioRejected("The file is empty: not a byte of sound was saved.")
    reject_unplayable(file)
    span = _Span(plausible_s(size))
    with open_audio(file) as (container, audio):
        for packet in read_packets(container, audio):
            check_cancelled()
            if packet.pts is not None and packet.time_base:
                span.add(float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base))
        announced_s = announced_end_s(container, audio, file, size)
        demuxer = container.format.name.partition(",")[0]
    if not span.length_s:
        raise AudioRejected("The file ends before its sound begins: it was cut off while it was saved.")
    # Some containers announce a length and others an end, which is later if the clock did not begin at 0.
    missing_s = (announced_s or 0.0) - max(span.length_s, span.end_s)
    is_short = announced_s is not None and missing_s > max(1.0, MAX_SHORTFALL * announced_s)
    return FetchedAudio(
        file,
        size,
        mime,
        FILE_SUFFIXES.get(demuxer, f".{demuxer}"),
        _to_ms(span.length_s),
        announced_ms=_to_ms(announced_s) if announced_s is not None and is_short else None,
        sound_ms=_to_ms(span.sound_s),
    )


class _Span:
    """The time that the packets of a stream take, in seconds."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._start_s: float | None = None
        self.end_s = 0.0
        self.length_s = 0.0
        """From the first packet to the end of the last one."""
        self.sound_s = 0.0
        """Of the packets, and of the gaps that a decoder fills."""

    def add(self, at_s: float, duration_s: float) -> None:
        """Add a packet. Raises `TooMuchSound`."""
        if self._start_s is None:
            self._start_s = self.end_s = at_s
        gap_s = at_s - self.end_s
        self.sound_s += min(duration_s, MAX_GAP_S) + (gap_s if 0 < gap_s < MAX_GAP_S else 0)
        self.end_s = max(self.end_s, at_s + duration_s)
        self.length_s = self.end_s - self._start_s
        if self.sound_s > self._max_s:
            raise TooMuchSound(IMPLAUSIBLE)


def _to_ms(seconds: float) -> int:
    # Only a forged clock says more than the database's column holds.
    return min(int(seconds * 1000), MAX_DURATION_MS)


def _format_length(ms: int) -> str:
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"
