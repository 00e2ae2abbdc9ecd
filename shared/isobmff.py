"""What the index of an MP4 or QuickTime file says: ISO base media file format, ISO/IEC 14496-12. Untrusted bytes."""

from collections.abc import Iterator
from typing import IO

MAX_INDEX_BYTES = 16 * 1024**2
"""Bytes of an index (`moov`) that are read; an hour's index is about 1 MB."""

MAX_BOXES = 1000
"""Boxes of a file that are skipped to find its index: recorders write it among the first ten, or last."""

ENCRYPTED = (
    "The sound in this file is encrypted (DRM): only the app that it comes from can play it. "
    "Send a copy without copy protection."
)

CUT_OFF = (
    "This file was cut off while it was saved: the index that MP4 writes at its end is missing, and without it nothing "
    "can be played. Send it once more from the device that made it."
)


def read_index(file: IO[bytes]) -> bytes | None:
    """The movie box (`moov`), which may stand at the end; None where there is none, or not all of it."""
    for box_type, offset, size in _boxes(file):
        if box_type == b"moov":
            is_whole = offset + size <= file.seek(0, 2) and size <= MAX_INDEX_BYTES
            file.seek(offset)
            return file.read(size) if is_whole else None
    return None


def is_silent(index: bytes) -> bool:
    """Whether there is a handler for video and none for sound."""
    return b"vide" in index and b"soun" not in index


def is_encrypted(index: bytes) -> bool:
    """Whether the sound is encrypted: common encryption (ISO/IEC 23001-7, `enca`), or iTunes' and Audible's own."""
    is_protected = b"sinf" in index and b"frma" in index
    return (is_protected and (b"enca" in index or b"drms" in index)) or b"aavd" in index


def is_cut_off(file: IO[bytes]) -> bool:
    """Whether a file that begins as MP4 or QuickTime has lost its index."""
    types = [box_type for box_type, _, _ in _boxes(file)]
    return types[:1] in ([b"ftyp"], [b"mdat"], [b"wide"]) and b"moov" not in types and len(types) < MAX_BOXES


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset and size of the boxes of the file, `MAX_BOXES` at most, up to one that cannot be."""
    end = file.seek(0, 2)
    offset = 0
    for _ in range(MAX_BOXES):
        file.seek(offset)
        header = file.read(16)
        size, box_type = int.from_bytes(header[:4]), header[4:8]
        if size == 1:  # a 64-bit size follows the type
            size = int.from_bytes(header[8:])
        elif size == 0:  # up to the end of the file
            size = end - offset
        yield box_type, offset, size
        offset += size
        if size < 8 or offset >= end:
            break
