"""Captions: find the recordings that are being made, and follow each until it ends.

Captions are hints. They live in Redis alone, a page that opens later gets the newest ones, and the transcript is made
from the complete recording. So nothing is claimed or retried here, and everything may be interrupted at any moment.
"""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.captions.follower import POLL_INTERVAL_S, Follower, FollowerContext
from services.transcriber.captions.lock import RecordingLock
from services.transcriber.hardware import available_cores
from services.transcriber.outbox_sender import SendHint
from services.transcriber.recognizers.streaming import CaptionModels
from shared.clips import queries
from shared.db.engine import read_session
from shared.storage.store import Store
from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

SEARCH_INTERVAL_S = 10.0
"""How often recordings without a follower are searched for: a notification may be lost, or a worker killed."""

MAX_SILENCE = timedelta(seconds=30)
"""A recording without a new piece for so long is paused, offline or abandoned."""

MAX_RECORDINGS_PER_CORE = 4
"""Each takes a tenth of a core. The rest of the core is for finished recordings."""

REDIS_TIMEOUT_S = 5
"""Seconds to wait for Redis' answer."""


class Captioner:
    """Captions all recordings, from `start` to `stop`. Each recording is followed by one worker at a time."""

    def __init__(
        self, engine: Engine, store: Store, redis_url: str, send_hint: SendHint, models: CaptionModels
    ) -> None:
        client = redis.Redis.from_url(redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._context = FollowerContext(engine, store, send_hint, models, client)
        self._max_recordings = MAX_RECORDINGS_PER_CORE * available_cores()
        self._threads: dict[uuid.UUID, threading.Thread] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_working(self) -> bool:
        return any(thread.is_alive() for thread in list(self._threads.values()))

    def start(self, woken: threading.Event) -> None:
        """Search now, whenever `woken` is set, and every few seconds."""
        self._stopping.clear()
        self._thread = LifelineThread(lambda: self._run(woken), "captioner")
        self._thread.start()

    def stop(self) -> None:
        """Tell all threads to leave their recordings to another worker, without waiting for them."""
        self._stopping.set()

    def join(self, deadline: float) -> None:
        """Wait for the threads after `stop`, until a time of the monotonic clock. A late follower is abandoned."""
        for thread in [self._thread, *self._threads.values()]:
            if thread:
                thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self, woken: threading.Event) -> None:
        while not self._stopping.is_set():
            woken.clear()
            try:
                self._follow_recordings()
            except (SQLAlchemyError, redis.RedisError) as error:
                log.warning("the search for recordings failed; retrying", reason=str(error))
            except Exception:
                log.exception("the search for recordings failed; retrying")
            _wait(SEARCH_INTERVAL_S, woken, self._stopping)

    def _follow_recordings(self) -> None:
        with read_session(self._context.engine) as session:
            since = datetime.now(UTC) - MAX_SILENCE
            clips = session.exec(queries.live_recordings(since, limit=self._max_recordings)).all()
        self._threads = {id: thread for id, thread in self._threads.items() if thread.is_alive()}
        for clip in clips:
            if clip.id not in self._threads and len(self._threads) < self._max_recordings:
                lock = RecordingLock(self._context.client, clip.id)
                if lock.acquire():
                    follower = Follower(self._context, clip, lock, self._stopping)
                    thread = threading.Thread(target=follower.run, name=f"captions {clip.id}", daemon=True)
                    self._threads[clip.id] = thread
                    thread.start()


def _wait(seconds: float, woken: threading.Event, stopping: threading.Event) -> None:
    """Wait until one of the events is set, or the time is over."""
    for _ in range(int(seconds / POLL_INTERVAL_S)):
        if woken.wait(POLL_INTERVAL_S) or stopping.is_set():
            return
