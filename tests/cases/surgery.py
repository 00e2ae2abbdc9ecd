"""Files as no encoder writes them: tags in odd places, patched headers, jumping clocks."""

import io
import struct

import av

TITLE = "Gespraech"
TITLE_IN_LATIN_1 = b"Gespr\xe4ch."
"""As long as `TITLE`, and not UTF-8."""


def id3_tag(text: bytes = b"\x00" + TITLE_IN_LATIN_1) -> bytes:
    """An ID3v2.3 tag with a title in ISO 8859-1."""
    frame = b"TIT2" + struct.pack(">IH", len(text), 0) + text
    padded = frame + bytes(500)
    size = len(padded)
    return b"ID3\x03\x00\x00" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + padded


def ape_tag() -> bytes:
    """An APEv2 tag that stands before the sound."""
    item = struct.pack("<II", 9, 0) + b"Title\x00" + b"A speech."
    head = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0xA0000000) + bytes(8)
    foot = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0x80000000) + bytes(8)
    return head + item + foot


def in_latin_1(content: bytes) -> bytes:
    """With the title in ISO 8859-1 where the container asks for UTF-8."""
    return replaced(content, TITLE.encode(), TITLE_IN_LATIN_1[: len(TITLE)])


def replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    """With the first of these bytes replaced by as many others."""
    assert len(old) == len(new)
    assert old in content
    return content.replace(old, new, 1)


def part(content: bytes, share: float) -> bytes:
    """The beginning of a file whose rest was lost."""
    return content[: int(len(content) * share)]


def clusters_set_back(webm: bytes, from_ms: int, by_ms: int) -> bytes:
    """A WebM whose clusters step back in time from a moment on, as a recorder's whose clock was set."""
    result = bytearray(webm)
    at = webm.find(b"\x1f\x43\xb6\x75")
    while at >= 0:
        time_at = webm.index(b"\xe7", at, at + 32)
        size = webm[time_at + 1] & 0x7F
        time_ms = int.from_bytes(webm[time_at + 2 : time_at + 2 + size])
        if time_ms >= from_ms:
            result[time_at + 2 : time_at + 2 + size] = (time_ms - by_ms).to_bytes(size)
        at = webm.find(b"\x1f\x43\xb6\x75", at + 4)
    return bytes(result)


def caf_of_aac(m4a: bytes) -> bytes:
    """A Core Audio file with the AAC of an MP4, as Messages on an iPhone writes them; FFmpeg writes none."""
    with av.open(io.BytesIO(m4a), "r") as source:
        track = source.streams.audio[0]
        packets = [bytes(packet) for packet in source.demux(track) if packet.size]
        rate, channels = track.rate, track.channels
    esds_at = m4a.index(b"esds")
    cookie = m4a[esds_at + 8 : esds_at - 4 + int.from_bytes(m4a[esds_at - 4 : esds_at])]
    description = struct.pack(">d4sIIIII", rate, b"aac ", 0, 0, 1024, channels, 0)
    priming = 1024
    table = struct.pack(">qqii", len(packets), len(packets) * 1024 - priming, priming, 0)
    table += b"".join(_variable_length(len(packet)) for packet in packets)
    chunks = (
        (b"desc", description),
        (b"kuki", cookie),
        (b"pakt", table),
        (b"data", bytes(4) + b"".join(packets)),
    )
    return b"caff\x00\x01\x00\x00" + b"".join(name + struct.pack(">q", len(body)) + body for name, body in chunks)


def _variable_length(number: int) -> bytes:
    """A number in groups of seven bits, the highest first."""
    groups = [number & 127]
    while number := number >> 7:
        groups.insert(0, number & 127 | 128)
    return bytes(groups)
