"""Find the sound behind what is none: tags, and zeros of a bad disk or of a download that was cut."""

import re

from services.transcriber.audio.part_file import PartFile
from services.transcriber.audio.parts import find_pattern, kind_at

MIN_ZERO_BYTES = 16
"""MP4 and MPEG begin with a few zeros of their own."""

MAX_TAGS = 8
"""Tags and stretches of zeros that are skipped."""

NOT_ZERO = re.compile(rb"[^\0]")


def sound_offset(file: PartFile) -> int:
    """Where the first container or frame begins. A frame that is cut, and other small rests, are left to FFmpeg.

    FFmpeg reads the ID3 tag of frames without a container, and its date: such a tag belongs to the sound.
    """
    position, tag_at = 0, None
    for _ in range(MAX_TAGS):
        tag_length = id3_length(file, position)
        behind = position + (tag_length or _ape_length(file, position) or _zeros(file, position))
        if not position < behind < file.size:
            break
        position, tag_at = behind, position if tag_length else None
    return position if tag_at is None or kind_at(file, position) else tag_at


def id3_length(file: PartFile, position: int) -> int:
    """Bytes of the ID3v2 tag that begins here, 0 if none does (id3.org, ID3v2.4 structure, 3.1)."""
    head = file.read_at(position, 10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
        return 0
    footer = 10 if head[5] & 0x10 else 0
    return 10 + footer + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _ape_length(file: PartFile, position: int) -> int:
    """Bytes of the APEv2 tag that begins here, 0 if none does. Its size does not count its head of 32 bytes."""
    head = file.read_at(position, 16)
    return 32 + int.from_bytes(head[12:16], "little") if head[:8] == b"APETAGEX" else 0


def _zeros(file: PartFile, position: int) -> int:
    """The length of the zeros that begin here; those that a container begins with are left to it."""
    end = find_pattern(file, position, NOT_ZERO)
    if end is None or end - position < MIN_ZERO_BYTES:
        return 0
    starts = (start for start in range(end - 3, end) if kind_at(file, start))
    return next(starts, end) - position
