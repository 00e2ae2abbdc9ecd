"""The newest frames of one library, for clients that come back. No I/O."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

from services.realtime.frames import text_frame

REPLAY_FRAMES = 1_000
"""Events kept for those who come back: a whole evening of one library. Fetching the list is less work than more."""


REPLAY_BYTES = 1024 * 1024
"""Bytes kept likewise: larger than the first page of a list, so that a longer replay would be the slower way."""


MOST_AHEAD = 8
"""Times `REPLAY_BYTES` that may be on the way to those who are there: a burst reaches them, and nobody after them."""


PIECE_BYTES = 64 * 1024
"""Given to one line at a time: the rest of a replay waits in the ring, which all share, until the line has room."""


MOST_PIECES = 32
"""Joined pieces kept until the next event: everybody who lost the line at one moment asks for the same few."""


Event = tuple[str, bytes]
"""The id of a stream's entry, and its JSON object."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a library keeps for those who come back, and what one line is given of it at a time."""

    frames: int = REPLAY_FRAMES
    bytes: int = REPLAY_BYTES
    piece_bytes: int = PIECE_BYTES


DEFAULT_BOUNDS = Bounds()


class Ring:
    """The newest frames of a library, behind a place of which only its id is known."""

    def __init__(self, cursor: str | None, place: int, bounds: Bounds) -> None:
        """Begin with nothing after `place`, which is that of the entry `cursor`; None: nothing was read yet."""
        self._bounds = bounds
        self._ids = deque([cursor])
        self._frames: deque[bytes] = deque()
        self._places = {} if cursor is None else {cursor: place}
        self._tail = place
        """The oldest place that can be counted from."""
        self._bytes = 0
        self._pieces: dict[int, tuple[bytes, int]] = {}

    def successor(self, cursor: str) -> "Ring":
        """The ring of the stream's next life: everyone's place is from before it, and unknown there."""
        return Ring(cursor, self.head + 1, self._bounds)

    @property
    def head(self) -> int:
        """The place of the newest frame."""
        return self._tail + len(self._frames)

    def place_of(self, id: str) -> int | None:
        return self._places.get(id)

    def add(self, id: str, frame: bytes) -> None:
        self._ids.append(id)
        self._frames.append(frame)
        self._places[id] = self.head
        self._bytes += len(frame)
        self._pieces.clear()
        if self._bytes > MOST_AHEAD * self._bounds.bytes:
            self.trim()

    def trim(self) -> None:
        """Forget what is too old or too much to be replayed."""
        while len(self._frames) > self._bounds.frames or self._bytes > self._bounds.bytes:
            forgotten = self._ids.popleft()
            if forgotten is not None:
                del self._places[forgotten]
            self._bytes -= len(self._frames.popleft())
            self._tail += 1

    def after(self, place: int) -> tuple[bytes, int] | None:
        """The first piece of the frames that followed, end to end, and the place that they lead to.

        At least one frame; None if not all of them are known.
        """
        if not self._tail <= place <= self.head:
            return None
        piece = self._pieces.get(place)
        if piece is None:
            if len(self._pieces) == MOST_PIECES:
                self._pieces.clear()
            frames: list[bytes] = []
            size = 0
            for frame in islice(self._frames, place - self._tail, None):
                if frames and size + len(frame) > self._bounds.piece_bytes:
                    break
                frames.append(frame)
                size += len(frame)
            piece = self._pieces[place] = b"".join(frames), place + len(frames)
        return piece

    def resync(self) -> bytes:
        """Tells to fetch everything again; what follows is counted from the newest place."""
        newest = self._ids[-1]
        return text_frame(b'{"id":%s,"type":"resync"}' % (b"null" if newest is None else b'"%s"' % newest.encode()))
