"""Whether a player can jump in a file as it stands, read from its container without decoding anything."""

from collections.abc import Iterator
from typing import IO

EBML, SEGMENT, INFO, DURATION, CUES = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x4489, 0x1C53BB6B
"""Matroska's names of: its header, the body, what is known of it, how long it is, and its index (RFC 9559, 5.1)."""


def is_seekable(file: IO[bytes], size: int) -> bool:
    """Whether a WebM has a duration and cues, and an MP4 one index: what recorders leave out. Other kinds do without.

    Nothing about the file is taken for granted: nonsense is not seekable, or of another kind.
    """
    head = _at(file, 0, 8)
    if int.from_bytes(head[:4]) == EBML:
        names = set(_matroska_names(file, size))
        return {DURATION, CUES} <= names
    return head[4:] != b"ftyp" or b"moof" not in _boxes(file, size)


def _matroska_names(file: IO[bytes], size: int) -> Iterator[int]:
    for name, start, end in _elements(file, 0, size):
        if name == SEGMENT:
            for inner, inner_start, inner_end in _elements(file, start, end):
                yield inner
                if inner == INFO:
                    yield from (found for found, _, _ in _elements(file, inner_start, inner_end))


def _elements(file: IO[bytes], at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Name, start and end of the elements between two places, whole ones; one of unknown length lasts to the end."""
    while at < end:
        head = _at(file, at, 12)
        name_length = _vint_length(head)
        length_length = _vint_length(head[name_length:])
        if not name_length or not length_length:
            return
        body = at + name_length + length_length
        length = int.from_bytes(head[name_length : name_length + length_length])
        marker = 1 << 7 * length_length
        # All ones: a length that was not known when it was written (RFC 8794, 6.2).
        last = end if length == 2 * marker - 1 else body + length - marker
        name = int.from_bytes(head[:name_length])
        if last > end and name != SEGMENT:
            return  # cut off
        yield name, body, min(last, end)
        at = last


def _vint_length(head: bytes) -> int:
    """Bytes of the number that begins here, by its leading zero bits (RFC 8794, 4); 0: there is none."""
    return 9 - head[0].bit_length() if head and head[0] else 0


def _boxes(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The names of the outermost boxes (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= size:
        head = _at(file, at, 16)
        length = int.from_bytes(head[:4])
        yield head[4:8]
        if length == 1:  # too long for 32 bits
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: the last one, to the end
            return
        at += length


def _at(file: IO[bytes], place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)
