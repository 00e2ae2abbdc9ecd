"""The lease on work: how a worker keeps a clip to itself while its work makes progress."""

import threading
import uuid
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.errors import LeaseLost
from shared.clips.models import Clip

log = structlog.get_logger(__name__)

MIN_RENEWALS_PER_LEASE = 3
"""Two renewals may fail before another worker may claim the clip."""

MAX_RENEWAL_INTERVAL_S = 3
"""Longest time until a worker notices that its clip was deleted, and takes another one."""


MIN_PATIENCE_S, PATIENCE_RATIO = 120, 0.1
"""How long work may show no progress, at least and as a fraction of the clip's length. A slow machine takes half of the
minimum for the longest step between two signs of progress: a large model's words of half a minute of sound."""

MIN_BYTES_PER_S = 1_000_000
"""The rate at which a slow disk gives a file for its digest, and a bucket joins the parts of one."""


@dataclass(frozen=True)
class Claim:
    """One attempt at one clip. It ends when the clip is deleted or requested again, or when its lease runs out."""

    clip_id: uuid.UUID
    attempt: int
    clip: Clip = field(compare=False, repr=False)
    """The clip as it was when it was claimed."""
    queue: str = field(default="", compare=False)
    """The queue that the job came from."""

    @property
    def attempt_id(self) -> str:
        return f"{self.clip_id}-{self.attempt}"

    @property
    def patience_s(self) -> float:
        """How long the work may go on without a sign of progress."""
        return patience_for(self.clip)


def patience_for(clip: Clip) -> float:
    """How long work on a clip may go on without a sign of progress, in seconds."""
    return max(MIN_PATIENCE_S, PATIENCE_RATIO * (clip.sound_ms or 0) / 1000, clip.bytes / MIN_BYTES_PER_S)


class Lease:
    """Renew the lease of a claim while its work makes progress, from `with` to the end of the block.

    A thread of its own renews it. The work proves its progress by `check`, or by `note_progress` while it waits. If it
    shows none for `patience_s`, the lease is lost and `on_stall` is called once, in the lease's thread.
    """

    def __init__(
        self,
        name: str,
        renew: Callable[[datetime], bool],
        duration: timedelta,
        patience_s: float,
        on_stall: Callable[[], None] = lambda: None,
    ) -> None:
        """`renew` extends the lease until then, and returns False if it is no longer ours."""
        self._renew, self._duration, self._patience_s, self._on_stall = renew, duration, patience_s, on_stall
        self._interval_s = min(duration.total_seconds() / MIN_RENEWALS_PER_LEASE, MAX_RENEWAL_INTERVAL_S)
        self._ended, self._lost, self._progressed = threading.Event(), threading.Event(), threading.Event()
        # In the caller's context, so that its log lines name the clip and the attempt.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._renew_until_ended,), name=f"lease {name}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Prove that the work goes on. Raise `LeaseLost` if the clip is no longer ours.

        The thread knows: the database is not asked here.
        """
        self._progressed.set()
        if self._lost.is_set():
            raise LeaseLost

    def note_progress(self) -> None:
        """Prove that whoever works is alive and waits for something else, such as the database."""
        self._progressed.set()

    def _renew_until_ended(self) -> None:
        stalled_s = 0.0
        while not self._ended.wait(self._interval_s):
            # Intervals are counted, and not the time on a clock: a process that was suspended has not stalled.
            stalled_s = 0.0 if self._progressed.is_set() else stalled_s + self._interval_s
            self._progressed.clear()
            if stalled_s > self._patience_s:
                self._lost.set()
                self._on_stall()
                return
            try:
                if not self._renew(datetime.now(UTC) + self._duration):
                    self._lost.set()
                    return
            except SQLAlchemyError as error:
                log.warning("the lease could not be renewed; retrying", reason=str(error))
            except Exception:
                log.exception("renewing the lease failed; retrying")
