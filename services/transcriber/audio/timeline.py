"""Times of the packets of several sources in one track."""

from services.transcriber.audio.clock import MAX_GAP_S


class Timeline:
    """Places the packets of each source after those of the source before. Times are in samples."""

    def __init__(self, rate: int) -> None:
        self._max_gap = MAX_GAP_S * rate
        self._shift: int | None = None
        """Added to the current source's times."""
        self._previous: int | None = None
        self.end: int | None = None

    def start_source(self) -> None:
        """Place the packets that follow as those of another source."""
        self._shift = None

    def place_packet(self, pts: int | None, duration: int) -> int:
        """Return the time of a packet in the track, later than that of the packet before. `pts`: its source's time.

        A gap longer than `MAX_GAP_S` is a broken clock and is closed, as `decode_stream` closes it.
        """
        if self.end is None:
            # The first source keeps its packets before 0: samples that a decoder needs and does not play.
            self.end = min(pts or 0, 0)
        if pts is None:
            placed = self.end
        else:
            if self._shift is None or pts + self._shift - self.end > self._max_gap:
                self._shift = self.end - pts
            placed = pts + self._shift
        if self._previous is not None:
            placed = max(placed, self._previous + 1)
        self._previous = placed
        self.end = max(self.end, placed + duration)
        return placed
