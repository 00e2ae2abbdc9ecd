"""A job about a clip: claim the clip, attempt the work, and settle the outcome."""

import threading
import uuid
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.transcriber.errors import CancellationCheck, LeaseLost, WrongQueue
from services.transcriber.jobs.base import RESTART_S, SETTLE_TIMEOUT_S, Job
from services.transcriber.jobs.lease import Claim, Lease
from services.transcriber.jobs.retry import retry_delay
from services.transcriber.jobs.verdict import STALLED, Verdict, judge, next_step_after
from services.transcriber.settings import TranscriberSettings
from shared.clips import queries
from shared.clips.models import Clip
from shared.clips.turns import postponed_for, take_turn
from shared.db.engine import read_session, transaction
from shared.outbox.writer import save_and_announce
from shared.storage.store import Store

log = structlog.get_logger(__name__)

ClipChange = Callable[[Session, Clip, datetime], str]
"""Writes a result to the locked row of its clip, and returns the outcome of the attempt."""


class ClipJob(Job):
    """One kind of job that brings clips to their words. Any number of threads may call `run`."""

    unavailable_reason: str | None = None
    """Why this installation cannot do the job at all: a sentence that the clip is given instead of an attempt."""

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, on_commit: Callable[[], None]
    ) -> None:
        super().__init__(engine, store, settings, on_commit)
        self._running: dict[Claim, Lease] = {}

    @property
    def is_working(self) -> bool:
        return bool(self._running)

    @abstractmethod
    def perform(self, claim: Claim, check_cancelled: CancellationCheck) -> str:
        """Do the work, `settle` its result and return the outcome. `run` settles the errors that this raises."""

    def queue_of(self, _clip: Clip, queue: str) -> str:
        """The queue that a clip belongs into which came from `queue`."""
        return queue

    def postponed_for(self, clip_id: uuid.UUID) -> timedelta:
        with read_session(self.engine) as session:
            return postponed_for(session, clip_id, datetime.now(UTC))

    def run(self, clip_id: uuid.UUID, queue: str = "", on_claim: Callable[[], None] = lambda: None) -> float | None:
        """Do one job that came from a queue. Return the seconds until the next attempt, or None if none is needed.

        A clip that is deleted, done or claimed by another worker is left alone. Raises `SQLAlchemyError` if the
        database is unavailable, and `WrongQueue`.
        """
        if self.has_stalled:
            return RESTART_S
        claim = self._claim(clip_id, queue)
        if claim is None:
            return None
        on_claim()
        thread_id = threading.get_ident()
        lease = Lease(
            claim.attempt_id,
            lambda until: self._renew(claim, until),
            self._lease_duration,
            claim.patience_s,
            lambda: self._give_up_stalled(claim, thread_id),
        )
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt):
            self._running[claim] = lease
            try:
                with lease:
                    return self.measure_attempt(lambda: self._attempt(claim, lease.check))
            finally:
                del self._running[claim]

    def settle(self, claim: Claim, change: ClipChange, timeout_s: float = SETTLE_TIMEOUT_S) -> str:
        """Write the result of an attempt and return its outcome: `lost`, with nothing written, if the lease was lost.

        Waits for an unavailable database, and without end for room on its disk. If a commit succeeds and its
        confirmation is lost, the second try finds the clip settled, and the outcome is `lost` as well.
        """

        def write(session: Session, now: datetime) -> str:
            clip = session.exec(_select_for_update(claim.clip_id)).one_or_none()
            if clip is None or not clip.is_owned_by(claim.attempt):
                return "lost"
            return change(session, clip, now)

        return self.commit(write, self._running.get(claim), timeout_s)

    def release_all(self) -> None:
        """Release every running clip, with a job for the next worker. For a process that ends now."""
        for claim in list(self._running):
            if self.settle(claim, self.release, timeout_s=0) == "released":
                log.info("clip released", clip_id=str(claim.clip_id))

    def release(self, session: Session, clip: Clip, now: datetime) -> str:
        """Release a clip as it was before the claim. A `ClipChange`."""
        clip.release(now)
        save_and_announce(session, clip, self.name, now=now)
        return "released"

    # -- one attempt -------------------------------------------------------------------------------------------

    def _claim(self, clip_id: uuid.UUID, queue: str) -> Claim | None:
        with transaction(self.engine) as session:
            clip = session.exec(_select_for_update(clip_id)).one_or_none()
            if clip is None:
                return None
            now = datetime.now(UTC)
            version = clip.version
            attempt = clip.claim(self.name, now, self._lease_duration)
            if attempt is not None and (right_queue := self.queue_of(clip, queue)) != queue:
                raise WrongQueue(right_queue)
            if attempt is not None and self.unavailable_reason is not None:
                clip.switch_off(self.unavailable_reason, now)
                attempt = None
            if clip.version == version:
                return None
            if attempt is not None:
                take_turn(session, queue, clip.library_id)
            save_and_announce(session, clip, now=now)
        self.on_commit()
        return None if attempt is None else Claim(clip_id, attempt, clip, queue)

    def _attempt(self, claim: Claim, check_cancelled: CancellationCheck) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt."""
        try:
            return self.perform(claim, check_cancelled), None
        except LeaseLost:
            return "lost", None
        except WrongQueue as error:
            log.info("the clip belongs into another queue", queue=error.queue)
            self.settle(claim, partial(self._give_back, error.sound_ms))
            raise
        except Exception as error:
            return self._settle_error(claim, error)

    def _settle_error(self, claim: Claim, error: Exception) -> tuple[str, float | None]:
        """Write on the clip what an error means for it. Return as `_attempt` does."""
        verdict = judge(error, self.name)
        return (self._fail(claim, verdict.sentence), None) if verdict.is_final else self._postpone(claim, verdict)

    def _give_up_stalled(self, claim: Claim, thread_id: int) -> None:
        """Give up a clip whose work is stuck: its next attempt begins in another process. For the lease's thread."""
        self.note_stall(thread_id, claim.patience_s)

        def give_up(session: Session, clip: Clip, now: datetime) -> str:
            is_postponed = clip.postpone(f"{STALLED} {next_step_after(clip.tries)}", now, now)
            save_and_announce(session, clip, *([self.name] if is_postponed else []), now=now)
            return "stalled"

        self.settle(claim, give_up, timeout_s=0)

    def _renew(self, claim: Claim, until: datetime) -> bool:
        with transaction(self.engine) as session:
            return session.exec(queries.renew_lease(claim.clip_id, claim.attempt, until)).rowcount > 0

    def _give_back(self, sound_ms: int | None, session: Session, clip: Clip, now: datetime) -> str:
        """Release a clip whose next message is already known, with the length that was measured. A `ClipChange`."""
        clip.release(now, sound_ms=sound_ms)
        save_and_announce(session, clip, now=now)
        return "moved"

    def _fail(self, claim: Claim, sentence: str) -> str:
        def fail(session: Session, clip: Clip, now: datetime) -> str:
            clip.fail(sentence, now)
            save_and_announce(session, clip, now=now)
            return "failed"

        return self.settle(claim, fail)

    def _postpone(self, claim: Claim, verdict: Verdict) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt."""
        delay_s = 0.0

        def postpone(session: Session, clip: Clip, now: datetime) -> str:
            nonlocal delay_s
            if verdict.is_counted:
                delay_s = retry_delay(clip.tries + 1, self._first_retry_s, verdict.retry_after_s)
                sentence = f"{verdict.sentence} {next_step_after(clip.tries, is_kept=verdict.is_kept)}"
            else:
                delay_s, sentence = verdict.retry_after_s or 0.0, verdict.sentence
            until = now + timedelta(seconds=delay_s)
            is_postponed = clip.postpone(sentence, until, now, is_counted=verdict.is_counted)
            if not is_postponed and verdict.is_configuration_error:
                clip.switch_off(sentence, now)
            save_and_announce(session, clip, now=now)
            return "postponed" if is_postponed else "given up"

        outcome = self.settle(claim, postpone)
        return outcome, delay_s if outcome == "postponed" else None


def _select_for_update(clip_id: uuid.UUID) -> SelectOfScalar[Clip]:
    return select(Clip).where(col(Clip.id) == clip_id).with_for_update()
