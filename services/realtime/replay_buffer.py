"""The newest frames of one library, for clients that reconnect. No I/O.

Each frame has a position: a number that only grows, across all epochs of the library's stream.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Self

from services.realtime.frames import text_frame

MAX_REPLAY_FRAMES = 1_000
"""Frames kept for replay: a whole evening of one library. Beyond that, fetching the list is less work."""

MAX_REPLAY_BYTES = 1024 * 1024
"""Bytes kept for replay: more than the first page of the list, so a longer replay would be the slower way."""

BURST_FACTOR = 8
"""During a delivery the buffer may hold this many times `MAX_REPLAY_BYTES`: current subscribers still receive a burst
that is too long to be replayed later."""

CHUNK_BYTES = 64 * 1024
"""Bytes given to one connection at a time. The rest of a replay stays in this buffer, which all connections share."""

MAX_CACHED_CHUNKS = 32
"""Joined chunks kept until the next event: connections lost at one moment ask for the same few."""

Event = tuple[str, bytes]
"""The id of a stream entry, and its JSON object."""


@dataclass(frozen=True, slots=True)
class ReplayLimits:
    """Limits of what one library keeps for replay, and of what one connection is given at a time."""

    frames: int = MAX_REPLAY_FRAMES
    bytes: int = MAX_REPLAY_BYTES
    chunk_bytes: int = CHUNK_BYTES


DEFAULT_LIMITS = ReplayLimits()


class ReplayBuffer:
    """Consecutive frames of one epoch of a stream, from the oldest kept to the newest."""

    def __init__(self, cursor: str | None, position: int, limits: ReplayLimits) -> None:
        """Start empty behind `position`, the position of the entry `cursor`. None: the stream was not read yet."""
        self._limits = limits
        self._ids = deque([cursor])
        """Ids of the entry before the first frame, and of each frame."""
        self._frames: deque[bytes] = deque()
        self._positions = {} if cursor is None else {cursor: position}
        self._tail = position
        """The oldest position that a replay can start from."""
        self._bytes = 0
        self._chunks: dict[int, tuple[bytes, int]] = {}

    def next_epoch(self, cursor: str) -> Self:
        """Return an empty buffer for the stream's next epoch, behind all positions of this one."""
        return type(self)(cursor, self.head + 1, self._limits)

    @property
    def head(self) -> int:
        """The position of the newest frame."""
        return self._tail + len(self._frames)

    def position_of(self, id: str) -> int | None:
        return self._positions.get(id)

    def append(self, id: str, frame: bytes) -> None:
        self._ids.append(id)
        self._frames.append(frame)
        self._positions[id] = self.head
        self._bytes += len(frame)
        self._chunks.clear()
        if self._bytes > BURST_FACTOR * self._limits.bytes:
            self.trim()

    def trim(self) -> None:
        """Drop the oldest frames beyond the limits."""
        while len(self._frames) > self._limits.frames or self._bytes > self._limits.bytes:
            id = self._ids.popleft()
            if id is not None:
                del self._positions[id]
            self._bytes -= len(self._frames.popleft())
            self._tail += 1

    def chunk_after(self, position: int) -> tuple[bytes, int] | None:
        """Return the frames that follow `position`, up to a chunk's size but at least one, and the last one's position.

        None if the buffer does not have all frames since `position`.
        """
        if not self._tail <= position <= self.head:
            return None
        chunk = self._chunks.get(position)
        if chunk is None:
            if len(self._chunks) == MAX_CACHED_CHUNKS:
                self._chunks.clear()
            frames: list[bytes] = []
            size_bytes = 0
            for frame in islice(self._frames, position - self._tail, None):
                if frames and size_bytes + len(frame) > self._limits.chunk_bytes:
                    break
                frames.append(frame)
                size_bytes += len(frame)
            chunk = self._chunks[position] = b"".join(frames), position + len(frames)
        return chunk

    def resync_frame(self) -> bytes:
        """Make the frame that asks a client to fetch everything again. Its id is the newest cursor."""
        id = self._ids[-1]
        return text_frame(b'{"id":%s,"type":"resync"}' % (b"null" if id is None else b'"%s"' % id.encode()))
