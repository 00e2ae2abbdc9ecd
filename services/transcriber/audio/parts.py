"""Split a file into the containers that were joined in it end to end, as by `cat`."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from services.transcriber.audio.part_file import PartFile

MAX_PARTS = 1_000
"""Containers in one file: each costs a millisecond to open. What follows belongs to the last one."""

MAX_BOXES = 500_000
"""Elements of one container that are walked over: a day in fragments of a second has 170,000. It takes a second."""

SEARCH_BLOCK_BYTES = 1 << 20
"""Bytes that are searched at once for the head of another container."""

MAX_HEAD_BYTES = 64
"""Bytes in which a container shows its kind."""

BOX_TYPE = re.compile(rb"[ -~]{4}")
"""The type of an outermost box of an MP4."""

UNKNOWN_SIZES = {0, 2**32 - 1}
"""Sizes that a writer leaves in a header that it cannot come back to."""


@dataclass(frozen=True)
class ContainerKind:
    """A kind of container that has a head."""

    head: re.Pattern[bytes]
    """Where one begins. It matches no more than `MAX_HEAD_BYTES`."""
    find_end: Callable[[PartFile, int, "ContainerKind"], int | None]
    """Where the container that starts at a position should end; None: with the file."""


def split_parts(file: PartFile) -> list[PartFile]:
    """The containers of a file, in order; the file itself if it is one container, or of a kind without a head."""
    starts = [0]
    while len(starts) < MAX_PARTS and (start := _next_start(file, starts[-1])) is not None:
        starts.append(start)
    return [file.slice(start, end) for start, end in zip(starts, [*starts[1:], file.size], strict=True)]


def kind_at(file: PartFile, position: int) -> ContainerKind | None:
    """The kind of the container that begins here, if one does."""
    head = file.read_at(position, MAX_HEAD_BYTES)
    return next((kind for kind in KINDS if kind.head.match(head)), None)


def _next_start(file: PartFile, start: int) -> int | None:
    """Where another container begins behind the one that starts here."""
    kind = kind_at(file, start)
    end = kind.find_end(file, start, kind) if kind else None
    if end is None:
        return None
    # Chunks of odd size are padded, and some writers do not pad the last one.
    return next((at for at in (end, end + 1) if start < at < file.size and kind_at(file, at)), None)


def _search_head(file: PartFile, start: int, kind: ContainerKind) -> int | None:
    """Where the bytes look like another head of this kind."""
    return find_pattern(file, start + 1, kind.head)


def find_pattern(file: PartFile, start: int, pattern: re.Pattern[bytes], end: int | None = None) -> int | None:
    """The position of a pattern of up to `MAX_HEAD_BYTES`."""
    end = file.size if end is None else min(end, file.size)
    for position in range(start, end, SEARCH_BLOCK_BYTES):
        block = file.read_at(position, min(SEARCH_BLOCK_BYTES, end - position) + MAX_HEAD_BYTES)
        if match := pattern.search(block):
            return position + match.start()
    return None


def _end_of_riff(file: PartFile, start: int, kind: ContainerKind) -> int | None:
    """By the size in its head: WAV and AVI, and RF64 and BW64, whose `ds64` chunk has the size (EBU Tech 3306)."""
    head = file.read_at(start, 28)
    size = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" and head[12:16] == b"ds64":
        size = int.from_bytes(head[20:28], "little")
    if size in UNKNOWN_SIZES:
        return _search_head(file, start, kind)
    return start + 8 + size


def _end_of_form(file: PartFile, start: int, _: ContainerKind) -> int:
    return start + 8 + int.from_bytes(file.read_at(start + 4, 4))


def _end_of_w64(file: PartFile, start: int, _: ContainerKind) -> int:
    return start + int.from_bytes(file.read_at(start + 16, 8), "little")


def _end_of_au(file: PartFile, start: int, _: ContainerKind) -> int | None:
    offset, size = (int.from_bytes(file.read_at(start + at, 4)) for at in (4, 8))
    return None if size in UNKNOWN_SIZES else start + offset + size


def _end_of_caf(file: PartFile, start: int, kind: ContainerKind) -> int | None:
    """Chunk by chunk. The last one may be of unknown size, -1."""
    position = start + 8
    for _ in range(MAX_BOXES):
        head = file.read_at(position, 12)
        if len(head) < 12 or kind.head.match(head):
            return position
        size = int.from_bytes(head[4:12])
        if size >= 2**63:
            return _search_head(file, position, kind)
        position += 12 + size
    return None


def _end_of_mp4(file: PartFile, start: int, _: ContainerKind) -> int | None:
    """Box by box, up to another `ftyp` or to what is no box (ISO/IEC 14496-12, 4.2)."""
    position = start
    for _box in range(MAX_BOXES):
        head = file.read_at(position, 16)
        size, box = int.from_bytes(head[:4]), head[4:8]
        if position > start and (box == b"ftyp" or not BOX_TYPE.fullmatch(box)):
            return position
        if size == 1:  # a 64-bit size follows
            size = int.from_bytes(head[8:])
        if size < 8:  # 0: the last box, which ends with the file
            return None if size == 0 else position
        position += size
    return None


def _end_of_ebml(file: PartFile, start: int, kind: ContainerKind) -> int | None:
    """By the size of its segment. Recorders do not know it: then where the next head is."""
    position = start
    for _ in range(2):  # the head, and the segment
        head = file.read_at(position, 12)
        id_length = vint_length(head)
        size_length = vint_length(head[id_length:])
        size = int.from_bytes(head[id_length : id_length + size_length]) - (1 << 7 * size_length)
        if not id_length or not size_length or size == (1 << 7 * size_length) - 1:
            return _search_head(file, start, kind)
        position += id_length + size_length + size
    return position


def vint_length(head: bytes) -> int:
    """Bytes of the number that begins here, by its leading zero bits (RFC 8794, 4); 0 if there is none."""
    return 9 - head[0].bit_length() if head and head[0] else 0


def _end_of_ogg(file: PartFile, start: int, kind: ContainerKind) -> int | None:
    """Page by page, up to one that begins a stream behind data: the streams of a link begin together (RFC 3533, 4)."""
    position, has_data = start, False
    for _ in range(MAX_BOXES):
        head = file.read_at(position, 27 + 255)
        if len(head) < 27:
            return None
        if kind.head.match(head):
            if has_data:
                return position
        elif head[:4] == b"OggS":
            has_data = True
        else:
            return position if kind_at(file, position) else _search_head(file, position, kind)
        position += 27 + head[26] + sum(head[27 : 27 + head[26]])
    return None


KINDS = tuple(
    ContainerKind(re.compile(head, re.DOTALL), find_end)
    for head, find_end in (
        (rb"(RIFF|RF64|BW64)....WAVE(fmt |bext|ds64|JUNK|junk|LIST|fact|iXML|PEAK|FLLR)", _end_of_riff),
        (rb"RIFF....AVI LIST", _end_of_riff),
        (rb"FORM....AIF[FC]", _end_of_form),
        (rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", _end_of_w64),
        (rb"\.snd\0\0..", _end_of_au),
        (rb"caff\0\x01\0\0desc", _end_of_caf),
        (rb"\0\0..ftyp", _end_of_mp4),
        (rb"\x1a\x45\xdf\xa3.{1,40}?\x42\x82.(webm|matroska)", _end_of_ebml),
        (rb"OggS\0[\x02\x06]", _end_of_ogg),
        (rb"fLaC[\0\x80]\0\0\x22", _search_head),
        (rb"#!AMR(-WB)?\n", _search_head),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", _search_head),  # ASF
    )
)
