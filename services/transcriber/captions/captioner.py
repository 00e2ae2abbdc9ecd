"""Words while somebody speaks: finds the recordings that are being made, and follows each until it is over.

Captions are hints, through and through: they live in Redis alone, a page that comes later is told the newest of them,
and the transcript is made anew from the whole recording. So nothing here is claimed or retried, and all of it may be
interrupted at any moment.
"""

import os
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
import structlog
from prometheus_client import Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.audio.stream import Arriving
from services.transcriber.captions.live_transcript import Captions
from services.transcriber.jobs.base import TryLater
from services.transcriber.jobs.transcribe import Hint
from services.transcriber.recognizers.streaming import Ears
from services.transcriber.settings import cores
from shared.clips import queries
from shared.clips.models import Clip, Status
from shared.db.engine import read_session
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece

log = structlog.get_logger(__name__)

LOOK_S = 10.0
"""How often recordings that nobody follows are looked for: a notice of one may be lost, or its worker killed."""

PIECES_S, QUIET_S = 0.25, 3.0
"""How often new pieces of a recording are looked for, by an index: a page sends one every two seconds, and none while
it is paused or offline."""

ALIVE = timedelta(seconds=30)
"""A recording of which nothing came for so long is paused, offline or gone."""

HELD_S = 6
"""How long a recording stays with a worker that was not heard of."""

STOP_S = 2.0
"""How long they may take to end: a pass takes tenths of a second, and whoever is late is left behind."""

EACH_CORE = 4
"""Recordings followed at once; each takes a tenth of a core, and the rest is for what is finished."""

NICENESS = 10
"""Finished recordings go first: captions have what the cores have left."""

REDIS_S = 5
"""Seconds to wait for Redis' answer."""

FOLLOWED = Gauge("dictaphone_live_recordings", "Recordings that are given captions now")
HEARING = Histogram("dictaphone_caption_seconds", "Time for the words of what came last", buckets=(0.1, 0.3, 1, 3, 10))


@dataclass(frozen=True)
class Parts:
    """What every follower works with."""

    engine: Engine
    store: Store
    hint: Hint
    ears: Ears
    client: redis.Redis


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


class Hold:
    """Which worker follows a recording: two would send the same words in turn, and in different versions."""

    def __init__(self, client: redis.Redis, clip_id: uuid.UUID, *, every_s: float = HELD_S / 3) -> None:
        """`every_s`: how often Redis is asked whether it still is ours."""
        self._client = client
        self._key = f"dictaphone:captions:{clip_id}"
        self._name = uuid.uuid4().hex
        self._renewed_at = 0.0
        self._every_s = every_s

    def take(self) -> bool:
        return bool(self._client.set(self._key, self._name, nx=True, ex=HELD_S))

    def renew(self) -> bool:
        """Hold it for longer, also after Redis was wiped; False if somebody else has it."""
        if time.monotonic() - self._renewed_at < self._every_s:
            return True
        is_mine = self._client.get(self._key) == self._name.encode()
        held = bool(self._client.expire(self._key, HELD_S)) if is_mine else self.take()
        self._renewed_at = time.monotonic()
        return held

    def release(self) -> None:
        if self._client.get(self._key) == self._name.encode():
            self._client.delete(self._key)


class Follower:
    """One recording, from its first piece to its last."""

    def __init__(self, parts: Parts, clip: Clip, hold: Hold, stopping: threading.Event) -> None:
        self._parts, self._clip, self._hold, self._stopping = parts, clip, hold, stopping
        self._language = clip.language_set
        self._ear = parts.ears.of(self._language)
        self._captions = Captions(self._ear)
        self._segment = -1
        self._offset = 0
        """Bytes of that segment that were heard."""
        self._arriving: Arriving | None = None
        self._heard_at = time.monotonic()
        self._waits_for = ""
        """What is away, so that it is told once and not four times a second."""

    def run(self) -> None:
        step_back()
        with FOLLOWED.track_inprogress(), structlog.contextvars.bound_contextvars(clip_id=str(self._clip.id)):
            try:
                with suppress(TryLater):
                    self._ear.wake()
                while self._goes_on():
                    quiet_s = time.monotonic() - self._heard_at
                    if self._stopping.wait(PIECES_S if quiet_s < QUIET_S * 3 else QUIET_S):
                        break
            except Exception:
                log.exception("the captions of a recording stumbled")
            finally:
                if self._arriving:
                    self._arriving.end()
                with suppress(redis.RedisError):
                    self._hold.release()

    def _listen_for(self, language: str | None) -> None:
        """Hear what comes in another language, if a person has said so meanwhile."""
        if language == self._language:
            return
        self._language = language
        self._ear = self._captions.ear = self._parts.ears.of(language)
        self._ear.wake()

    def _goes_on(self) -> bool:
        """Hear what has come; False if there will be no more. A part of the whole that is away is waited for."""
        is_over = False
        try:
            if not self._hold.renew():
                return False
            with read_session(self._parts.engine) as session:
                clip = session.get(Clip, self._clip.id)
                # The state is read before the pieces, so that a recording that is over is followed to its end.
                pieces = session.exec(Piece.after(self._clip.id, self._segment, self._offset)).all()
            if clip is None or clip.deleted_at is not None:
                return False
            is_over = clip.status is not Status.RECORDING
            self._listen_for(clip.language_set)
            if pieces or is_over:
                self._heard_at = time.monotonic()
                self._hear([(upload.segment, piece) for upload, piece in pieces], is_over=is_over)
            self._waits_for = ""
        except (redis.RedisError, SQLAlchemyError, StoreError, TryLater) as error:
            if self._waits_for != (waits_for := type(error).__name__):
                log.warning("captions wait", reason=f"{waits_for}: {error}")
                self._waits_for = waits_for
        return not is_over

    def _hear(self, pieces: list[tuple[int, Piece]], *, is_over: bool) -> None:
        for segment, piece in pieces:
            if segment != self._segment:
                self._end_segment()
                self._segment, self._offset, self._arriving = segment, 0, Arriving()
            assert self._arriving is not None
            # In blocks, since what was joined is one piece of any size, and from where a broken read ended.
            for block in self._parts.store.read(piece.key, self._offset - piece.start):
                self._captions.add(self._arriving.feed(block))
                self._offset += len(block)
        if is_over:
            self._end_segment()
        with HEARING.time():
            has_changed = self._captions.hear(is_over=is_over)
        if has_changed:
            told = {"type": "caption", "clip": {"id": str(self._clip.id)}, **self._captions.told()}
            self._parts.hint(self._clip.library_id, told)

    def _end_segment(self) -> None:
        """What follows is another container, after an interruption: nobody goes on with a sentence over that."""
        if self._arriving is not None:
            self._captions.add(self._arriving.end())
            self._captions.hear(is_over=True)
            self._arriving = None


def step_back() -> None:
    """Let this thread, and those that it begins, have what the others leave: a model that it loads, too."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":  # elsewhere it would be the whole process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _wait(seconds: float, woken: threading.Event, stopping: threading.Event) -> None:
    """Until one of them is set, or the time is over."""
    for _ in range(int(seconds / PIECES_S)):
        if woken.wait(PIECES_S) or stopping.is_set():
            return
