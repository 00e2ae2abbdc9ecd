"""Times of the packets of several sources in one track."""

from services.transcriber.audio.decode import LONGEST_GAP_S


class Timeline:
    """Places packets in one row: those of the next source begin where the last one ended. Times are in samples."""

    def __init__(self, rate: int) -> None:
        self._longest_gap = LONGEST_GAP_S * rate
        self._shift: int | None = None
        self._last: int | None = None
        self.end: int | None = None

    def next_source(self) -> None:
        self._shift = None

    def place(self, at: int | None, length: int) -> int:
        """The time of a packet that its source says is at `at`; each is later than the one before.

        A hole longer than `LONGEST_GAP_S` is a broken clock and is closed, as it is where sound is decoded.
        """
        if self.end is None:
            # The first source keeps what lies before 0: samples that a decoder needs and nobody hears.
            self.end = min(at or 0, 0)
        if at is None:
            placed = self.end
        else:
            if self._shift is None or at + self._shift - self.end > self._longest_gap:
                self._shift = self.end - at
            placed = at + self._shift
        if self._last is not None:
            placed = max(placed, self._last + 1)
        self._last = placed
        self.end = max(self.end, placed + length)
        return placed
