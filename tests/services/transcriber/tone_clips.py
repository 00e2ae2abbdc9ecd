"""Clips that are told apart by a tone, for servers that need not know any language: what was heard takes no work."""

import io
from typing import Any

import av
import numpy as np

from tests import speech

LOWEST_HZ, STEP_HZ, TONE_S = 300, 20, 0.5
"""Of the first tone, from one to the next, and how long each is."""


def tone(number: int) -> bytes:
    at = np.arange(int(TONE_S * speech.RATE)) / speech.RATE
    return speech.wav((10_000 * np.sin(2 * np.pi * (LOWEST_HZ + STEP_HZ * number) * at)).astype(np.int16))


def said(number: int) -> str:
    return f"Here is tone {number}."


def heard(audio: bytes) -> dict[str, Any]:
    """What `tests.servers.whisper` would get of its model: which tone it is."""
    with av.open(io.BytesIO(audio), "r") as container:
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    loudest_hz = np.abs(np.fft.rfft(sound)).argmax() * speech.RATE / len(sound)
    text = said(round((loudest_hz - LOWEST_HZ) / STEP_HZ))
    return {"text": text, "duration": TONE_S, "segments": [{"start": 0.0, "end": TONE_S, "text": text}], "words": []}
