"""Words while somebody speaks: finds the recordings that are being made, and follows each until it is over.

Captions are hints, through and through: they live in Redis alone, a page that comes later is told the newest of them,
and the transcript is made anew from the whole recording. So nothing here is claimed or retried, and all of it may be
interrupted at any moment.
"""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.captions.follower import PIECES_S, Follower, Parts
from services.transcriber.captions.lock import Hold
from services.transcriber.outbox_sender import Hint
from services.transcriber.recognizers.streaming import Ears
from services.transcriber.settings import cores
from shared.clips import queries
from shared.db.engine import read_session
from shared.storage.store import Store

log = structlog.get_logger(__name__)

LOOK_S = 10.0
"""How often recordings that nobody follows are looked for: a notice of one may be lost, or its worker killed."""


ALIVE = timedelta(seconds=30)
"""A recording of which nothing came for so long is paused, offline or gone."""


STOP_S = 2.0
"""How long they may take to end: a pass takes tenths of a second, and whoever is late is left behind."""

EACH_CORE = 4
"""Recordings followed at once; each takes a tenth of a core, and the rest is for what is finished."""


REDIS_S = 5
"""Seconds to wait for Redis' answer."""


class Captioner:
    """Gives captions to all recordings, from `start` to `stop`; each recording is followed by one worker at a time."""

    def __init__(self, engine: Engine, store: Store, redis_url: str, hint: Hint, ears: Ears) -> None:
        client = redis.Redis.from_url(redis_url, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S)
        self._parts = Parts(engine, store, hint, ears, client)
        self._most = EACH_CORE * cores()
        self._followed: dict[uuid.UUID, threading.Thread] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_working(self) -> bool:
        return any(thread.is_alive() for thread in list(self._followed.values()))

    def start(self, woken: threading.Event) -> None:
        """Look at once, whenever `woken` is set, and now and then."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(woken,), name="captioner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave all recordings to whoever comes next."""
        self._stopping.set()
        deadline = time.monotonic() + STOP_S  # one for all: whoever stops us counts once
        for thread in [self._thread, *self._followed.values()]:
            if thread:
                thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self, woken: threading.Event) -> None:
        while not self._stopping.is_set():
            woken.clear()
            try:
                self._look()
            except (SQLAlchemyError, redis.RedisError) as error:
                log.warning("recordings cannot be looked for", reason=str(error))
            _wait(LOOK_S, woken, self._stopping)

    def _look(self) -> None:
        with read_session(self._parts.engine) as session:
            arriving = session.exec(queries.live_recordings(datetime.now(UTC) - ALIVE, limit=self._most)).all()
        self._followed = {id: thread for id, thread in self._followed.items() if thread.is_alive()}
        for clip in arriving:
            if clip.id not in self._followed and len(self._followed) < self._most:
                hold = Hold(self._parts.client, clip.id)
                if hold.take():
                    follower = Follower(self._parts, clip, hold, self._stopping)
                    self._followed[clip.id] = thread = threading.Thread(target=follower.run, daemon=True)
                    thread.start()


def _wait(seconds: float, woken: threading.Event, stopping: threading.Event) -> None:
    """Until one of them is set, or the time is over."""
    for _ in range(int(seconds / PIECES_S)):
        if woken.wait(PIECES_S) or stopping.is_set():
            return
