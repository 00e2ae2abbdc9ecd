"""Follow one recording and caption it."""

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import redis
import structlog
from prometheus_client import Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.audio.stream import Arriving
from services.transcriber.captions.live_transcript import Captions
from services.transcriber.captions.lock import Hold
from services.transcriber.errors import TryLater
from services.transcriber.outbox_sender import Hint
from services.transcriber.recognizers.streaming import Ears
from shared.clips.models import Clip
from shared.db.columns import Status
from shared.db.engine import read_session
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece

log = structlog.get_logger(__name__)

PIECES_S, QUIET_S = 0.25, 3.0
"""How often new pieces of a recording are looked for, by an index: a page sends one every two seconds, and none while
it is paused or offline."""


NICENESS = 10
"""Finished recordings go first: captions have what the cores have left."""


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
