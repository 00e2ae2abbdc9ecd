"""The lease on a clip: how a worker keeps a clip to itself while it works on it."""

import threading
import uuid
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.errors import LeaseLost
from shared.clips import queries
from shared.clips.models import Clip
from shared.db.engine import transaction

log = structlog.get_logger(__name__)

MIN_RENEWALS_PER_LEASE = 3
"""Two renewals may fail before another worker may claim the clip."""

MAX_RENEWAL_INTERVAL_S = 3
"""Longest time until a worker notices that its clip was deleted, and takes another one."""


@dataclass(frozen=True)
class Claim:
    """One attempt at one clip. It ends when the clip is deleted or requested again, or when its lease runs out."""

    clip_id: uuid.UUID
    attempt: int
    clip: Clip = field(compare=False, repr=False)
    """The clip as it was when it was claimed."""

    @property
    def attempt_id(self) -> str:
        return f"{self.clip_id}-{self.attempt}"


class Lease:
    """Renew the lease of a claim, in a thread of its own, from `with` to the end of the block."""

    def __init__(self, engine: Engine, claim: Claim, duration: timedelta) -> None:
        self._engine, self._claim, self._duration = engine, claim, duration
        self._interval_s = min(duration.total_seconds() / MIN_RENEWALS_PER_LEASE, MAX_RENEWAL_INTERVAL_S)
        self._ended, self._lost = threading.Event(), threading.Event()
        # In the caller's context, so that its log lines name the clip and the attempt.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._renew_until_ended,), name=f"lease {claim.attempt_id}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` if the clip is no longer ours. Asks nobody: the thread has asked."""
        if self._lost.is_set():
            raise LeaseLost

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                if not self._renew():
                    self._lost.set()
                    return
            except SQLAlchemyError as error:
                log.warning("the lease could not be renewed; retrying", reason=str(error))

    def _renew(self) -> bool:
        """Extend the lease; False if the clip is no longer ours."""
        with transaction(self._engine) as session:
            until = datetime.now(UTC) + self._duration
            return session.exec(queries.renew_lease(self._claim.clip_id, self._claim.attempt, until)).rowcount > 0
