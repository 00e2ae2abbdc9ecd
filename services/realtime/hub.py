"""The channel of each library: its subscribers, and the frames that they are sent. No I/O.

Each subscriber stands at a position: that of the last frame it was given. Whatever happens to the subscriber or to the
stream, the next delivery brings it to the newest position: by the frames between the two or, where the replay buffer
does not have all of them, by one resync.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import structlog

from services.realtime.frames import text_frame
from services.realtime.replay_buffer import DEFAULT_LIMITS, Event, ReplayBuffer, ReplayLimits

log = structlog.get_logger(__name__)

SLICE_SUBSCRIBERS = 500
"""Subscribers served in one turn of the event loop: some two milliseconds."""

DETACHED = 1 << 62
"""Position of a subscriber that must not be sent anything, because it is paused or gone: greater than all others."""

CallSoon = Callable[[Callable[[], None]], object]
"""Calls a function in a later turn of the event loop."""


class Subscriber(Protocol):
    """A recipient of frames."""

    position: int
    """Position of the last frame that it was given. Only the hub changes it."""
    has_cursor: bool
    """Whether it connected with a cursor. Clients without one know the seed's contract, and are sent events only."""

    def send(self, data: bytes) -> None:
        """Write complete frames. It may pause or unsubscribe during this very call."""


class Hub:
    """The channels of all libraries."""

    def __init__(
        self,
        call_soon: CallSoon,
        limits: ReplayLimits = DEFAULT_LIMITS,
        *,
        slice_subscribers: int = SLICE_SUBSCRIBERS,
    ) -> None:
        self._call_soon = call_soon
        self._limits = limits
        self._slice_subscribers = slice_subscribers
        self._channels: dict[str, Channel] = {}

    def channel(self, library: str) -> "Channel":
        """Return the channel of a library, and create it at first use."""
        if (channel := self._channels.get(library)) is None:
            channel = self._channels[library] = Channel(self._call_soon, self._limits, self._slice_subscribers)
        return channel

    def channels(self) -> Iterable["Channel"]:
        return self._channels.values()

    def subscribed_libraries(self) -> set[str]:
        """Libraries that have at least one subscriber."""
        return {library for library, channel in self._channels.items() if channel.subscriber_count()}


