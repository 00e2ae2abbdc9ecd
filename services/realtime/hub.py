"""Who listens to which library, and what was said there last. No I/O: listeners are called, and a scheduler is given.

Everything has a place: a number that only grows, through every life of a stream. A listener stands at the place of the
last event that it was given; whatever happens to it or to the stream, the next turn brings it from there to the newest
place, by the frames between or, where these are not known any more, by one resync.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import structlog

from services.realtime.frames import text_frame
from services.realtime.replay_buffer import DEFAULT_BOUNDS, Bounds, Event, Ring

log = structlog.get_logger(__name__)


SLICE = 500
"""Listeners served before others get a turn of the loop: some two milliseconds."""


AWAY = 1 << 62
"""The place of a listener that is to be sent nothing: ahead of all there are."""


class Listener(Protocol):
    """One who is sent frames."""

    place: int
    """Of the last event that it was given; the hub alone changes it."""
    keeps_state: bool
    """Whether it said what it saw last: others are told of events alone."""

    def send(self, data: bytes) -> None:
        """Take frames that are ready for the line. It may leave or fall behind in this very call."""


class Hub:
    """The libraries that somebody listens to, or that something was said in."""

    def __init__(
        self,
        later: Callable[[Callable[[], None]], object],
        bounds: Bounds = DEFAULT_BOUNDS,
        *,
        slice_listeners: int = SLICE,
    ) -> None:
        """`later` calls a function in a later turn of the loop."""
        self._later = later
        self._bounds = bounds
        self._slice = slice_listeners
        self._channels: dict[str, Channel] = {}

    def of(self, library: str) -> "Channel":
        """The channel of a library, made when it is first asked for."""
        if (channel := self._channels.get(library)) is None:
            channel = self._channels[library] = Channel(self._later, self._bounds, self._slice)
        return channel

    def libraries(self) -> set[str]:
        """Those that somebody listens to."""
        return {library for library, channel in self._channels.items() if channel.count()}

    def channels(self) -> Iterable["Channel"]:
        return self._channels.values()


class Channel:
    """One library: its newest frames, who listens, and who has fallen behind."""

    def __init__(self, later: Callable[[Callable[[], None]], object], bounds: Bounds, slice_listeners: int) -> None:
        self._later = later
        self._slice = slice_listeners
        self._ring = Ring(None, 0, bounds)
        self._live: set[Listener] = set()
        self._behind: dict[Listener, int] = {}
        self._unfinished: set[Listener] = set()
        """Those who were given a piece, and have room for the next one."""
        self._turn: Iterator[Listener] | None = None
        """Those whom a delivery that is under way has still to reach."""
        self._goal = 0
        """The place for which everyone was looked at when the delivery under way is over."""
        self._is_due = False
        self._news = b""
        self.deliveries = self.replayed = self.resyncs = 0
        """Frames sent to those who were there, frames sent to those who came back, resyncs sent to anyone; ever."""

    # -- listeners ---------------------------------------------------------------------------------------------

    def join(self, listener: Listener, since: str | None) -> bytes:
        """Add a listener and return what it must be sent first, in this same turn: its replay's begin, or one resync.

        `since` is whatever the listener says it saw last; only an id of this very life of the stream is believed. None
        is a listener that keeps no state, and gets what happens from now on.
        """
        self._live.add(listener)
        listener.place = self._ring.head
        listener.keeps_state = since is not None
        if since is None:
            return b""
        place = self._ring.place_of(since)
        piece = None if place is None else self._ring.after(place)
        if place is None or piece is None:
            self.resyncs += 1
            return self._ring.resync() + self._news
        replay, listener.place = piece
        self.replayed += listener.place - place
        if listener.place < self._ring.head:
            self._go_on_with(listener)
        return self._news + replay

    def leave(self, listener: Listener) -> None:
        """Forget a listener; again does nothing."""
        self._live.discard(listener)
        self._unfinished.discard(listener)
        self._behind.pop(listener, None)
        listener.place = AWAY

    def fall_behind(self, listener: Listener) -> None:
        """Leave out a listener whose line is full, until it catches up."""
        if listener in self._live:
            self._live.remove(listener)
            self._unfinished.discard(listener)
            self._behind[listener] = listener.place
            listener.place = AWAY

    def catch_up(self, listener: Listener) -> None:
        """Bring up to date a listener that fell behind; another does nothing."""
        place = self._behind.pop(listener, None)
        if place is not None:
            listener.place = place
            self._live.add(listener)
            if listener.keeps_state and self._news:
                self._send(listener, self._news)  # it may have missed what it says
            self._serve([listener])

    def count(self) -> int:
        return len(self._live) + len(self._behind)

    # -- events ------------------------------------------------------------------------------------------------

    def begin(self, cursor: str, events: Iterable[Event] = ()) -> None:
        """Start a life of the stream at `cursor`, with the events since; everyone is told to fetch again.

        Nothing of a life before can be replayed: its ids are unknown from here on.
        """
        self._ring = self._ring.successor(cursor)
        self.publish(events)

    def publish(self, events: Iterable[Event]) -> None:
        """Add events, newer than all before, and deliver them."""
        for id, data in events:
            self._ring.add(id, text_frame(b'{"id":"%s",%s' % (id.encode(), data[1:])))
        if self._turn is None:
            self._deliver()

    def tell(self, news: bytes, *, latest: bool = False) -> Iterator[None]:
        """Send something that is no event to those who keep state; the `latest` is what who comes later gets first.

        Advance the iterator for each slice of the listeners.
        """
        frame = text_frame(news)
        if latest:
            self._news = frame
        listeners = iter(list(self._live))
        while some := list(islice(listeners, self._slice)):
            for listener in some:
                if listener.keeps_state and listener.place != AWAY:
                    self._send(listener, frame)
            yield

    def _deliver(self) -> None:
        """Serve a slice of those who are there; go on in later turns, until all have the newest event.

        What is published meanwhile goes along to whoever comes after, and a second round brings it to the others.
        """
        if self._turn is None:
            is_news = self._goal < self._ring.head
            self._turn, self._goal = iter(list(self._live if is_news else self._unfinished)), self._ring.head
        some = list(islice(self._turn, self._slice))
        self._serve(some)
        if len(some) == self._slice:
            self._soon()
            return
        self._turn = None
        if self._goal < self._ring.head or self._unfinished:
            self._soon()
        else:
            self._ring.trim()

    def _soon(self) -> None:
        """Deliver in a later turn, once, however often that is asked for."""
        if not self._is_due:
            self._is_due = True
            self._later(self._due)

    def _due(self) -> None:
        self._is_due = False
        self._deliver()

    def _go_on_with(self, listener: Listener) -> None:
        self._unfinished.add(listener)
        self._soon()

    def _serve(self, listeners: Sequence[Listener]) -> None:
        """Bring each a piece further to the newest place. Nearly all stand at one place and are sent the same bytes."""
        ring = self._ring
        head, place, piece = ring.head, -1, None
        for listener in listeners:
            if listener.place >= head:
                continue
            if listener.place != place:
                place = listener.place
                piece = ring.after(place)
            if piece is None:
                self.resyncs += 1
                listener.place = head
                self._unfinished.discard(listener)
                self._send(listener, ring.resync())
                continue
            data, listener.place = piece
            self.deliveries += listener.place - place
            if listener.place < head:
                self._go_on_with(listener)
            else:
                self._unfinished.discard(listener)
            self._send(listener, data)

    def _send(self, listener: Listener, data: bytes) -> None:
        """A listener that fails is left; nobody else waits for it."""
        try:
            listener.send(data)
        except Exception:
            log.exception("a listener could not be sent anything, and is left")
            self.leave(listener)
