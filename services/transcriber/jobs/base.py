"""A job about a clip: claim the clip, attempt the work, and settle the outcome."""

import sys
import threading
import time
import traceback
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.transcriber.errors import AudioRejected, CancellationCheck, LeaseLost, RetryLater, WrongQueue
from services.transcriber.jobs.lease import Claim, Lease
from services.transcriber.jobs.retry import DATABASE_UNAVAILABLE, PROGRAMMING_ERRORS, retry_delay
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import MAX_TRIES, Clip
from shared.db.engine import transaction
from shared.disk_full import DISK_FULL, is_disk_full
from shared.outbox.writer import save_and_announce
from shared.storage.store import ObjectMissing, Store, StoreUnavailable

log = structlog.get_logger(__name__)

SETTLE_TIMEOUT_S = 120
"""How long a result waits for an unavailable database. A restart takes seconds; the work may have taken an hour."""

SETTLE_RETRY_S = 1
"""Delay before the result is written again."""

DISK_FULL_RETRY_S = 30
"""Delay while the disk is full: until somebody makes room, and one failed write for each clip."""

NO_ROOM = f"{DISK_FULL} Whoever runs it can make room; then it goes on by itself."

STALLED = "The transcriber got stuck at this clip and was started again."

RESTART_S = 2
"""Delay of a job that comes to a process which is about to end: the next one takes it."""

PROGRAMMING_ERROR_SENTENCE = "This is a fault of Dictaphone and not of your recording"
PROGRAMMING_ERROR_ADVICE = (
    "The sound is kept. Whoever runs the server finds the details in the log; after an update, ask again."
)

PROGRAMMING_ERROR_COUNT = Counter(
    "dictaphone_job_programming_errors_total", "Jobs that failed by a fault of the code", ["job", "error"]
)

STALLED_JOBS = Counter("dictaphone_jobs_stalled_total", "Jobs without progress, which end their process", ["job"])

ClipChange = Callable[[Session, Clip, datetime], str]
"""Writes a result to the locked row of its clip, and returns the outcome of the attempt."""


class JobMetrics:
    """Metrics of one kind of job."""

    def __init__(self, noun: str, verb: str, buckets_s: tuple[float, ...]) -> None:
        self.outcomes = Counter(f"dictaphone_{noun}s_total", "Attempts by how they ended", ["outcome"])
        self.running = Gauge(f"dictaphone_{noun}s_running", f"Clips being {verb} now")
        self.duration_s = Histogram(f"dictaphone_{noun}_seconds", "From claim to result", buckets=buckets_s)


