"""Whether a player can seek in a file as it is, read from its container without decoding."""

from collections.abc import Iterator
from typing import IO

EBML, SEGMENT, INFO, DURATION, CUES = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x4489, 0x1C53BB6B
"""Matroska's element ids: header, body, metadata, duration, index (RFC 9559, 5.1)."""


def is_seekable(file: IO[bytes], size: int) -> bool:
    """Whether a WebM has a duration and cues, and an MP4 one index: recorders leave them out. Other files need none.

    The file is not trusted: nonsense is not seekable, or another kind of file.
    """
    head = _read_at(file, 0, 8)
    if int.from_bytes(head[:4]) == EBML:
        ids = set(_matroska_ids(file, size))
        return {DURATION, CUES} <= ids
    return head[4:] != b"ftyp" or b"moof" not in _mp4_boxes(file, size)


def _matroska_ids(file: IO[bytes], size: int) -> Iterator[int]:
    """The ids of the elements in the body, and of those in the metadata."""
    for id, start, end in _elements(file, 0, size):
        if id == SEGMENT:
            for inner_id, inner_start, inner_end in _elements(file, start, end):
                yield inner_id
                if inner_id == INFO:
                    yield from (info_id for info_id, _, _ in _elements(file, inner_start, inner_end))


def _elements(file: IO[bytes], position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, start and end of the complete elements between two positions. One of unknown size ends at `end`."""
    while position < end:
        head = _read_at(file, position, 12)
        id_length = _vint_length(head)
        size_length = _vint_length(head[id_length:])
        if not id_length or not size_length:
            return
        body = position + id_length + size_length
        size = int.from_bytes(head[id_length : id_length + size_length])
        marker = 1 << 7 * size_length
        # All ones: the size was unknown when it was written (RFC 8794, 6.2).
        body_end = end if size == 2 * marker - 1 else body + size - marker
        id = int.from_bytes(head[:id_length])
        if body_end > end and id != SEGMENT:
            return  # cut off
        yield id, body, min(body_end, end)
        position = body_end


def _vint_length(head: bytes) -> int:
    """Bytes of the number that begins here, by its leading zero bits (RFC 8794, 4); 0 if there is none."""
    return 9 - head[0].bit_length() if head and head[0] else 0


def _mp4_boxes(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The types of the outermost boxes (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        head = _read_at(file, position, 16)
        length = int.from_bytes(head[:4])
        yield head[4:8]
        if length == 1:  # a 64-bit length follows
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: the last box, which ends with the file
            return
        position += length


def _read_at(file: IO[bytes], position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)
