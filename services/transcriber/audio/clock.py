"""The clock of a sound: where each decoded frame belongs, whatever the container's times say."""

MIN_GAP_S = 0.1
"""Shorter gaps between packets are rounding errors of their times."""

MAX_GAP_S = 3600
"""Longest gap between packets that becomes silence: the break of a meeting. A longer one is a broken clock."""

MIN_STEP_BACK_S = 1.0
"""A clock that goes back so far was set anew. Less is a decoder that makes more sound than its packets announce."""


class TrackClock:
    """Places the frames of one track, in seconds. Time 0 is the start of its container.

    The clock never runs backwards. A step back, and a jump longer than `MAX_GAP_S`, are closed: what follows is placed
    right behind what came before, and later gaps count from there.
    """

    def __init__(self, start_s: float | None) -> None:
        self._origin_s = start_s
        """The container's time that is 0 here; None: that of the first frame."""
        self.position_s = 0.0
        """Where the next frame belongs if no silence is missing before it."""

    def place_frame(self, at_s: float | None, duration_s: float) -> float:
        """Place a frame with this time of its container. Return the silence that is missing before it, in seconds."""
        gap_s = 0.0 if at_s is None else self._gap_before(at_s)
        self.position_s += gap_s + duration_s
        return gap_s

    def _gap_before(self, at_s: float) -> float:
        if self._origin_s is None:
            self._origin_s = at_s
        gap_s = at_s - self._origin_s - self.position_s
        if not -MIN_STEP_BACK_S < gap_s <= MAX_GAP_S:
            self._origin_s += gap_s
            return 0.0
        return gap_s if gap_s > MIN_GAP_S else 0.0
