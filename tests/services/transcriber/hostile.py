"""Files whose headers lie, that pretend to be sound, or that mean harm, each made of a good one."""

import gzip
import io
import struct
import zipfile

import numpy as np

from tests import speech
from tests.services.transcriber import files

SPOKEN = speech.ALL[4]
"""What is said in all of them that can be heard."""


def sound() -> speech.Samples:
    return speech.samples([SPOKEN])


def header(
    riff_size: int | None = None, data_size: int | None = None, rate: int = speech.RATE, channels: int = 1
) -> bytes:
    """A WAV whose header says something else than what is there."""
    content = bytearray(speech.wav(sound()))
    if riff_size is not None:
        struct.pack_into("<I", content, 4, riff_size)
    struct.pack_into("<HIIH", content, 22, channels, rate, rate * 2 % 2**32, 2 * channels % 2**16)
    if data_size is not None:
        struct.pack_into("<I", content, 40, data_size)
    return bytes(content)


def no_numbers() -> bytes:
    """A WAV of floating point numbers, some of which are none, and some beyond all bounds."""
    content = bytearray(speech.encode(sound(), "wav", "pcm_f32le"))
    start = content.index(b"data") + 8
    for at in range(start, start + 4 * speech.RATE // 4, 4 * 4_000):
        struct.pack_into("<fff", content, at, float("nan"), float("inf"), 3e38)
    return bytes(content)


def endless_flac() -> bytes:
    """FLAC that claims as many samples as 36 bits can say: two weeks of them."""
    content = bytearray(speech.encode(sound(), "flac", "flac"))
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    return bytes(content)


def endless_caf() -> bytes:
    """CAF whose sound is longer than any file: players seek behind the end of all numbers."""
    content = bytearray(speech.encode(sound(), "caf", "pcm_s16be"))
    start = content.index(b"data") + 4
    content[start : start + 4] = b"\x7f" + b"\xff" * 3
    return bytes(content)


def changing_aac() -> bytes:
    """AAC that is stereo of another rate in its middle, as where two files were laid end to end."""
    first = speech.encode(sound(), "adts", "aac")
    return first + files.stereo(np.zeros(22_050, np.int16), 22_050, "adts", "aac") + first


def with_cover() -> bytes:
    """MP3 with a picture before its sound, as music shops sell it (ID3v2.3, 4.15)."""
    picture = b"\0image/png\0\x03\0" + files.image()
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    length = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + frame + speech.encode(sound(), "mp3", "mp3")


def archive() -> bytes:
    """A zip file with a recording in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("note.wav", speech.wav(sound()))
    return buffer.getvalue()


def bomb() -> bytes:
    """Fifty megabytes of nothing in fifty kilobytes."""
    return gzip.compress(bytes(50_000_000))


def silent_flac(seconds: float, rate_khz: int = 1, block: int = 65_535) -> bytes:
    """FLAC of nothing, written by hand: 14 bytes for each block of at most 65,535 samples (RFC 9639)."""
    samples, rate = int(seconds * rate_khz * 1000), rate_khz * 1000
    about = rate << 44 | 0 << 41 | 15 << 36 | samples
    head = b"fLaC\x80\x00\x00\x22" + struct.pack(">HH", block, block) + bytes(6) + about.to_bytes(8) + bytes(16)
    frames = []
    for number in range(samples // block):
        coded = chr(number).encode("utf-8", "surrogatepass")
        frame = b"\xff\xf8\x7c\x08" + coded + struct.pack(">HB", block - 1, rate_khz)
        frame += bytes([crc(frame, 0x07, 8)]) + bytes(3)  # one subframe: constant, and its value, 0
        frames.append(frame + struct.pack(">H", crc(frame, 0x8005, 16)))
    return head + b"".join(frames)


def crc(data: bytes, polynomial: int, bits: int) -> int:
    """A cyclic redundancy check that begins with 0 and reflects nothing."""
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> bits - 1 else 0)) & (1 << bits) - 1
    return value
