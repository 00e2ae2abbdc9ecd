"""The hub alone: every turn of the loop is one call."""

import json
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from services.realtime.hub import Hub
from shared.events import StreamId

NULL_RESYNC = b'{"id":null,"type":"resync"}'


def event(number: int) -> bytes:
    return b'{"type":"clip","clip":{"number":%d}}' % number


def frame(id: str, number: int) -> bytes:
    return b'{"id":"%s",%s' % (id.encode(), event(number)[1:])


def resync(id: str) -> bytes:
    return b'{"id":"%s","type":"resync"}' % id.encode()


@pytest.fixture
def hub() -> Hub[str]:
    """A hub whose home library has said 1-0 to 4-0, and keeps three."""
    hub = Hub[str](replay_frames=3)
    hub.begin("home", "0-1")
    for number in range(1, 5):
        hub.publish("home", f"{number}-0", event(number))
    return hub


def test_a_frame_is_the_event_with_its_id_in_front(hub: Hub[str]) -> None:
    assert hub.publish("home", "5-0", event(5)) == frame("5-0", 5)
    assert json.loads(frame("5-0", 5)) == {"id": "5-0", "type": "clip", "clip": {"number": 5}}


def test_who_knows_an_id_gets_what_followed(hub: Hub[str]) -> None:
    assert hub.join("home", "ann", "2-0") == [frame("3-0", 3), frame("4-0", 4)]
    assert hub.join("home", "bob", "4-0") == []
    assert (hub.replayed, hub.resyncs) == (2, 0)


def test_the_place_before_the_oldest_frame_is_known_too(hub: Hub[str]) -> None:
    assert hub.join("home", "ann", "1-0") == [frame("2-0", 2), frame("3-0", 3), frame("4-0", 4)]


@pytest.mark.parametrize("since", ["0-1", "9-0", "", "null", "1", "1-0-0", "%00", "2-0 ", "02-0", "ü" * 1000])
def test_whatever_else_is_claimed_is_answered_with_resync(hub: Hub[str], since: str) -> None:
    assert hub.join("home", "ann", since) == [resync("4-0")]
    assert hub.resyncs == 1


def test_who_claims_nothing_gets_nothing_until_something_happens(hub: Hub[str]) -> None:
    assert hub.join("home", "ann", None) == []
    assert set(hub.listeners("home")) == {"ann"}


def test_before_the_stream_was_read_nobody_is_believed() -> None:
    hub = Hub[str]()
    assert hub.join("home", "ann", "1-0") == [NULL_RESYNC]
    assert hub.begin("home", "1-0") == resync("1-0")
    assert hub.resyncs == 2


def test_a_new_life_knows_its_own_events_and_none_before(hub: Hub[str]) -> None:
    assert hub.begin("home", "7-0", [("8-0", event(8))]) == resync("8-0")
    assert hub.join("home", "ann", "4-0") == [resync("8-0")]
    assert hub.join("home", "bob", "7-0") == [frame("8-0", 8)]


def test_frames_are_bounded_by_bytes_and_the_newest_place_stays() -> None:
    hub = Hub[str](replay_bytes=100)
    hub.begin("home", "1-0")
    hub.publish("home", "2-0", b'{"type":"%s"}' % (b"x" * 200))
    assert hub.join("home", "ann", "1-0") == [resync("2-0")]
    assert hub.join("home", "bob", "2-0") == []
    hub.publish("home", "3-0", event(3))
    assert hub.join("home", "cid", "2-0") == [frame("3-0", 3)]


def test_libraries_are_apart(hub: Hub[str]) -> None:
    assert hub.join("other", "ann", "4-0") == [NULL_RESYNC]
    assert set(hub.listeners("home")) == set()
    assert hub.libraries() == {"other"}


def test_leaving_twice_is_leaving_once(hub: Hub[str]) -> None:
    hub.join("home", "ann", None)
    assert hub.count() == 1
    hub.leave("home", "ann")
    hub.leave("home", "ann")
    assert (hub.count(), hub.libraries()) == (0, set())


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

    def __init__(self, clips: dict[int, int], cursor: str) -> None:
        self.clips = dict(clips)
        self.cursor = cursor
        self.online = False
        self.seen: set[str] = set()

    def receive(self, frame: bytes, database: dict[int, int]) -> None:
        said = json.loads(frame)
        self.cursor = said["id"] or ""
        if said["type"] == "resync":
            self.clips = dict(database)
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
        self.hub = Hub[Page](replay_frames=self.frames)
        self.life: int | None = None
        self.last = StreamId(0, 0)

    @rule(most=st.integers(1, 5))
    def read(self, most: int) -> None:
        held = any(id == self.last for id, _ in self.redis.entries)
        if self.life is None or self.life != self.redis.epoch or not held:
            self.begin()
            return
        for id, data in [entry for entry in self.redis.entries if entry[0] > self.last][:most]:
            self.last = id
            if data:
                self.deliver(self.hub.publish("home", str(id), data))

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
        self.deliver(self.hub.begin("home", str(life[0][0]), [(str(id), data) for id, data in life[1:]]))

    def deliver(self, frame: bytes) -> None:
        for page in self.hub.listeners("home"):
            page.receive(frame, self.database)

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
            for frame in self.hub.join("home", page, page.cursor if lost is None else lost):
                page.receive(frame, self.database)

    @rule(page=pages)
    def drop(self, page: Page) -> None:
        page.online = False
        self.hub.leave("home", page)

    @rule(page=consumes(pages))
    def close(self, page: Page) -> None:
        self.drop(page)
        self.all_pages.remove(page)

    @rule()
    def settle(self) -> None:
        """Let everybody come back, deliver everything, and compare."""
        for page in self.all_pages:
            self.join(page, None)
        self.read(1)  # at most one beginning
        self.read(10_000)
        for page in self.all_pages:
            assert page.clips == self.database

    def teardown(self) -> None:
        if hasattr(self, "hub"):
            self.settle()

    @invariant()
    def nobody_listens_who_left(self) -> None:
        if hasattr(self, "hub"):
            assert self.hub.count() == sum(page.online for page in self.all_pages)


TestFanout = Fanout.TestCase
TestFanout.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
