"""Fetch a clip's audio from the store, and measure it without decoding it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
import numpy as np

from services.transcriber.audio.blocks import BLOCK_S, CUT_S, quietest
from services.transcriber.audio.decode import RATE, UNDECODABLE, Samples, decoded, opened, packets
from services.transcriber.errors import AudioRejected
from shared.db.columns import MAX_DURATION_MS
from shared.storage.store import Store

SHORTFALL = 0.05
"""Part of the announced length that may be missing before we speak of it; encoders round up and pad."""


SUFFIXES = {"matroska": ".webm", "mov": ".mp4", "asf": ".wma"}
"""Endings that servers know a container by, where the demuxer's name is none."""


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
        audio.url = store.url(key, mime, "inline")
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
