"""Leave stretches out of sound while it is decoded, so that nobody hears where."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from services.transcriber.audio.samples import Samples
from shared.clips.cuts import Cut, CutClock
from shared.db.columns import MAX_DURATION_MS

FADE_S = 0.005
"""Half of a crossfade. The sound on both sides of a cut overlaps for twice as long: that makes no click, and a
consonant is not shortened by it."""


@dataclass(frozen=True)
class _Piece:
    """A stretch that remains, with what is faded out and in around it. All numbers are frames."""

    start: int
    end: int
    target: int
    """Where `start` is in what is made."""
    fade_in: int
    fade_out: int

    def weights(self, start: int, end: int) -> Samples:
        """How loud the frames from `start` to `end` are. Two pieces that overlap are 1 together."""
        frames = np.arange(start, end, dtype=np.float32) + 0.5
        weights = np.ones(end - start, np.float32)
        if self.fade_in and start < self.start + self.fade_in:
            weights = np.minimum(weights, (frames - self.start) / self.fade_in)
        if self.fade_out and end > self.end - self.fade_out:
            weights = np.minimum(weights, (self.end - frames) / self.fade_out)
        return weights


def cut_samples(
    blocks: Iterable[Samples], cuts: Sequence[Cut], whole_ms: int, *, rate: int, channels: int
) -> Iterator[Samples]:
    """Yield what remains of interleaved samples that begin at 0. It is as long as the cut clock says, to the sample.

    `cuts` are normalized for a sound of this length. Memory does not grow with the sound. What follows the last stretch
    is not read.
    """
    pieces = _pieces(cuts, whole_ms, rate)
    pending, pending_start, position = np.zeros(0, np.float32), pieces[0].target, 0
    for block in blocks:
        end = position + len(block) // channels
        for piece in pieces:
            if piece.start >= end:
                break
            start, stop = max(piece.start, position), min(piece.end, end)
            part = block[(start - position) * channels : (stop - position) * channels]
            if piece.fade_in or piece.fade_out:
                part = part * np.repeat(piece.weights(start, stop), channels)
            at = (piece.target + start - piece.start - pending_start) * channels
            if at + len(part) > len(pending):
                pending = np.concatenate([pending, np.zeros(at + len(part) - len(pending), np.float32)])
            pending[at : at + len(part)] += part
        position = end
        pieces = [piece for piece in pieces if piece.end > position]
        # No later frame is added before this one: neighbours overlap, so the two next pieces are looked at.
        settled = min(
            (piece.target + max(0, position - piece.start) for piece in pieces[:2]),
            default=pending_start + len(pending) // channels,
        )
        if ready := min(len(pending), (settled - pending_start) * channels):
            yield pending[:ready]
            pending, pending_start = pending[ready:], pending_start + ready // channels
        if not pieces:
            break
    if len(pending):
        yield pending


def _pieces(cuts: Sequence[Cut], whole_ms: int, rate: int) -> list[_Piece]:
    kept = [
        (round(start_ms * rate / 1000), round(end_ms * rate / 1000))
        for start_ms, end_ms in CutClock(cuts).kept(whole_ms)
    ]
    # A fade takes half of the shorter neighbour at most, so that no frame belongs to three pieces.
    fade = round(FADE_S * rate)
    fades = [min(fade, *((end - start) // 2 for start, end in pair)) for pair in pairwise(kept)]
    pieces, target = [], 0
    for (start, end), before, after in zip(kept, [0, *fades], [*fades, 0], strict=True):
        pieces.append(_Piece(start - before, end + after, target - before, 2 * before, 2 * after))
        target += end - start
    # Where the beginning or the end is cut off, nothing overlaps.
    if kept[0][0]:
        pieces[0] = replace(pieces[0], fade_in=fade)
    # The sound may be a little longer than its length in whole milliseconds.
    ending = {"fade_out": fade} if cuts[-1][1] >= whole_ms else {"end": MAX_DURATION_MS * rate}
    pieces[-1] = replace(pieces[-1], **ending)
    return pieces
