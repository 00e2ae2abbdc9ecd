"""Decode a file in blocks that fit into memory and into a recognizer."""

from collections.abc import Iterator
from typing import IO

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from services.transcriber.audio.demux import UNDECODABLE
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import AudioRejected

MAX_BLOCK_S = 150
"""An hour in one block takes 3.5 GB of memory; blocks of 300 s take 0.1 GB more than blocks of 150 s."""

CUT_SEARCH_S = 30
"""The cut is made in the last seconds of a full block, so that blocks do not become much shorter."""

QUIET_WINDOW_S = 0.1
"""Length of the pause to cut at: one between two words."""


def decode_blocks(file: IO[bytes], max_s: int = MAX_BLOCK_S) -> Iterator[tuple[int, Samples]]:
    """Decode to mono at 16 kHz. Yield each block's start in milliseconds and its samples, at most `max_s` long.

    Blocks are cut at the quietest moment near their end. Damaged packets become silence, so that times stay true.
    Raises `AudioRejected` if nothing can be decoded.
    """
    start = 0
    pending: list[Samples] = []
    pending_length = 0
    for samples in decode_file(file):
        pending.append(samples)
        pending_length += len(samples)
        while pending_length >= max_s * SAMPLE_RATE:
            joined = np.concatenate(pending)
            cut = quietest_sample(joined[: max_s * SAMPLE_RATE], min(CUT_SEARCH_S, max_s // 2))
            yield start * 1000 // SAMPLE_RATE, joined[:cut]
            start += cut
            pending, pending_length = [joined[cut:]], len(joined) - cut
    if pending_length:
        yield start * 1000 // SAMPLE_RATE, np.concatenate(pending)
    elif not start:
        raise AudioRejected(UNDECODABLE)


def quietest_sample(samples: Samples, within_s: int = CUT_SEARCH_S) -> int:
    """Index of the middle of the quietest moment within the last seconds."""
    window = int(QUIET_WINDOW_S * SAMPLE_RATE)
    end = len(samples) - len(samples) % window
    begin = max(0, end - within_s * SAMPLE_RATE)
    energies = np.square(samples[begin:end]).reshape(-1, window).mean(axis=1)
    return begin + int(energies.argmin()) * window + window // 2
