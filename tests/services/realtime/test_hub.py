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
from services.realtime.replay_buffer import MOST_PIECES, Bounds
from shared.redis.streams import StreamId
from tests.services.realtime.conftest import texts

NULL_RESYNC = b'{"id":null,"type":"resync"}'


def event(number: int) -> bytes:
    return b'{"type":"clip","clip":{"number":%d}}' % number


def frame(id: str, number: int) -> bytes:
    return b'{"id":"%s",%s' % (id.encode(), event(number)[1:])


def frames(*numbers: int) -> list[bytes]:
    return [frame(f"{number}-0", number) for number in numbers]


def resync(id: str) -> bytes:
    return b'{"id":"%s","type":"resync"}' % id.encode()


class Loop:
    """What is to be called in later turns."""

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


class Ear:
    """A listener, and what it heard."""

    def __init__(self, channel: Channel | None = None, since: str | None = None) -> None:
        self.place = 0
        self.keeps_state = False
        self.heard: list[bytes] = []
        self.when_sent: Callable[[], None] = lambda: None
        if channel:
            self.send(channel.join(self, since))

    def send(self, data: bytes) -> None:
        self.heard += texts(data)
        self.when_sent()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def home(loop: Loop) -> Channel:
    """A library that has said 1-0 to 4-0, and keeps three; it is served in slices of two."""
    home = Hub(loop, Bounds(frames=3), slice_listeners=2).of("home")
    home.begin("0-1")
    home.publish((f"{number}-0", event(number)) for number in range(1, 5))
    return home


def say(channel: Channel, *numbers: int) -> None:
    channel.publish((f"{number}-0", event(number)) for number in numbers)


def test_who_knows_an_id_gets_what_followed_and_what_happens(home: Channel) -> None:
    ann, bob = Ear(home, "2-0"), Ear(home, "4-0")
    assert (ann.heard, bob.heard) == (frames(3, 4), [])
    assert (home.replayed, home.resyncs, home.deliveries) == (2, 0, 0)
    say(home, 5, 6)
    assert (ann.heard, bob.heard) == (frames(3, 4, 5, 6), frames(5, 6))
    assert home.deliveries == 4


def test_the_place_before_the_oldest_frame_is_known_too(home: Channel) -> None:
    assert Ear(home, "1-0").heard == frames(2, 3, 4)


@pytest.mark.parametrize("since", ["0-1", "9-0", "", "null", "1", "1-0-0", "%00", "2-0 ", "02-0", "ü" * 1000])
def test_whatever_else_is_claimed_is_answered_with_resync(home: Channel, since: str) -> None:
    ear = Ear(home, since)
    assert ear.heard == [resync("4-0")]
    say(home, 5)
    assert ear.heard == [resync("4-0"), *frames(5)]
    assert home.resyncs == 1


def test_who_claims_nothing_gets_nothing_until_something_happens(home: Channel) -> None:
    ear = Ear(home)
    assert ear.heard == []
    say(home, 5)
    assert ear.heard == frames(5)


def test_before_the_stream_was_read_nobody_is_believed(loop: Loop) -> None:
    home = Hub(loop).of("home")
    ann, bob = Ear(home, "1-0"), Ear(home)
    assert (ann.heard, bob.heard) == ([NULL_RESYNC], [])
    home.begin("1-0", [("2-0", event(2))])
    assert (ann.heard, bob.heard) == ([NULL_RESYNC, resync("2-0")], [resync("2-0")])


def test_a_new_life_knows_its_own_events_and_none_before(home: Channel) -> None:
    here = Ear(home, "4-0")
    home.begin("7-0", [("8-0", event(8))])
    assert here.heard == [resync("8-0")]
    assert Ear(home, "4-0").heard == [resync("8-0")]
    assert Ear(home, "7-0").heard == frames(8)


def test_frames_are_bounded_by_bytes_and_the_newest_place_stays(loop: Loop) -> None:
    home = Hub(loop, Bounds(bytes=100)).of("home")
    home.begin("1-0")
    home.publish([("2-0", b'{"type":"%s"}' % (b"x" * 200))])
    assert Ear(home, "1-0").heard == [resync("2-0")]
    bob = Ear(home, "2-0")
    say(home, 3)
    assert bob.heard == frames(3)
    assert Ear(home, "2-0").heard == frames(3)


