"""Files that a recorder, a bad disk or a stranger may leave in the store."""

import io
from functools import cache
from typing import cast

import av
import numpy as np

from tests import speech

SAID = speech.ALL[:3]


@cache
def webm() -> bytes:
    return speech.encode(speech.samples(SAID))


@cache
def mp4() -> bytes:
    return speech.encode(speech.samples(SAID), "mp4", "aac")


def wav() -> bytes:
    return speech.wav(speech.samples(SAID))


def half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def scratched(whole: bytes) -> bytes:
    """With 300 bytes of nonsense in the middle."""
    middle = len(whole) // 2
    return whole[:middle] + b"\xff\x00\xa5" * 100 + whole[middle + 300 :]


def silence(seconds: float) -> bytes:
    return speech.wav(np.zeros(int(seconds * speech.RATE), np.int16))


def noise(seconds: float) -> bytes:
    return speech.wav(np.random.default_rng(1).normal(0, 3000, int(seconds * speech.RATE)).astype(np.int16))


def video_without_sound() -> bytes:
    return _pictures("mp4", "mpeg4", "yuv420p")


def image() -> bytes:
    return _pictures("image2pipe", "png", "rgb24", frames=1)


def stereo(sound: speech.Samples, rate: int, container: str, codec: str) -> bytes:
    """The same sound on both sides, at any rate."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = cast("av.AudioStream", output.add_stream(codec, rate=rate, layout="stereo"))
        frame = av.AudioFrame.from_ndarray(np.repeat(sound, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _pictures(container: str, codec: str, pixels: str, frames: int = 10) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=10))
        stream.width = stream.height = 64
        stream.pix_fmt = pixels
        for number in range(frames):
            picture = np.full((64, 64, 3), number * 20, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return buffer.getvalue()
