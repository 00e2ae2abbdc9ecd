"""Fetch a clip's audio from the store, and measure it without decoding it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av

from services.transcriber.audio.decode import open_audio, read_packets
from services.transcriber.errors import AudioRejected
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
    """The length that the header announces, if the file ends before."""

    @property
    def note(self) -> str | None:
        """A sentence for the owner about missing audio."""
        if self.announced_ms is None:
            return None
        length, announced_length = _format_length(self.duration_ms), _format_length(self.announced_ms)
        return f"The file ends after {length} of {announced_length}: the rest was lost before it came here."


@contextlib.contextmanager
def fetch_audio(store: Store, key: str, mime: str, work_dir: Path) -> Iterator[FetchedAudio]:
    """Fetch an object into a file without a name, which the system deletes in any case, and measure it.

    Raises `AudioRejected`, and the store's errors.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=work_dir) as file:
        for block in store.read(key):
            file.write(block)
        audio = measure_audio(file, file.tell(), mime)
        audio.url = store.presigned_url(key, mime, "inline")
        yield audio


def measure_audio(file: IO[bytes], size: int, mime: str) -> FetchedAudio:
    """Read the packets without decoding them: is this audio, how long is it, is it complete? Raises `AudioRejected`."""
    if not size:
        raise AudioRejected("The file is empty: not a byte of sound was saved.")
    with open_audio(file) as (container, audio):
        first_pts, duration_s = None, 0.0
        for packet in read_packets(container, audio):
            if packet.pts is not None and packet.time_base:
                first_pts = packet.pts if first_pts is None else first_pts
                end_s = float((packet.pts + (packet.duration or 0) - first_pts) * packet.time_base)
                duration_s = max(duration_s, end_s)
        announced_s = (container.duration or 0) / av.time_base
        demuxer = container.format.name.partition(",")[0]
    if demuxer == "wav":
        announced_s *= _riff_size_ratio(file, size)
    if not duration_s:
        raise AudioRejected("The file ends before its sound begins: it was cut off while it was saved.")
    is_short = announced_s - duration_s > max(1.0, MAX_SHORTFALL * announced_s)
    return FetchedAudio(
        file,
        size,
        mime,
        FILE_SUFFIXES.get(demuxer, f".{demuxer}"),
        _to_ms(duration_s),
        announced_ms=_to_ms(announced_s) if is_short else None,
    )


def _riff_size_ratio(file: IO[bytes], size: int) -> float:
    """The size that a WAV file's header announces, divided by its size. A header of 0 or all ones announces none."""
    file.seek(4)
    announced = int.from_bytes(file.read(4), "little") + 8
    return announced / size if size < announced < 2**32 - 1 else 1.0


def _to_ms(seconds: float) -> int:
    # Only a forged clock says more than the database's column holds.
    return min(int(seconds * 1000), MAX_DURATION_MS)


def _format_length(ms: int) -> str:
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"
