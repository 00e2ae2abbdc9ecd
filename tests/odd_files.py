"""Real sound in containers and codecs that are rare, and with odd beginnings; made by PyAV."""

import io
import struct
from fractions import Fraction
from functools import cache
from typing import cast

import av
import numpy as np

from tests import speech

RARE = {
    "caf": ("caf", "alac", "audio/x-caf"),
    "ts": ("mpegts", "mp2", "video/mp2t"),
    "flv": ("flv", "aac", "video/x-flv"),
    "mpg": ("mpeg", "mp2", "video/mpeg"),
    "vob": ("vob", "ac3", "video/mpeg"),
    "w64": ("w64", "pcm_s16le", "audio/x-w64"),
    "au": ("au", "pcm_s16be", "audio/basic"),
    "latm": ("latm", "aac", "audio/mp4a-latm"),
    "ac3": ("ac3", "ac3", "audio/ac3"),
    "eac3": ("eac3", "eac3", "audio/eac3"),
    "wma": ("asf", "wmav2", "audio/x-ms-wma"),
    "avi": ("avi", "mp2", "video/x-msvideo"),
    "mp2": ("mp2", "mp2", "audio/mpeg"),
    "mov": ("mov", "pcm_s16le", "audio/mp4"),
    "wv": ("wv", "wavpack", "audio/x-wavpack"),
    "tta": ("tta", "tta", "audio/x-tta"),
    "voc": ("voc", "pcm_s16le", "audio/x-voc"),
}
"""File extension → PyAV's name of the container, a codec that goes into it, and the type that it is served as."""

ENCRYPTION = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "11" * 16, "encryption_kid": "22" * 16}
"""Options of FFmpeg's MP4 muxer for common encryption."""


@cache
def encoded(
    container: str, codec: str, options: tuple[tuple[str, str], ...] = (), *, metadata: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """Half a second of a tone, and the container's metadata."""
    times = np.arange(speech.RATE // 2) / speech.RATE
    tone = (8000 * np.sin(2 * np.pi * 300 * times)).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=dict(options)) as output:
        output.metadata.update(dict(metadata))
        track = cast("av.AudioStream", output.add_stream(codec, rate=speech.RATE, layout="mono"))
        track.bit_rate = 64_000
        resampler = av.AudioResampler(track.format, "mono", speech.RATE, frame_size=track.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = speech.RATE, Fraction(1, speech.RATE), 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(track.encode(piece))
        output.mux(track.encode(None))
    return buffer.getvalue()


def rare(extension: str) -> bytes:
    container, codec, _ = RARE[extension]
    return encoded(container, codec)


def id3_tag(padding: int = 100) -> bytes:
    """An ID3 tag without frames, of so many bytes behind its header."""
    return b"ID3\x04\0\0" + bytes(padding >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(padding)


def ape_tag(items: bytes = b"\x05\0\0\0\0\0\0\0Title\0Speech"[:18]) -> bytes:
    """An APEv2 tag that stands before the sound, as some programs write it."""
    return b"APETAGEX" + struct.pack("<IIII8x", 2000, len(items), 1, 0xA0000000) + items


def bare_mp3() -> bytes:
    """An MP3 that begins with its first frame."""
    tagged = encoded("mp3", "libmp3lame")
    return tagged[10 + sum((byte & 0x7F) << shift for byte, shift in zip(tagged[6:10], (21, 14, 7, 0), strict=True)) :]
