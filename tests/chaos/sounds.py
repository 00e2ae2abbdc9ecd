"""Recordings that say a number in tones, each number other bytes: what was heard of one belongs to no other."""

import io
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import av
import numpy as np

from tests import speech
from tests.recordings import streamed

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LENGTH = 5
"""Digits of a number."""

DIGIT_S = 0.2
"""Seconds of a digit's tone: ten frames of Opus."""

LOWEST_HZ, STEP_HZ = 400, 60
"""Of zero, and from one digit to the next; a half tone of 100 ms has 10 Hz."""


def words(numbers: Iterable[int]) -> str:
    """What the recognizer hears of these recordings in a row."""
    return " ".join(DIGITS[int(digit)] for number in numbers for digit in f"{number:0{LENGTH}}")


def wav(number: int) -> bytes:
    return speech.wav(_samples(number))


def webm(number: int) -> bytes:
    """As a browser's recorder streams it: without length or index."""
    return streamed(_samples(number))


def heard(audio: bytes) -> dict[str, Any]:
    """What `tests.servers.whisper` would get of its model."""
    text, duration_s = _heard(audio)
    return {
        "text": text,
        "duration": duration_s,
        "segments": [{"start": 0.0, "end": duration_s, "text": text}],
        "words": [],
    }


@lru_cache(maxsize=256)
def _heard(audio: bytes) -> tuple[str, float]:
    with av.open(io.BytesIO(audio), "r") as container:
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    slot = int(DIGIT_S * speech.RATE)
    # The middle of each tone: a container's clock may begin some milliseconds before or after the sound.
    middles = [sound[start + slot // 4 : start + 3 * slot // 4] for start in range(0, len(sound) - slot // 2, slot)]
    return " ".join(map(_digit, middles)), len(sound) / speech.RATE


def _digit(tone: np.ndarray[Any, Any]) -> str:
    loudest_hz = np.abs(np.fft.rfft(tone)).argmax() * speech.RATE / len(tone)
    digit = round((loudest_hz - LOWEST_HZ) / STEP_HZ)
    return DIGITS[digit] if 0 <= digit <= 9 else "noise"


def _samples(number: int) -> speech.Samples:
    at = np.arange(int(DIGIT_S * speech.RATE)) / speech.RATE
    tones = [10_000 * np.sin(2 * np.pi * (LOWEST_HZ + STEP_HZ * int(d)) * at) for d in f"{number:0{LENGTH}}"]
    return np.concatenate(tones).astype(np.int16)
