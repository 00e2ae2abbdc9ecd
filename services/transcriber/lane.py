"""A queue as its worker sees it: each message is worth one attempt, at the clip whose turn it is."""

import contextlib
import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.errors import WrongQueue
from services.transcriber.jobs.base import Job
from shared.redis.jobs import BROKER_UNAVAILABLE, JobBroker, job_message

log = structlog.get_logger(__name__)

DATABASE_RETRY_S = 5
"""Delay before a job comes back that found the database unavailable."""

MAX_CLOCK_SKEW = timedelta(seconds=20)
"""By how much clocks of two machines differ: the message of a clip that is due so soon may be its only one. Less than
any pause that repeats without end (`verdict.DISK_FULL_RETRY_S`): messages of one clip would pile up."""


class Lane:
    """Does the jobs of one queue, the libraries in turn.

    Every clip that waits has a message of its own. One whose clip must let another pass goes to the end of the queue,
    and that of the other finds nothing to do when it comes: whoever is killed in between loses neither.
    """

    def __init__(self, broker: JobBroker, job: Job, queue: str) -> None:
        self._broker, self._job, self._queue = broker, job, queue

    def run(self, clip_id: str) -> None:
        """Do what a message asks for. The retries are `Job.run`'s."""
        named = uuid.UUID(clip_id)
        with structlog.contextvars.bound_contextvars(clip_id=clip_id):
            try:
                if (wait := self._job.postponed_for(named)) > timedelta(0):
                    self._send_when_due(named, wait)
                    return
                id = self._job.next_clip(named, self._queue)
                if id != named and self._let_pass(id, named):
                    return
            except SQLAlchemyError as error:
                self._send_after_outage(named, error)
                return
            self._work_on(named)

    def _send_when_due(self, named: uuid.UUID, wait: timedelta) -> None:
        """Make no early attempt at a clip that failed by another's message, while its own was still in the queue.

        The message of its next attempt is under way. A second one would bring a second attempt, and so on.
        """
        if wait <= MAX_CLOCK_SKEW:
            self._send(named, self._queue, wait.total_seconds())

    def _let_pass(self, id: uuid.UUID, named: uuid.UUID) -> bool:
        """Work on another clip than the message names. False if nobody may claim that one any more."""
        is_claimed = False

        def send_named_again() -> None:
            nonlocal is_claimed
            is_claimed = True
            self._send(named, self._queue)

        # Of a clip that belongs elsewhere nothing was claimed, and its own message moves it.
        with structlog.contextvars.bound_contextvars(clip_id=str(id)), contextlib.suppress(WrongQueue):
            self._work_on(id, send_named_again, is_its_own=lambda: is_claimed)
        return is_claimed

    def _work_on(
        self,
        id: uuid.UUID,
        on_claim: Callable[[], None] = lambda: None,
        is_its_own: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make an attempt at a clip, and send its next message if it needs one and has none."""
        try:
            retry_in_s, next_queue = self._job.run(id, self._queue, on_claim), self._queue
        except WrongQueue as error:
            if not is_its_own():
                raise
            retry_in_s, next_queue = 0, error.queue
        except SQLAlchemyError as error:
            if not is_its_own():
                raise
            self._send_after_outage(id, error)
            return
        if retry_in_s is not None and is_its_own():
            self._send(id, next_queue, retry_in_s)

    def _send_after_outage(self, id: uuid.UUID, error: SQLAlchemyError) -> None:
        log.warning("the database is unavailable; retrying", reason=str(error))
        self._send(id, self._queue, DATABASE_RETRY_S)

    def _send(self, id: uuid.UUID, queue: str, delay_s: float = 0) -> None:
        try:
            self._broker.enqueue(job_message(self._job.name, id, queue), delay=int(delay_s * 1000) or None)
        except BROKER_UNAVAILABLE as error:
            log.warning("the job could not be queued; the sweep will queue it", reason=str(error))