def test_a_burst_that_is_not_kept_still_reaches_those_who_are_there(loop: Loop) -> None:
    home = Hub(loop, Bounds(frames=2), slice_listeners=2).of("home")
    home.begin("1-0")
    ears = [Ear(home, "1-0") for _ in range(5)]
    say(home, *range(2, 9))
    loop.run()
    assert [ear.heard for ear in ears] == [frames(*range(2, 9))] * 5
    assert Ear(home, "5-0").heard == [resync("8-0")]


def test_many_who_come_back_from_many_places(home: Channel) -> None:
    deep = Hub(Loop()).of("home")
    deep.begin("0-1")
    numbers = range(1, 4 * MOST_PIECES)
    say(deep, *numbers)
    for number in [*numbers, *numbers]:
        assert Ear(deep, f"{number}-0").heard == frames(*numbers[number:])


def test_libraries_are_apart(loop: Loop) -> None:
    hub = Hub(loop)
    hub.of("home").begin("1-0")
    other = Ear(hub.of("other"), "1-0")
    say(hub.of("home"), 2)
    assert other.heard == [NULL_RESYNC]
    assert hub.libraries() == {"other"}


def test_leaving_twice_is_leaving_once(home: Channel) -> None:
    ear = Ear(home)
    assert home.count() == 1
    home.leave(ear)
    home.leave(ear)
    say(home, 5)
    assert (home.count(), ear.heard) == (0, [])


def test_a_large_audience_is_served_in_slices_and_what_happens_meanwhile_goes_along(home: Channel, loop: Loop) -> None:
    ears = [Ear(home, "4-0") for _ in range(5)]
    say(home, 5)
    assert sorted(len(ear.heard) for ear in ears) == [0, 0, 0, 1, 1]
    say(home, 6)
    late = Ear(home, "4-0")
    assert late.heard == frames(5, 6)
    loop.turn()
    assert sorted(len(ear.heard) for ear in ears) == [0, 1, 1, 2, 2]
    loop.run()
    assert [ear.heard for ear in [*ears, late]] == [frames(5, 6)] * 6


def test_who_falls_behind_is_left_out_and_brought_up_to_date(home: Channel) -> None:
    ear = Ear(home, "4-0")
    ear.when_sent = lambda: home.fall_behind(ear)
    say(home, 5)
    say(home, 6, 7)
    assert (ear.heard, home.count()) == (frames(5), 1)
    home.catch_up(ear)
    assert ear.heard == frames(5, 6, 7)
    say(home, 8, 9, 10, 11)
    ear.when_sent = lambda: None
    home.catch_up(ear)
    home.catch_up(ear)
    assert ear.heard == [*frames(5, 6, 7), resync("11-0")], "more than is kept was said meanwhile"
    say(home, 12)
    assert ear.heard[-1] == frame("12-0", 12)


def test_who_leaves_while_it_is_behind_does_not_come_back(home: Channel) -> None:
    ear = Ear(home)
    home.fall_behind(ear)
    home.leave(ear)
    home.catch_up(ear)
    home.fall_behind(ear)
    say(home, 5)
    assert (ear.heard, home.count()) == ([], 0)


def test_news_are_for_those_who_keep_state_and_the_latest_comes_first(home: Channel) -> None:
    ears, seed = [Ear(home, "4-0") for _ in range(3)], Ear(home)
    slices = home.tell(b'{"looking":3}', latest=True)
    next(slices)
    home.leave(ears[0])
    list(slices)
    assert [ear.heard for ear in ears[1:]] == [[b'{"looking":3}']] * 2
    assert seed.heard == []
    assert Ear(home, "3-0").heard == [b'{"looking":3}', *frames(4)]
    # Who was behind has missed what was said meanwhile.
    home.fall_behind(ears[1])
    list(home.tell(b'{"looking":4}', latest=True))
    ears[1].heard.clear()
    home.catch_up(ears[1])
    assert ears[1].heard == [b'{"looking":4}']


# -- a line is given no more than it takes ---------------------------------------------------------------------------


def test_a_long_replay_comes_in_pieces_and_stops_when_the_line_is_full(loop: Loop) -> None:
    most = 5 * len(frame("10-0", 10))
    home = Hub(loop, Bounds(piece_bytes=most)).of("home")
    home.begin("0-1")
    numbers = range(1, 31)
    say(home, *numbers)
    ear = Ear(home, "1-0")
    assert 0 < len(ear.heard) <= 6
    ear.when_sent = lambda: home.fall_behind(ear)
    loop.run()
    before = len(ear.heard)
    assert before <= 12
    loop.run()
    say(home, 31)
    assert len(ear.heard) == before, "its line is full"
    ear.when_sent = lambda: None
    home.catch_up(ear)
    loop.run()
    assert ear.heard == frames(*range(2, 32))
    say(home, 32)
    assert ear.heard[-1:] == frames(32)
    assert not loop.calls


