"""Mix tracks that share a clock."""

from collections.abc import Iterator, Sequence

import numpy as np

from services.transcriber.audio.samples import Samples

MAX_LINEAR = 0.75
"""Loudest sum that stays as it is, where full scale is 1. What is above is bent below full scale, and not clipped."""


def mix_tracks(tracks: Sequence[Iterator[Samples]]) -> Iterator[Samples]:
    """Yield the sum of tracks that begin together; the longest one has the length. One block of each is in memory."""
    waiting = {number: np.empty(0, np.float32) for number in range(len(tracks))}
    while waiting:
        for number in [number for number, samples in waiting.items() if not len(samples)]:
            samples = next((samples for samples in tracks[number] if len(samples)), None)
            if samples is None:
                del waiting[number]
            else:
                waiting[number] = samples
        if waiting:
            length = min(map(len, waiting.values()))
            yield _sum([samples[:length] for samples in waiting.values()])
            waiting = {number: samples[length:] for number, samples in waiting.items()}


def _sum(blocks: Sequence[Samples]) -> Samples:
    audible = [samples for samples in blocks if samples.any()]
    if len(audible) < 2:
        return audible[0] if audible else blocks[0]
    total: Samples = np.sum(audible, axis=0)
    loud = np.abs(total) > MAX_LINEAR
    if loud.any():
        room, excess = 1 - MAX_LINEAR, np.abs(total[loud]) - MAX_LINEAR
        total[loud] = np.sign(total[loud]) * (MAX_LINEAR + room * np.tanh(excess / room))
    return total
