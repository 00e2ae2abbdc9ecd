"""Random stories of pages that come, drop and return: each ends with exactly what the database has."""

import contextlib
import json
import random
import socket
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from shared.libraries import HOME
from shared.redis import streams
from shared.redis.streams import StreamId, stream_key
from tests.services.realtime.conftest import TIMEOUT_S, Realtime

STORIES, STEPS = 50, 30
"""How many, and how long: some twenty seconds, most of them pauses of a reader that lost Redis."""

KILLS = 5
"""Of the server, in all stories together: each costs half a second."""

CLIPS = 5
"""Few, so that one clip changes often."""

NO_WAIT_S = 0.001

Clips = dict[int, int]
"""A clip → its version, which stands for all that is known of it."""

clips = st.integers(1, CLIPS)


@dataclass(eq=False)
class Page:
    """What an open page does with its frames: `Feed`, `Library` and `Sync` in a few lines."""

    cursor: str
    clips: Clips
    socket: ClientConnection | None = None
    line: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    history: list[dict[str, Any]] = field(default_factory=list)

    def connect(self, realtime: Realtime) -> None:
        if self.socket is None:
            address = f"ws://127.0.0.1:{realtime.port}/websocket?since={self.cursor}"
            opening = connect(address, compression=None, proxy=None, open_timeout=TIMEOUT_S)
            with contextlib.suppress(OSError, ConnectionClosed):
                self.socket = self.line.enter_context(opening)

    def drop(self) -> None:
        """Lose the line; what was on its way is never read."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.socket.shutdown(socket.SHUT_RDWR)
            self.line.close()
            self.socket = None

    def read(self, database: Clips, timeout_s: float) -> bool:
        """Take one frame; say whether there was one."""
        if self.socket is None:
            return False
        try:
            frame = json.loads(self.socket.recv(timeout_s))
        except TimeoutError:
            return False
        except ConnectionClosed:
            self.drop()
            return False
        self.history.append(frame)
        self.cursor = frame.get("id") or self.cursor
        if frame["type"] == "resync":
            # As the list tells it: the page knows nothing newer, and forgets what is not there.
            self.clips = dict(database)
        elif frame["type"] == "clip":
            id, version = frame["clip"]["id"], frame["clip"]["version"]
            self.clips[id] = max(version, self.clips.get(id, 0))
        return True


class Stories(RuleBasedStateMachine):
    """Everything that may happen between the database and a page, at any moment."""

    pages = Bundle("pages")
    realtime: Realtime
    kills = 0

    def __init__(self) -> None:
        super().__init__()
        self.database: Clips = {}
        self.opened: list[Page] = []

    def event(self, clip: int) -> dict[str, Any]:
        return {"type": "clip", "clip": {"id": clip, "version": self.database[clip]}}

    # -- what people do ----------------------------------------------------------------------------------------

    @rule(clip=clips)
    def changes(self, clip: int) -> None:
        self.database[clip] = self.database.get(clip, 0) + 1
        streams.append_event(self.realtime.redis, HOME, self.event(clip))

    @rule(times=st.integers(2, 300))
    def changes_much(self, times: int) -> None:
        with self.realtime.redis.pipeline(transaction=False) as burst:
            for _ in range(times):
                clip = random.randint(1, CLIPS)
                self.database[clip] = self.database.get(clip, 0) + 1
                streams.append_event(burst, HOME, self.event(clip))
            burst.execute()

    @rule(target=pages, clip=clips)
    def opens_a_page(self, clip: int) -> Page:
        cursor = streams.newest_id(self.realtime.redis, HOME) or ""
        self.changes(clip)
        page = Page(cursor, dict(self.database))
        page.connect(self.realtime)
        self.opened.append(page)
        return page

    @rule(page=pages, frames=st.integers(0, 400))
    def reads(self, page: Page, frames: int) -> None:
        while frames and page.read(self.database, NO_WAIT_S):
            frames -= 1

    # -- what goes wrong ---------------------------------------------------------------------------------------

    @rule(page=pages)
    def drops(self, page: Page) -> None:
        page.drop()

    @rule(page=pages)
    def returns(self, page: Page) -> None:
        page.connect(self.realtime)

    @rule(clip=clips)
    def is_told_twice(self, clip: int) -> None:
        if clip in self.database:
            streams.append_event(self.realtime.redis, HOME, self.event(clip))

    @rule(clip=clips)
    def is_told_late(self, clip: int) -> None:
        if self.database.get(clip, 0) > 1:
            old = {"type": "clip", "clip": {"id": clip, "version": self.database[clip] - 1}}
            streams.append_event(self.realtime.redis, HOME, old)

    @rule(kept=st.integers(0, 20))
    def is_trimmed(self, kept: int) -> None:
        self.realtime.redis.xtrim(stream_key(HOME), maxlen=kept, approximate=False)

    @rule()
    def is_wiped(self) -> None:
        self.realtime.redis.flushdb()

    @rule(clip=clips, again=st.booleans())
    def is_wiped_before_it_is_heard_of(self, clip: int, *, again: bool) -> None:
        """A change whose event is gone at once, and one behind it that is not."""
        self.database[clip] = self.database.get(clip, 0) + 1
        with self.realtime.redis.pipeline() as step:
            streams.append_event(step, HOME, self.event(clip))
            step.flushdb()
            if again:
                streams.append_event(step, HOME, {"type": "clip", "clip": {"id": clip % CLIPS + 1, "version": 0}})
            step.execute()

    @rule()
    def the_reader_loses_redis(self) -> None:
        self.realtime.redis.client_kill_filter(_type="normal", skipme=True)

    @rule()
    def the_server_is_killed(self) -> None:
        if Stories.kills < KILLS:
            Stories.kills += 1
            self.realtime.kill()
            self.realtime.start()

    # -- the end -----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Every page comes back, hears of a last change, and has all that there is."""
        self.changes(1)
        last = StreamId.parse(streams.append_event(self.realtime.redis, HOME, self.event(1)))
        try:
            for page in self.opened:
                for _ in range(3):
                    page.connect(self.realtime)
                    while StreamId.parse(page.cursor or "0-0") < last and page.read(self.database, TIMEOUT_S):
                        pass
                    if page.socket is not None:
                        break
                assert page.clips == self.database, page.history[-5:]
        finally:
            for page in self.opened:
                page.drop()


def test_every_page_ends_with_what_the_database_has(realtime: Realtime) -> None:
    Stories.realtime = realtime
    Stories.kills = 0
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # Processes and sockets never play the same story twice, so there is nothing to shrink.
            phases=(Phase.generate,),
        ),
    )
