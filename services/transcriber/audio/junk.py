"""Find the sound behind bytes that are none: zeros of a bad disk, a tag, the rest of a frame that was cut."""

import re

from services.transcriber.audio.part_file import PartFile
from services.transcriber.audio.parts import find_pattern, kind_at

MAX_JUNK_BYTES = 8 << 20
"""Bytes before the sound that are searched: a tag may hold a picture. Searching takes a tenth of a second."""

APE_HEAD_BYTES = 32
"""Of an APEv2 tag, whose size does not count its head."""

CHAIN_FRAMES = 4
"""Frames that must follow each other, so that chance does not make them."""

MAX_CANDIDATES = 20_000
"""Places that are tried: chance makes one of 2,000 bytes look like a frame."""

NOT_ZERO = re.compile(rb"[^\0]")
FRAME_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]", re.DOTALL)
"""The first bytes of a frame of MPEG audio (ISO/IEC 11172-3, 2.4.1.3) or of ADTS (ISO/IEC 13818-7, 6.2)."""

BIT_RATES_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By version (2.5 has those of 2) and layer, from the second index on: the first one means "free"."""

SAMPLE_RATES = (44_100, 48_000, 32_000)


def sound_offset(part: PartFile) -> int:
    """Where the sound begins in a part that is no sound at its beginning; 0 if none is found."""
    start = find_pattern(part, 0, NOT_ZERO, MAX_JUNK_BYTES) or 0
    if part.read_at(start, 8) == b"APETAGEX":
        start += APE_HEAD_BYTES + int.from_bytes(part.read_at(start + 12, 4), "little")
    # The sizes at the beginning of an MP4 begin with zeros as well.
    for offset in range(max(0, start - 3), start + 1):
        if kind_at(part, offset):
            return offset
    if part.read_at(start, 3) == b"ID3":
        return start
    return _first_frame(part, start)


def _first_frame(part: PartFile, start: int) -> int:
    candidate = find_pattern(part, start, FRAME_SYNC, start + MAX_JUNK_BYTES)
    for _ in range(MAX_CANDIDATES):
        if candidate is None:
            return 0
        if _has_frames(part, candidate):
            return candidate
        candidate = find_pattern(part, candidate + 1, FRAME_SYNC, start + MAX_JUNK_BYTES)
    return 0


def _has_frames(part: PartFile, position: int) -> bool:
    for _ in range(CHAIN_FRAMES):
        length = _frame_length(part.read_at(position, 6))
        if not length:
            return False
        position += length
    return True


def _frame_length(head: bytes) -> int:
    """Bytes of the frame of MPEG audio or ADTS that begins with this head; 0 if none does."""
    if len(head) < 6 or head[0] != 0xFF or head[1] < 0xE2:
        return 0
    layer_bits = head[1] >> 1 & 3
    if not layer_bits:  # ADTS
        is_adts = head[1] >= 0xF0 and head[2] >> 2 & 15 < 13
        return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5 if is_adts else 0
    version_bits, bit_rate_index, rate_index = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version_bits == 1 or rate_index == 3 or bit_rate_index in {0, 15}:
        return 0
    layer, version = 4 - layer_bits, 1 if version_bits == 3 else 2
    bits_per_s = 1000 * BIT_RATES_KBPS[version, layer][bit_rate_index - 1]
    rate = SAMPLE_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version_bits]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_s // rate + padding) * 4
    samples = 576 if (version, layer) == (2, 3) else 1152
    return samples // 8 * bits_per_s // rate + padding
