"""Who listens to which library, and what was said there last. No I/O: a turn of the loop is its transaction."""

from collections import deque
from collections.abc import Collection, Hashable, Iterable
from itertools import islice
from typing import Generic, TypeVar

REPLAY_FRAMES = 1_000
"""Events kept for those who come back: a whole evening of one library. Fetching the list is less work than more."""

REPLAY_BYTES = 1024 * 1024
"""Bytes kept likewise: larger than the first page of a list, so that a longer replay would be the slower way."""

Listener = TypeVar("Listener", bound=Hashable)


class Hub(Generic[Listener]):
    """Joins listeners to libraries without a gap, or tells them that there may be one."""

    def __init__(self, replay_frames: int = REPLAY_FRAMES, replay_bytes: int = REPLAY_BYTES) -> None:
        self._replay_frames = replay_frames
        self._replay_bytes = replay_bytes
        self._listeners: dict[str, set[Listener]] = {}
        self._rings: dict[str, Ring] = {}
        self.replayed = 0
        """Frames that were replayed, ever."""
        self.resyncs = 0
        """Listeners that were told to fetch again, ever."""

    def join(self, library: str, listener: Listener, since: str | None) -> list[bytes]:
        """Add a listener and return what it must be sent first, in this same turn: its replay, or one resync.

        `since` is whatever the listener says it saw last; only an id of this very life of the stream is believed. None
        is a listener that keeps no state, and gets what happens from now on.
        """
        self._listeners.setdefault(library, set()).add(listener)
        if since is None:
            return []
        ring = self._rings.get(library)
        replay = ring.after(since) if ring else None
        if replay is None:
            self.resyncs += 1
            return [_resync(ring)]
        self.replayed += len(replay)
        return replay

    def leave(self, library: str, listener: Listener) -> None:
        """Forget a listener; again does nothing."""
        listeners = self._listeners.get(library, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(library, None)

    def publish(self, library: str, id: str, data: bytes) -> bytes:
        """Add an event, newer than all before, to a library that has begun; return the frame for its listeners."""
        frame = b'{"id":"%s",%s' % (id.encode(), data[1:])
        self._rings[library].add(id, frame)
        return frame

    def begin(self, library: str, cursor: str, events: Iterable[tuple[str, bytes]] = ()) -> bytes:
        """Start a life of a library's stream at `cursor`, with the events since; return the resync for its listeners.

        Nothing of a life before can be replayed: its ids are unknown from here on.
        """
        ring = self._rings[library] = Ring(cursor, self._replay_frames, self._replay_bytes)
        for id, data in events:
            self.publish(library, id, data)
        self.resyncs += len(self.listeners(library))
        return _resync(ring)

    def listeners(self, library: str) -> Collection[Listener]:
        return self._listeners.get(library, ())

    def libraries(self) -> set[str]:
        """Those that somebody listens to."""
        return set(self._listeners)

    def count(self) -> int:
        """How many listen, to anything."""
        return sum(map(len, self._listeners.values()))


class Ring:
    """The newest frames of a library, behind an id that is only a place to count from: what came before is unknown."""

    def __init__(self, cursor: str, most_frames: int, most_bytes: int) -> None:
        self._most_frames = most_frames
        self._most_bytes = most_bytes
        self._frames = deque([(cursor, b"")])
        self._places = {cursor: 0}
        self._first = 0  # the oldest place that is known; places are never given twice
        self._bytes = 0

    @property
    def newest(self) -> str:
        return self._frames[-1][0]

    def add(self, id: str, frame: bytes) -> None:
        self._places[id] = self._first + len(self._frames)
        self._frames.append((id, frame))
        self._bytes += len(frame)
        while len(self._frames) > 1 and (len(self._frames) - 1 > self._most_frames or self._bytes > self._most_bytes):
            forgotten, _ = self._frames.popleft()
            del self._places[forgotten]
            self._first += 1
            oldest, frame = self._frames[0]
            self._frames[0] = (oldest, b"")
            self._bytes -= len(frame)

    def after(self, id: str) -> list[bytes] | None:
        """The frames that followed this one, or None if it is not known here."""
        place = self._places.get(id)
        if place is None:
            return None
        return [frame for _, frame in islice(self._frames, place - self._first + 1, None)]


def _resync(ring: Ring | None) -> bytes:
    return b'{"id":"%s","type":"resync"}' % ring.newest.encode() if ring else b'{"id":null,"type":"resync"}'