class Job(ABC):
    """One kind of job. Any number of threads may call `run`."""

    name: str
    metrics: JobMetrics
    queue_concurrency: Mapping[str, int]
    """Queue → number of its clips that this process works on at the same time."""
    unavailable_reason: str | None = None
    """Why this installation cannot do the job at all: a sentence that the clip is given instead of an attempt."""

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, on_commit: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.store = store
        self.work_dir = settings.data_dir / "work"
        self.on_commit = on_commit
        self._lease_duration = timedelta(seconds=settings.lease_seconds)
        self._first_retry_s = settings.retry_seconds
        self._running: dict[Claim, Lease] = {}
        self.has_stalled = False
        """Whether a thread is stuck in a job. Nothing but the end of the process frees it."""

    @property
    def is_working(self) -> bool:
        return bool(self._running)

    @abstractmethod
    def perform(self, claim: Claim, check_cancelled: CancellationCheck) -> str:
        """Do the work, `settle` its result and return the outcome. `run` settles the errors that this raises."""

    def queue_of(self, _clip: Clip, queue: str) -> str:
        """The queue that a clip belongs into which came from `queue`."""
        return queue

    def run(self, clip_id: uuid.UUID, queue: str = "") -> float | None:
        """Do one job that came from a queue. Return the seconds until the next attempt, or None if none is needed.

        A clip that is deleted, done or claimed by another worker is left alone. Raises `SQLAlchemyError` if the
        database is unavailable, and `WrongQueue`.
        """
        if self.has_stalled:
            return RESTART_S
        claim = self._claim(clip_id, queue)
        if claim is None:
            return None
        started_at = time.monotonic()
        thread_id = threading.get_ident()
        lease = Lease(self.engine, claim, self._lease_duration, lambda: self._give_up_stalled(claim, thread_id))
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt):
            self._running[claim] = lease
            self.metrics.running.inc()
            try:
                with lease:
                    outcome, retry_in_s = self._attempt(claim, lease.check)
                    duration_s = time.monotonic() - started_at
                    self.metrics.outcomes.labels(outcome).inc()
                    self.metrics.duration_s.observe(duration_s)
                    log.info(
                        "attempt ended",
                        job=self.name,
                        outcome=outcome,
                        seconds=round(duration_s, 2),
                        retry_in_s=retry_in_s,
                    )
                    return retry_in_s
            finally:
                self.metrics.running.dec()
                del self._running[claim]

    def settle(self, claim: Claim, change: ClipChange, timeout_s: float = SETTLE_TIMEOUT_S) -> str:
        """Write the result of an attempt and return its outcome: `lost`, with nothing written, if the lease was lost.

        Waits for an unavailable database, and without end for room on its disk. If a commit succeeds and its
        confirmation is lost, the second try finds the clip settled, and the outcome is `lost` as well.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with transaction(self.engine) as session:
                    clip = session.exec(_select_for_update(claim.clip_id)).one_or_none()
                    if clip is None or not clip.is_owned_by(claim.attempt):
                        return "lost"
                    outcome = change(session, clip, datetime.now(UTC))
                self.on_commit()
                return outcome
            except DATABASE_UNAVAILABLE as error:
                log.warning("the result could not be written; retrying", reason=str(error))
                if time.monotonic() > deadline and not (timeout_s and is_disk_full(error)):
                    return "lost"
                if lease := self._running.get(claim):
                    lease.note_progress()
                time.sleep(SETTLE_RETRY_S)

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
            self.settle(claim, self._give_back)
            raise
        except Exception as error:
            return self._settle_error(claim, error)

    def _settle_error(self, claim: Claim, error: Exception) -> tuple[str, float | None]:
        """Write on the clip what an error means for it. Return as `_attempt` does."""
        if is_disk_full(error):
            log.warning("the disk is full; retrying", reason=str(error))
            return self._postpone(claim, RetryLater(NO_ROOM, DISK_FULL_RETRY_S), is_counted=False)
        match error:
            case AudioRejected():
                return self._fail(claim, str(error)), None
            case RetryLater():
                log.warning("the work cannot be done now; retrying", reason=str(error), cause=repr(error.__cause__))
                return self._postpone(claim, error)
            case ObjectMissing():
                # Its disk may not be mounted yet, or its bucket may lag behind: to ask for an hour costs nothing.
                log.warning("the audio is missing from the store; retrying", reason=str(error))
                return self._postpone(claim, RetryLater("The sound of this clip is not in the store."), is_kept=False)
            case StoreUnavailable():
                log.warning("the store is unavailable; retrying", reason=str(error))
                return self._postpone(claim, RetryLater("The store of the audio does not answer."))
        error_name = type(error).__name__
        log.error("job failed", job=self.name, exc_info=error)
        if isinstance(error, PROGRAMMING_ERRORS):
            PROGRAMMING_ERROR_COUNT.labels(self.name, error_name).inc()
            return self._fail(claim, f"{PROGRAMMING_ERROR_SENTENCE} ({error_name}). {PROGRAMMING_ERROR_ADVICE}"), None
        # The cause of an unforeseen error may be the clip or the moment. Further attempts will show which.
        return self._postpone(claim, RetryLater(f"The transcriber failed at this clip ({error_name})."))

    def _give_up_stalled(self, claim: Claim, thread_id: int) -> None:
        """Give up a clip whose work is stuck: its next attempt begins in another process. For the lease's thread."""
        frame = sys._current_frames().get(thread_id)
        stack = "".join(traceback.format_stack(frame)) if frame else "unknown"
        log.error("a job makes no progress; this process ends", job=self.name, seconds=claim.patience_s, stack=stack)
        STALLED_JOBS.labels(self.name).inc()
        self.has_stalled = True

        def give_up(session: Session, clip: Clip, now: datetime) -> str:
            is_postponed = clip.postpone(f"{STALLED} {_next_step_after(clip.tries)}", now, now)
            save_and_announce(session, clip, *([self.name] if is_postponed else []), now=now)
            return "stalled"

        self.settle(claim, give_up, timeout_s=0)

    def _give_back(self, session: Session, clip: Clip, now: datetime) -> str:
        """Release a clip whose next message is already known. A `ClipChange`."""
        clip.release(now)
        save_and_announce(session, clip, now=now)
        return "moved"

    def _fail(self, claim: Claim, sentence: str) -> str:
        def fail(session: Session, clip: Clip, now: datetime) -> str:
            clip.fail(sentence, now)
            save_and_announce(session, clip, now=now)
            return "failed"

        return self.settle(claim, fail)

    def _postpone(
        self, claim: Claim, reason: RetryLater, *, is_kept: bool = True, is_counted: bool = True
    ) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt.

        `is_kept`: whether the audio is in the store. `is_counted`: whether this was one of the clip's tries.
        """
        delay_s = 0.0

        def postpone(session: Session, clip: Clip, now: datetime) -> str:
            nonlocal delay_s
            if is_counted:
                delay_s = retry_delay(clip.tries + 1, self._first_retry_s, reason.retry_after_s)
                sentence = f"{reason} {_next_step_after(clip.tries, is_kept=is_kept)}"
            else:
                delay_s, sentence = reason.retry_after_s or 0.0, str(reason)
            until = now + timedelta(seconds=delay_s)
            is_postponed = clip.postpone(sentence, until, now, is_counted=is_counted)
            if not is_postponed and reason.is_configuration_error:
                clip.switch_off(sentence, now)
            save_and_announce(session, clip, now=now)
            return "postponed" if is_postponed else "given up"

        outcome = self.settle(claim, postpone)
        return outcome, delay_s if outcome == "postponed" else None


def _next_step_after(tries: int, *, is_kept: bool = True) -> str:
    """What happens after a try that failed, in a sentence."""
    if tries < MAX_TRIES:
        return f"Trying again ({tries + 1} of {MAX_TRIES})."
    return f"It was tried {tries} times; {'the sound is kept, ' if is_kept else ''}ask again later."


def _select_for_update(clip_id: uuid.UUID) -> SelectOfScalar[Clip]:
    return select(Clip).where(col(Clip.id) == clip_id).with_for_update()
