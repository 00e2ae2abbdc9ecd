"""Small real files in every container that is taken, some that are not, and large ones that cost no memory."""

import hashlib
import io
from collections.abc import AsyncIterator
from fractions import Fraction
from functools import cache

import av
import numpy as np

from tests import speech

CONTAINERS = {
    "webm": ("libopus", "audio/webm"),
    "mp4": ("aac", "audio/mp4"),
    "ogg": ("libopus", "audio/ogg"),
    "wav": ("pcm_s16le", "audio/wav"),
    "mp3": ("libmp3lame", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "adts": ("aac", "audio/aac"),
    "matroska": ("libopus", "audio/x-matroska"),
    "aiff": ("pcm_s16be", "audio/aiff"),
}
"""PyAV's name of a container → a codec that goes into it, and the type that it is served as."""

WEBM_HEAD = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
"""The beginning of a WebM file, by which the API knows it."""

BLOCK = bytes(range(256)) * 4096


def recording(number: int = 0, container: str = "webm", *, seconds: float = 0.5) -> bytes:
    """A real recording; another number is another tone, and so another file. The same one each time in one run."""
    return _recorded(number, container, seconds)


@cache
def _recorded(number: int, container: str, seconds: float) -> bytes:
    times = np.arange(int(seconds * speech.RATE)) / speech.RATE
    tone = (8000 * np.sin(2 * np.pi * (300 + 7 * number) * times)).astype(np.int16)
    return speech.encode(tone, container, CONTAINERS[container][0], bit_rate=64_000)


RECORDERS = {
    "webm": ("libopus", {"live": "1"}),
    "mp4": ("aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}),
}
"""Container → the codec and what makes PyAV write it as `MediaRecorder` does: in one go, without length or index."""


def streamed(sound: speech.Samples, container: str = "webm", *, channels: int = 1, rate: int = speech.RATE) -> bytes:
    """The samples as a browser's recorder streams them: `webm` as Chromium and Firefox, `mp4` as Safari."""
    codec, options = RECORDERS[container]
    layout = {1: "mono", 2: "stereo"}[channels]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=options) as output:
        track = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(track, av.AudioStream)
        track.bit_rate = channels * 64_000
        frame = av.AudioFrame.from_ndarray(np.repeat(sound, channels).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = speech.RATE, Fraction(1, speech.RATE), 0
        resampler = av.AudioResampler(track.format, layout, rate, frame_size=track.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(track.encode(piece))
        output.mux(track.encode(None))
    return buffer.getvalue()


@cache
def video(container: str, *, sound: bool) -> bytes:
    """Half a second of grey, with or without a sound track; MP4 has its index at the end, as most do."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        picture = output.add_stream("libvpx" if container == "webm" else "mpeg4", rate=Fraction(10))
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        track = output.add_stream("libopus" if container == "webm" else "aac", rate=speech.RATE) if sound else None
        for _ in range(5):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8))))
        output.mux(picture.encode(None))
        if track is not None:
            samples = np.zeros((1, speech.RATE // 2), np.float32)
            resampler = av.AudioResampler(track.format, track.layout, speech.RATE, frame_size=track.frame_size or 960)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = speech.RATE
            for piece in (*resampler.resample(frame), *resampler.resample(None)):
                output.mux(track.encode(piece))
            output.mux(track.encode(None))
    return buffer.getvalue()


async def large(size: int) -> AsyncIterator[bytes]:
    """So many bytes that begin like a WebM file, a block at a time."""
    yield WEBM_HEAD
    left = size - len(WEBM_HEAD)
    while left > 0:
        yield BLOCK[:left]
        left -= len(BLOCK)


async def large_sha256(size: int) -> str:
    digest = hashlib.sha256()
    async for block in large(size):
        digest.update(block)
    return digest.hexdigest()
