"""The hub alone: every turn of the loop is one call."""

import json
from collections import deque
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from services.realtime.hub import Channel, Hub
from services.realtime.replay_buffer import MAX_CACHED_CHUNKS, ReplayLimits
from shared.redis.streams import StreamId
from tests.services.realtime.conftest import payloads

NULL_RESYNC = b'{"id":null,"type":"resync"}'


def event(number: int) -> bytes:
    return b'{"type":"clip","clip":{"number":%d}}' % number


def frame(id: str, number: int) -> bytes:
    return b'{"id":"%s",%s' % (id.encode(), event(number)[1:])


def frames(*numbers: int) -> list[bytes]:
    return [frame(f"{number}-0", number) for number in numbers]


def resync(id: str) -> bytes:
    return b'{"id":"%s","type":"resync"}' % id.encode()


class FakeLoop:
    """Calls of later turns, run one by one."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], None]] = deque()

    def __call__(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        if self.calls:
            self.calls.popleft()()

    def run(self) -> None:
        while self.calls:
            self.turn()


class FakeSubscriber:
    """A subscriber that keeps what it received."""

    def __init__(self, channel: Channel | None = None, since: str | None = None) -> None:
        self.position = 0
        self.has_cursor = False
        self.received: list[bytes] = []
        self.when_sent: Callable[[], None] = lambda: None
        if channel:
            self.send(channel.subscribe(self, since))

    def send(self, data: bytes) -> None:
        self.received += payloads(data)
        self.when_sent()


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def home(loop: FakeLoop) -> Channel:
    """A channel with the events 1-0 to 4-0, which keeps three and serves slices of two."""
    home = Hub(loop, ReplayLimits(frames=3), slice_subscribers=2).channel("home")
    home.start_epoch("0-1")
    home.publish((f"{number}-0", event(number)) for number in range(1, 5))
    return home


def publish(channel: Channel, *numbers: int) -> None:
    channel.publish((f"{number}-0", event(number)) for number in numbers)


def test_a_subscriber_with_a_known_cursor_gets_all_later_events(home: Channel) -> None:
    ann, bob = FakeSubscriber(home, "2-0"), FakeSubscriber(home, "4-0")
    assert (ann.received, bob.received) == (frames(3, 4), [])
    assert (home.replayed, home.resyncs, home.deliveries) == (2, 0, 0)
    publish(home, 5, 6)
    assert (ann.received, bob.received) == (frames(3, 4, 5, 6), frames(5, 6))
    assert home.deliveries == 4


def test_the_cursor_before_the_oldest_frame_is_known_too(home: Channel) -> None:
    assert FakeSubscriber(home, "1-0").received == frames(2, 3, 4)


@pytest.mark.parametrize("since", ["0-1", "9-0", "", "null", "1", "1-0-0", "%00", "2-0 ", "02-0", "ü" * 1000])
def test_an_unknown_cursor_is_answered_with_resync(home: Channel, since: str) -> None:
    subscriber = FakeSubscriber(home, since)
    assert subscriber.received == [resync("4-0")]
    publish(home, 5)
    assert subscriber.received == [resync("4-0"), *frames(5)]
    assert home.resyncs == 1


def test_without_a_cursor_nothing_comes_until_the_next_event(home: Channel) -> None:
    subscriber = FakeSubscriber(home)
    assert subscriber.received == []
    publish(home, 5)
    assert subscriber.received == frames(5)


def test_no_cursor_is_known_before_the_stream_was_read(loop: FakeLoop) -> None:
    home = Hub(loop).channel("home")
    ann, bob = FakeSubscriber(home, "1-0"), FakeSubscriber(home)
    assert (ann.received, bob.received) == ([NULL_RESYNC], [])
    home.start_epoch("1-0", [("2-0", event(2))])
    assert (ann.received, bob.received) == ([NULL_RESYNC, resync("2-0")], [resync("2-0")])


def test_a_new_epoch_knows_its_own_ids_only(home: Channel) -> None:
    here = FakeSubscriber(home, "4-0")
    home.start_epoch("7-0", [("8-0", event(8))])
    assert here.received == [resync("8-0")]
    assert FakeSubscriber(home, "4-0").received == [resync("8-0")]
    assert FakeSubscriber(home, "7-0").received == frames(8)


def test_frames_are_limited_by_bytes_and_the_newest_cursor_stays(loop: FakeLoop) -> None:
    home = Hub(loop, ReplayLimits(bytes=100)).channel("home")
    home.start_epoch("1-0")
    home.publish([("2-0", b'{"type":"%s"}' % (b"x" * 200))])
    assert FakeSubscriber(home, "1-0").received == [resync("2-0")]
    bob = FakeSubscriber(home, "2-0")
    publish(home, 3)
    assert bob.received == frames(3)
    assert FakeSubscriber(home, "2-0").received == frames(3)


def test_a_burst_beyond_the_limits_still_reaches_current_subscribers(loop: FakeLoop) -> None:
    home = Hub(loop, ReplayLimits(frames=2), slice_subscribers=2).channel("home")
    home.start_epoch("1-0")
    subscribers = [FakeSubscriber(home, "1-0") for _ in range(5)]
    publish(home, *range(2, 9))
    loop.run()
    assert [subscriber.received for subscriber in subscribers] == [frames(*range(2, 9))] * 5
    assert FakeSubscriber(home, "5-0").received == [resync("8-0")]


def test_many_replays_from_many_positions(home: Channel) -> None:
    deep = Hub(FakeLoop()).channel("home")
    deep.start_epoch("0-1")
    numbers = range(1, 4 * MAX_CACHED_CHUNKS)
    publish(deep, *numbers)
    for number in [*numbers, *numbers]:
        assert FakeSubscriber(deep, f"{number}-0").received == frames(*numbers[number:])


def test_libraries_are_apart(loop: FakeLoop) -> None:
    hub = Hub(loop)
    hub.channel("home").start_epoch("1-0")
    other = FakeSubscriber(hub.channel("other"), "1-0")
    publish(hub.channel("home"), 2)
    assert other.received == [NULL_RESYNC]
    assert hub.subscribed_libraries() == {"other"}


def test_unsubscribing_twice_does_nothing_more(home: Channel) -> None:
    subscriber = FakeSubscriber(home)
    assert home.subscriber_count() == 1
    home.unsubscribe(subscriber)
    home.unsubscribe(subscriber)
    publish(home, 5)
    assert (home.subscriber_count(), subscriber.received) == (0, [])


def test_slices_take_along_what_is_published_meanwhile(home: Channel, loop: FakeLoop) -> None:
    subscribers = [FakeSubscriber(home, "4-0") for _ in range(5)]
    publish(home, 5)
    assert sorted(len(subscriber.received) for subscriber in subscribers) == [0, 0, 0, 1, 1]
    publish(home, 6)
    late = FakeSubscriber(home, "4-0")
    assert late.received == frames(5, 6)
    loop.turn()
    assert sorted(len(subscriber.received) for subscriber in subscribers) == [0, 1, 1, 2, 2]
    loop.run()
    assert [subscriber.received for subscriber in [*subscribers, late]] == [frames(5, 6)] * 6


def test_a_paused_subscriber_is_sent_nothing_until_it_resumes(home: Channel) -> None:
    subscriber = FakeSubscriber(home, "4-0")
    subscriber.when_sent = lambda: home.pause(subscriber)
    publish(home, 5)
    publish(home, 6, 7)
    assert (subscriber.received, home.subscriber_count()) == (frames(5), 1)
    home.resume(subscriber)
    assert subscriber.received == frames(5, 6, 7)
    publish(home, 8, 9, 10, 11)
    subscriber.when_sent = lambda: None
    home.resume(subscriber)
    home.resume(subscriber)
    assert subscriber.received == [*frames(5, 6, 7), resync("11-0")], "more than is kept was published meanwhile"
    publish(home, 12)
    assert subscriber.received[-1] == frame("12-0", 12)


def test_a_paused_subscriber_that_left_does_not_come_back(home: Channel) -> None:
    subscriber = FakeSubscriber(home)
    home.pause(subscriber)
    home.unsubscribe(subscriber)
    home.resume(subscriber)
    home.pause(subscriber)
    publish(home, 5)
    assert (subscriber.received, home.subscriber_count()) == ([], 0)


def test_broadcasts_are_for_subscribers_with_a_cursor_and_retained_ones_come_first(home: Channel) -> None:
    subscribers, seed = [FakeSubscriber(home, "4-0") for _ in range(3)], FakeSubscriber(home)
    slices = home.broadcast(b'{"looking":3}', retain=True)
    next(slices)
    home.unsubscribe(subscribers[0])
    list(slices)
    assert [subscriber.received for subscriber in subscribers[1:]] == [[b'{"looking":3}']] * 2
    assert seed.received == []
    assert FakeSubscriber(home, "3-0").received == [b'{"looking":3}', *frames(4)]
    # Who was behind has missed what was said meanwhile.
    home.pause(subscribers[1])
    list(home.broadcast(b'{"looking":4}', retain=True))
    subscribers[1].received.clear()
    home.resume(subscribers[1])
    assert subscribers[1].received == [b'{"looking":4}']


# -- chunks and failures ------------------------------------------------------------------------------------------


def test_a_long_replay_comes_in_chunks_and_stops_while_paused(loop: FakeLoop) -> None:
    most = 5 * len(frame("10-0", 10))
    home = Hub(loop, ReplayLimits(chunk_bytes=most)).channel("home")
    home.start_epoch("0-1")
    numbers = range(1, 31)
    publish(home, *numbers)
    subscriber = FakeSubscriber(home, "1-0")
    assert 0 < len(subscriber.received) <= 6
    subscriber.when_sent = lambda: home.pause(subscriber)
    loop.run()
    before = len(subscriber.received)
    assert before <= 12
    loop.run()
    publish(home, 31)
    assert len(subscriber.received) == before, "it is paused"
    subscriber.when_sent = lambda: None
    home.resume(subscriber)
    loop.run()
    assert subscriber.received == frames(*range(2, 32))
    publish(home, 32)
    assert subscriber.received[-1:] == frames(32)
    assert not loop.calls


def test_a_large_frame_is_a_chunk_of_its_own(loop: FakeLoop) -> None:
    home = Hub(loop, ReplayLimits(chunk_bytes=1)).channel("home")
    home.start_epoch("0-1")
    publish(home, 1, 2, 3)
    subscriber = FakeSubscriber(home, "0-1")
    assert subscriber.received == frames(1)
    loop.run()
    assert subscriber.received == frames(1, 2, 3)


def test_a_subscriber_that_fails_is_removed_and_no_other(home: Channel, loop: FakeLoop) -> None:
    subscribers = [FakeSubscriber(home, "4-0") for _ in range(5)]

    def fail() -> None:
        raise RuntimeError("a fault that nobody foresaw")

    subscribers[2].when_sent = fail
    publish(home, 5)
    loop.run()
    publish(home, 6)
    loop.run()
    assert [subscriber.received for subscriber in subscribers] == [frames(5, 6)] * 2 + [frames(5)] + [frames(5, 6)] * 2
    assert home.subscriber_count() == 4


# -- any order of anything ---------------------------------------------------------------------------------------------


class Redis:
    """A stream that may be trimmed and wiped, on a machine whose clock may go back. One number is one millisecond."""

    def __init__(self) -> None:
        self.entries: list[tuple[StreamId, bytes]] = []
        self.last_id = StreamId(0, 0)
        """Of the newest entry ever added. Redis keeps it when the stream is trimmed to nothing."""
        self.epoch: int | None = None
        self.behind_ms = 0

    def append(self, now_ms: int, data: bytes) -> None:
        id = StreamId(now_ms - self.behind_ms, 0)
        self.add(id if id > self.last_id else StreamId(self.last_id.ms, self.last_id.number + 1), data)

    def add(self, id: StreamId, data: bytes) -> None:
        assert id > self.last_id, "XADD refuses it"
        self.entries.append((id, data))
        self.last_id = id

    def wipe(self) -> None:
        self.entries.clear()
        self.last_id, self.epoch = StreamId(0, 0), None

    def newest(self) -> str:
        return str(self.entries[-1][0]) if self.entries else ""


class Page:
    """A browser: fetches the list, applies frames, the higher version wins, and fetches again when told to."""

    def __init__(self, database: dict[int, int], cursor: str) -> None:
        self.database = database
        self.clips = dict(database)
        self.cursor = cursor
        self.online = False
        self.seen: set[str] = set()
        self.position = 0
        self.has_cursor = False
        self.after_send: Callable[[], None] = lambda: None

    def send(self, data: bytes) -> None:
        for text in payloads(data):
            self.receive(text)
        self.after_send()

    def receive(self, text: bytes) -> None:
        message = json.loads(text)
        self.cursor = message["id"] or ""
        if message["type"] == "resync":
            self.clips = dict(self.database)
            return
        assert message["id"] not in self.seen, "a frame came twice in one connection"
        self.seen.add(message["id"])
        clip, version = message["clip"]
        self.clips[clip] = max(version, self.clips.get(clip, 0))


class Fanout(RuleBasedStateMachine):
    """Changes, readers that lag, trims, wipes, clocks that go back, restarts and pages that come and go, in any order.

    However it went: a page that is online, and to which all was delivered, shows what is in the database.
    """

    pages: Bundle[Page] = Bundle("pages")

    @initialize(frames=st.integers(1, 6))
    def start(self, frames: int) -> None:
        self.clock = count(100)
        self.epochs = count(1)
        self.database: dict[int, int] = {}
        self.redis = Redis()
        self.frames = frames
        self.all_pages: list[Page] = []
        self.restart()

    # -- the server, as redis_reader.py runs it ------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        for page in self.all_pages:
            page.online = False
        self.loop = FakeLoop()
        self.home = Hub(self.loop, ReplayLimits(frames=self.frames, chunk_bytes=100), slice_subscribers=2).channel(
            "home"
        )
        self.epoch: int | None = None
        self.last = StreamId(0, 0)

    @rule(most=st.integers(1, 5))
    def read(self, most: int) -> None:
        held = any(id == self.last for id, _ in self.redis.entries)
        if self.epoch is None or self.epoch != self.redis.epoch or not held:
            self.begin()
            return
        entries = [entry for entry in self.redis.entries if entry[0] > self.last][:most]
        if entries:
            self.last = entries[-1][0]
            self.home.publish((str(id), data) for id, data in entries if data)

    @rule()
    def turn(self) -> None:
        self.loop.turn()

    def begin(self) -> None:
        redis = self.redis
        if redis.epoch is None or not redis.entries:
            redis.epoch = next(self.epochs)
            redis.add(StreamId(max(next(self.clock), self.last.ms + 1, redis.last_id.ms + 1), 0), b"")
        newest_first = redis.entries[: -self.frames - 2 : -1]
        marker = next((index for index, (_, data) in enumerate(newest_first) if not data), None)
        entries = newest_first[marker::-1] if marker is not None else newest_first[::-1]
        self.epoch, self.last = redis.epoch, entries[-1][0]
        self.home.start_epoch(str(entries[0][0]), [(str(id), data) for id, data in entries[1:]])

    # -- the world ---------------------------------------------------------------------------------------------

    @rule(clip=st.integers(0, 3))
    def change(self, clip: int) -> None:
        self.database[clip] = version = self.database.get(clip, 0) + 1
        self.redis.append(next(self.clock), json.dumps({"type": "clip", "clip": [clip, version]}).encode())

    @rule(entries=st.integers(1, 8))
    def trim(self, entries: int) -> None:
        del self.redis.entries[:entries]

    @rule(before=st.integers(0, 2), behind_ms=st.integers(0, 6), after=st.integers(0, 2))
    def wipe(self, before: int, behind_ms: int, after: int) -> None:
        """Wipe, most often between events, the first of which nobody has read."""
        for _ in range(before):
            self.change(0)
        self.redis.wipe()
        self.redis.behind_ms = behind_ms
        for _ in range(after):
            self.change(1)

    # -- pages -------------------------------------------------------------------------------------------------

    @rule(target=pages)
    def open(self) -> Page:
        page = Page(self.database, self.redis.newest())
        self.all_pages.append(page)
        return page

    @rule(page=pages, lost=st.sampled_from([None, "", "0-0", "1-0", "99999-0", "garbage"]))
    def join(self, page: Page, lost: str | None) -> None:
        if not page.online:
            page.online, page.seen = True, set()
            page.send(self.home.subscribe(page, page.cursor if lost is None else lost))

    @rule(page=pages, is_full=st.booleans())
    def set_send_buffer(self, page: Page, *, is_full: bool) -> None:
        """A send buffer may be full from the next frame on, and be empty again later."""
        page.after_send = (lambda: self.home.pause(page)) if is_full else (lambda: None)
        self.home.resume(page)

    @rule(page=pages)
    def drop(self, page: Page) -> None:
        page.online = False
        page.after_send = lambda: None
        self.home.unsubscribe(page)

    @rule(page=consumes(pages))
    def close(self, page: Page) -> None:
        self.drop(page)
        self.all_pages.remove(page)

    @rule()
    def settle(self) -> None:
        """Let everybody come back, deliver everything, and compare."""
        for page in self.all_pages:
            self.set_send_buffer(page, is_full=False)
            self.join(page, None)
        self.read(1)  # at most one beginning
        self.read(10_000)
        self.loop.run()
        for page in self.all_pages:
            assert page.clips == self.database

    def teardown(self) -> None:
        if hasattr(self, "home"):
            self.settle()

    @invariant()
    def only_online_pages_are_subscribed(self) -> None:
        if hasattr(self, "home"):
            assert self.home.subscriber_count() == sum(page.online for page in self.all_pages)


TestFanout = Fanout.TestCase
TestFanout.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