class Channel:
    """One library: its replay buffer and its subscribers."""

    def __init__(self, call_soon: CallSoon, limits: ReplayLimits, slice_subscribers: int) -> None:
        self._call_soon = call_soon
        self._slice_subscribers = slice_subscribers
        self._buffer = ReplayBuffer(None, 0, limits)
        self._active: set[Subscriber] = set()
        self._paused: dict[Subscriber, int] = {}
        """Subscriber → the position at which it was paused."""
        self._unfinished: set[Subscriber] = set()
        """Active subscribers that were given a chunk and have room for the next one."""
        self._remaining: Iterator[Subscriber] | None = None
        """Subscribers that the current delivery has not reached yet. None: no delivery is under way."""
        self._target = 0
        """The newest position when the current or the last delivery began."""
        self._is_scheduled = False
        self._retained_frame = b""
        """The last retained message, or nothing."""
        self.deliveries = self.replayed = self.resyncs = 0
        """Frames sent to connected subscribers, frames replayed to new ones, resyncs sent to any; ever."""

    # -- subscribers -------------------------------------------------------------------------------------------

    def subscribe(self, subscriber: Subscriber, cursor: str | None) -> bytes:
        """Add a subscriber. Return what it must be sent first, in this same turn: a replay's first chunk, or a resync.

        `cursor` is whatever the client says. Only an id of this epoch of the stream is accepted. Without a
        cursor the subscriber is sent what happens from now on.
        """
        self._active.add(subscriber)
        subscriber.position = self._buffer.head
        subscriber.has_cursor = cursor is not None
        if cursor is None:
            return b""
        position = self._buffer.position_of(cursor)
        chunk = None if position is None else self._buffer.chunk_after(position)
        if position is None or chunk is None:
            self.resyncs += 1
            return self._buffer.resync_frame() + self._retained_frame
        frames, subscriber.position = chunk
        self.replayed += subscriber.position - position
        if subscriber.position < self._buffer.head:
            self._deliver_rest_later(subscriber)
        return self._retained_frame + frames

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Remove a subscriber. A second call does nothing."""
        self._active.discard(subscriber)
        self._unfinished.discard(subscriber)
        self._paused.pop(subscriber, None)
        # A delivery or a broadcast under way may still hold this subscriber.
        subscriber.position = DETACHED

    def pause(self, subscriber: Subscriber) -> None:
        """Send nothing to a subscriber, whose send buffer is full, until `resume`."""
        # A connection may be told that its buffer is full after it has unsubscribed.
        if subscriber in self._active:
            self._active.remove(subscriber)
            self._unfinished.discard(subscriber)
            self._paused[subscriber] = subscriber.position
            subscriber.position = DETACHED

    def resume(self, subscriber: Subscriber) -> None:
        """Bring a paused subscriber up to date. For any other, do nothing."""
        position = self._paused.pop(subscriber, None)
        if position is not None:
            subscriber.position = position
            self._active.add(subscriber)
            if subscriber.has_cursor and self._retained_frame:
                self._send(subscriber, self._retained_frame)  # it may have missed this one
            self._deliver_to([subscriber])

    def subscriber_count(self) -> int:
        return len(self._active) + len(self._paused)

    # -- events ------------------------------------------------------------------------------------------------

    def start_epoch(self, cursor: str, events: Iterable[Event] = ()) -> None:
        """Continue with a new epoch of the stream: `cursor` is its oldest entry, `events` are those since.

        Every subscriber is sent a resync. The ids of earlier epochs are unknown from now on.
        """
        self._buffer = self._buffer.next_epoch(cursor)
        self.publish(events)

    def publish(self, events: Iterable[Event]) -> None:
        """Add events, which are newer than all before, and deliver them."""
        for id, data in events:
            self._buffer.append(id, text_frame(b'{"id":"%s",%s' % (id.encode(), data[1:])))
        # A delivery under way takes the new events along.
        if self._remaining is None:
            self._deliver()

    def broadcast(self, message: bytes, *, retain: bool = False) -> Iterator[None]:
        """Send a message that is no event to every subscriber with a cursor; if retained, also to those who come later.

        Advance the iterator once for each slice of subscribers.
        """
        frame = text_frame(message)
        if retain:
            self._retained_frame = frame
        subscribers = iter(list(self._active))
        while batch := list(islice(subscribers, self._slice_subscribers)):
            for subscriber in batch:
                # Between two slices a subscriber may have been paused or have left.
                if subscriber.has_cursor and subscriber.position != DETACHED:
                    self._send(subscriber, frame)
            yield

    def _deliver(self) -> None:
        """Serve one slice of subscribers, and go on in later turns until all have the newest frame.

        Events published meanwhile go along to the slices that follow; a second round brings them to the first ones.
        """
        if self._remaining is None:
            has_new_frames = self._target < self._buffer.head
            self._remaining = iter(list(self._active if has_new_frames else self._unfinished))
            self._target = self._buffer.head
        batch = list(islice(self._remaining, self._slice_subscribers))
        self._deliver_to(batch)
        if len(batch) == self._slice_subscribers:
            self._schedule_delivery()
            return
        self._remaining = None
        if self._target < self._buffer.head or self._unfinished:
            self._schedule_delivery()
        else:
            self._buffer.trim()

    def _schedule_delivery(self) -> None:
        """Call `_deliver` in a later turn, once, however often this is called before."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._call_soon(self._scheduled_delivery)

    def _scheduled_delivery(self) -> None:
        self._is_scheduled = False
        self._deliver()

    def _deliver_rest_later(self, subscriber: Subscriber) -> None:
        self._unfinished.add(subscriber)
        self._schedule_delivery()

    def _deliver_to(self, subscribers: Sequence[Subscriber]) -> None:
        """Bring each subscriber one chunk closer to the newest position.

        Nearly all stand at one position and are sent the same bytes.
        """
        buffer = self._buffer
        head, position, chunk = buffer.head, -1, None
        for subscriber in subscribers:
            if subscriber.position >= head:
                continue
            if subscriber.position != position:
                position = subscriber.position
                chunk = buffer.chunk_after(position)
            # All bookkeeping is done before `_send`, which may pause or unsubscribe this subscriber.
            if chunk is None:
                self.resyncs += 1
                subscriber.position = head
                self._unfinished.discard(subscriber)
                self._send(subscriber, buffer.resync_frame())
                continue
            frames, subscriber.position = chunk
            self.deliveries += subscriber.position - position
            if subscriber.position < head:
                self._deliver_rest_later(subscriber)
            else:
                self._unfinished.discard(subscriber)
            self._send(subscriber, frames)

    def _send(self, subscriber: Subscriber, data: bytes) -> None:
        """Send, and remove a subscriber that fails: the others are served all the same."""
        try:
            subscriber.send(data)
        except Exception:
            log.exception("sending to a subscriber failed; the subscriber is removed")
            self.unsubscribe(subscriber)