def test_a_large_frame_is_a_piece_of_its_own(loop: Loop) -> None:
    home = Hub(loop, Bounds(piece_bytes=1)).of("home")
    home.begin("0-1")
    say(home, 1, 2, 3)
    ear = Ear(home, "0-1")
    assert ear.heard == frames(1)
    loop.run()
    assert ear.heard == frames(1, 2, 3)


def test_a_listener_that_fails_is_left_and_nobody_else_is(home: Channel, loop: Loop) -> None:
    ears = [Ear(home, "4-0") for _ in range(5)]

    def fail() -> None:
        raise RuntimeError("a fault that nobody foresaw")

    ears[2].when_sent = fail
    say(home, 5)
    loop.run()
    say(home, 6)
    loop.run()
    assert [ear.heard for ear in ears] == [frames(5, 6)] * 2 + [frames(5)] + [frames(5, 6)] * 2
    assert home.count() == 4


# -- any order of anything ---------------------------------------------------------------------------------------------


class Redis:
    """A stream that may be trimmed and wiped, on a machine whose clock may go back. One number is one millisecond."""

    def __init__(self) -> None:
        self.entries: list[tuple[StreamId, bytes]] = []
        self.epoch: int | None = None
        self.behind_ms = 0

    def append(self, now_ms: int, data: bytes) -> None:
        newest = self.entries[-1][0] if self.entries else StreamId(0, 0)
        id = StreamId(now_ms - self.behind_ms, 0)
        self.entries.append((id if id > newest else StreamId(newest.ms, newest.number + 1), data))

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
        self.place = 0
        self.keeps_state = False
        self.line: Callable[[], None] = lambda: None

    def send(self, data: bytes) -> None:
        for text in texts(data):
            self.receive(text)
        self.line()

    def receive(self, text: bytes) -> None:
        said = json.loads(text)
        self.cursor = said["id"] or ""
        if said["type"] == "resync":
            self.clips = dict(self.database)
            return
        assert said["id"] not in self.seen, "a frame came twice in one connection"
        self.seen.add(said["id"])
        clip, version = said["clip"]
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

    # -- the server, as feed.py runs it ------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        for page in self.all_pages:
            page.online = False
        self.loop = Loop()
        self.home = Hub(self.loop, Bounds(frames=self.frames, piece_bytes=100), slice_listeners=2).of("home")
        self.life: int | None = None
        self.last = StreamId(0, 0)

    @rule(most=st.integers(1, 5))
    def read(self, most: int) -> None:
        held = any(id == self.last for id, _ in self.redis.entries)
        if self.life is None or self.life != self.redis.epoch or not held:
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
            newest = redis.entries[-1][0].ms if redis.entries else 0
            redis.entries.append((StreamId(max(next(self.clock), self.last.ms + 1, newest + 1), 0), b""))
        newest_first = redis.entries[: -self.frames - 2 : -1]
        founding = next((place for place, (_, data) in enumerate(newest_first) if not data), None)
        life = newest_first[founding::-1] if founding is not None else newest_first[::-1]
        self.life, self.last = redis.epoch, life[-1][0]
        self.home.begin(str(life[0][0]), [(str(id), data) for id, data in life[1:]])

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
        self.redis.entries.clear()
        self.redis.epoch = None
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
            page.send(self.home.join(page, page.cursor if lost is None else lost))

    @rule(page=pages, is_full=st.booleans())
    def change_the_line(self, page: Page, *, is_full: bool) -> None:
        """A line may be full from its next frame on, and be empty again later."""
        page.line = (lambda: self.home.fall_behind(page)) if is_full else (lambda: None)
        self.home.catch_up(page)

    @rule(page=pages)
    def drop(self, page: Page) -> None:
        page.online = False
        page.line = lambda: None
        self.home.leave(page)

    @rule(page=consumes(pages))
    def close(self, page: Page) -> None:
        self.drop(page)
        self.all_pages.remove(page)

    @rule()
    def settle(self) -> None:
        """Let everybody come back, deliver everything, and compare."""
        for page in self.all_pages:
            self.change_the_line(page, is_full=False)
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
    def nobody_listens_who_left(self) -> None:
        if hasattr(self, "home"):
            assert self.home.count() == sum(page.online for page in self.all_pages)


TestFanout = Fanout.TestCase
TestFanout.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
