"""Streams that begin with no signature: they are told by frames that follow each other, each as long as it says."""

import re
from collections.abc import Callable
from dataclasses import dataclass

HEADER_BYTES = 8
"""Bytes of a frame that tell its length in every format here."""

MIN_FRAMES = 3
"""Frames in a row that prove a format: three headers that agree are more than 40 bits."""

MAX_CUT_BYTES = 8192
"""Bytes before the first whole frame: more than the longest frame of each format has."""

_TS_PACKET_BYTES = (188, 192, 204)
"""MPEG-TS on air or in files (ISO/IEC 13818-1), with a time code (Blu-ray, AVCHD), with error correction (DVB)."""

_TS_PACKETS = 5
"""Packets in a row that prove a transport stream."""

_MPEG_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by version (2.5 has those of 2) and layer, from index 1: ISO/IEC 11172-3 and 13818-3."""

_MPEG_RATES = (44_100, 48_000, 32_000)
"""Samples a second of version 1; version 2 has half of them, 2.5 a quarter."""

_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (48_000, 44_100, 32_000)


@dataclass(frozen=True)
class Frame:
    """One frame's header: how many bytes the frame has, and what the next one must have in common with it."""

    bytes: int
    identity: tuple[str | int, ...]


Parse = Callable[[bytes], Frame | None]
"""Reads the frame that begins with these `HEADER_BYTES`; None: no frame of this format begins here."""


def mpeg_audio_frame(header: bytes) -> Frame | None:
    """MPEG audio, layers I to III (MP1, MP2, MP3): ISO/IEC 11172-3, 2.4.1.3."""
    version = {0: 4, 2: 2, 3: 1}.get(header[1] >> 3 & 3)  # 2.5, 2 and 1, as the divisor of the rate
    layer = 4 - (header[1] >> 1 & 3)
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version is None or layer == 4 or bitrate in {0, 15} or rate == 3:
        return None
    kbps = _MPEG_KBPS[min(version, 2), layer][bitrate - 1]
    hertz, padding = _MPEG_RATES[rate] // version, header[2] >> 1 & 1
    if layer == 1:
        size = (12_000 * kbps // hertz + padding) * 4
    else:
        size = (72_000 if layer == 3 and version > 1 else 144_000) * kbps // hertz + padding
    return Frame(size, (version, layer, rate))


def adts_frame(header: bytes) -> Frame | None:
    """AAC in ADTS: ISO/IEC 14496-3, 1.A.2.2."""
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    rate = header[2] >> 2 & 15
    if header[1] & 0x06 or rate > 12 or size < 8:
        return None
    return Frame(size, (header[1] >> 3 & 1, header[2] >> 6, rate))


def loas_frame(header: bytes) -> Frame | None:
    """AAC in LATM, in LOAS: ISO/IEC 14496-3, 1.7.2."""
    size = (header[1] & 31) << 8 | header[2]
    return Frame(size + 3, ("loas",)) if size else None


def ac3_frame(header: bytes) -> Frame | None:
    """AC-3 (Dolby Digital): ETSI TS 102 366, 4.4.1."""
    rate, code, version = header[4] >> 6, header[4] & 63, header[5] >> 3
    if rate == 3 or code >= 2 * len(_AC3_KBPS) or version > 10:
        return None
    words = _AC3_KBPS[code >> 1] * 96_000 // _AC3_RATES[rate]
    return Frame((words + (code & 1 if rate == 1 else 0)) * 2, ("ac3", rate))


def eac3_frame(header: bytes) -> Frame | None:
    """E-AC-3 (Dolby Digital Plus): ETSI TS 102 366, E.1.2."""
    size = (((header[2] & 7) << 8 | header[3]) + 1) * 2
    return Frame(size, ("eac3",)) if 10 < header[5] >> 3 <= 16 and size >= 16 else None


FRAMINGS: tuple[tuple[str, re.Pattern[bytes], Parse], ...] = (
    ("mpeg", re.compile(rb"\xff[\xe2-\xe7\xf2-\xff]"), mpeg_audio_frame),
    ("adts", re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), adts_frame),
    ("loas", re.compile(rb"\x56[\xe0-\xff]"), loas_frame),
    ("ac3", re.compile(rb"\x0b\x77"), ac3_frame),
    ("eac3", re.compile(rb"\x0b\x77"), eac3_frame),
)
"""Name, how a header begins, and what reads it."""


def framing(head: bytes, start: int) -> str | None:
    """The framing whose frames begin at `start`, or up to `MAX_CUT_BYTES` behind it, after a frame that was cut.

    A head that ends within the first frames proves MP3 and ADTS alone, whose headers are the longest, and only where
    they begin at `start`.
    """
    for name, sync, parse in FRAMINGS:
        if sync.match(head, start):
            frames, is_cut = _count_frames(head, start, sync, parse)
            if frames >= MIN_FRAMES or (
                frames and is_cut and name in {"mpeg", "adts"} and not _is_layer_1(head, start)
            ):
                return name
    for name, sync, parse in FRAMINGS:
        for match in sync.finditer(head, start + 1, start + 1 + MAX_CUT_BYTES):
            if _count_frames(head, match.start(), sync, parse)[0] > MIN_FRAMES:
                return name
    return None


def is_transport_stream(head: bytes) -> bool:
    """Whether packets of MPEG-TS follow each other, perhaps after one that was cut."""
    return any(
        all(_is_ts_packet(head, start + number * size) for number in range(_TS_PACKETS))
        for size in _TS_PACKET_BYTES
        if len(head) >= (_TS_PACKETS + 1) * size
        for start in range(size)
    )


def _is_ts_packet(head: bytes, at: int) -> bool:
    """Whether a packet's header is here: sync byte, no error, and a payload or an adaptation field."""
    return head[at] == 0x47 and head[at + 1] < 0x80 and bool(head[at + 3] & 0x30)


def _is_layer_1(head: bytes, at: int) -> bool:
    """Whether this may be text in UTF-16, whose byte order mark FF FE reads as a header of layer I."""
    return head[at + 1] & 0x06 == 0x06


def _count_frames(head: bytes, at: int, sync: re.Pattern[bytes], parse: Parse) -> tuple[int, bool]:
    """How many frames that agree follow each other, more than `MIN_FRAMES` at most; whether the head ends before."""
    identity = None
    for frames in range(MIN_FRAMES + 1):
        if at + HEADER_BYTES > len(head):
            return frames, True
        frame = parse(head[at : at + HEADER_BYTES]) if sync.match(head, at) else None
        if frame is None or (identity or frame.identity) != frame.identity:
            return frames, False
        identity, at = frame.identity, at + frame.bytes
    return MIN_FRAMES + 1, False
