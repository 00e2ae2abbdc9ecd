"""Decoded audio in blocks that a recognizer can take at once."""

import numpy as np

from services.transcriber.audio.decode import QUIET_S, RATE, Samples

BLOCK_S = 150
"""Longest piece decoded and recognized at once: an hour whole takes 3.5 GB, and pieces of 300 s 0.1 more than these."""


CUT_S = 30
"""How far back from the end of a full block the quietest place is looked for."""


def quietest(samples: Samples, within_s: int = CUT_S) -> int:
    """Where to cut: the middle of the quietest moment of the last seconds."""
    window = int(QUIET_S * RATE)
    end = len(samples) - len(samples) % window
    begin = max(0, end - within_s * RATE)
    loudness = np.square(samples[begin:end]).reshape(-1, window).mean(axis=1)
    return begin + int(loudness.argmin()) * window + window // 2
