"""A job about a clip: claim the clip, attempt the work, and settle the outcome."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.transcriber.errors import AudioRejected, CancellationCheck, LeaseLost, RetryLater
from services.transcriber.jobs.lease import Claim, Lease
from services.transcriber.jobs.retry import DATABASE_UNAVAILABLE, PROGRAMMING_ERRORS, retry_delay
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import MAX_TRIES, Clip
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.storage.store import ObjectMissing, Store, StoreUnavailable

log = structlog.get_logger(__name__)

SETTLE_TIMEOUT_S = 120
"""How long a result waits for an unavailable database. A restart takes seconds; the work may have taken an hour."""

SETTLE_RETRY_S = 1
"""Delay before the result is written again."""

PROGRAMMING_ERROR_SENTENCE = "This is a fault of Dictaphone and not of your recording"
PROGRAMMING_ERROR_ADVICE = (
    "The sound is kept. Whoever runs the server finds the details in the log; after an update, ask again."
)

PROGRAMMING_ERROR_COUNT = Counter(
    "dictaphone_job_programming_errors_total", "Jobs that failed by a fault of the code", ["job", "error"]
)

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
        self._running_claims: set[Claim] = set()

    @property
    def is_working(self) -> bool:
        return bool(self._running_claims)

    @abstractmethod
    def perform(self, claim: Claim, check_cancelled: CancellationCheck) -> str:
        """Do the work, `settle` its result and return the outcome. `run` settles the errors that this raises."""

    def run(self, clip_id: uuid.UUID) -> float | None:
        """Do one job. Return the seconds until the next attempt, or None if none is needed.

        A clip that is deleted, done or claimed by another worker is left alone. Raises `SQLAlchemyError` if the
        database is unavailable.
        """
        claim = self._claim(clip_id)
        if claim is None:
            return None
        started_at = time.monotonic()
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt):
            self._running_claims.add(claim)
            self.metrics.running.inc()
            try:
                with Lease(self.engine, claim, self._lease_duration) as lease:
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
                self._running_claims.discard(claim)

    def settle(self, claim: Claim, change: ClipChange, timeout_s: float = SETTLE_TIMEOUT_S) -> str:
        """Write the result of an attempt and return its outcome: `lost`, with nothing written, if the lease was lost.

        Waits for an unavailable database. If a commit succeeds and its confirmation is lost, the second try finds the
        clip settled, and the outcome is `lost` as well.
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
                if time.monotonic() > deadline:
                    return "lost"
                time.sleep(SETTLE_RETRY_S)

    def release_all(self) -> None:
        """Release every running clip, with a job for the next worker. For a process that ends now."""
        for claim in list(self._running_claims):
            if self.settle(claim, self.release, timeout_s=0) == "released":
                log.info("clip released", clip_id=str(claim.clip_id))

    def release(self, session: Session, clip: Clip, now: datetime) -> str:
        """Release a clip as it was before the claim. A `ClipChange`."""
        clip.release(now)
        save_and_announce(session, clip, self.name, now=now)
        return "released"

    # -- one attempt -------------------------------------------------------------------------------------------

    def _claim(self, clip_id: uuid.UUID) -> Claim | None:
        with transaction(self.engine) as session:
            clip = session.exec(_select_for_update(clip_id)).one_or_none()
            if clip is None:
                return None
            now = datetime.now(UTC)
            version = clip.version
            attempt = clip.claim(self.name, now, self._lease_duration)
            if attempt is not None and self.unavailable_reason is not None:
                clip.switch_off(self.unavailable_reason, now)
                attempt = None
            if clip.version == version:
                return None
            save_and_announce(session, clip, now=now)
        self.on_commit()
        return None if attempt is None else Claim(clip_id, attempt, clip)

    def _attempt(self, claim: Claim, check_cancelled: CancellationCheck) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt."""
        try:
            return self.perform(claim, check_cancelled), None
        except LeaseLost:
            return "lost", None
        except AudioRejected as error:
            return self._fail(claim, str(error)), None
        except RetryLater as error:
            log.warning("the work cannot be done now; retrying", reason=str(error), cause=repr(error.__cause__))
            return self._postpone(claim, error)
        except ObjectMissing as error:
            # Its disk may not be mounted yet, or its bucket may lag behind: to ask for an hour costs nothing.
            log.warning("the audio is missing from the store; retrying", reason=str(error))
            return self._postpone(claim, RetryLater("The sound of this clip is not in the store."), is_kept=False)
        except StoreUnavailable as error:
            log.warning("the store is unavailable; retrying", reason=str(error))
            return self._postpone(claim, RetryLater("The store of the audio does not answer."))
        except PROGRAMMING_ERRORS as error:
            error_name = type(error).__name__
            PROGRAMMING_ERROR_COUNT.labels(self.name, error_name).inc()
            log.exception("job failed by a programming error", job=self.name)
            return self._fail(claim, f"{PROGRAMMING_ERROR_SENTENCE} ({error_name}). {PROGRAMMING_ERROR_ADVICE}"), None
        except Exception as error:
            # The cause of an unforeseen error may be the clip or the moment. Further attempts will show which.
            log.exception("job failed", job=self.name)
            sentence = f"The transcriber failed at this clip ({type(error).__name__})."
            return self._postpone(claim, RetryLater(sentence))

    def _fail(self, claim: Claim, sentence: str) -> str:
        def fail(session: Session, clip: Clip, now: datetime) -> str:
            clip.fail(sentence, now)
            save_and_announce(session, clip, now=now)
            return "failed"

        return self.settle(claim, fail)

    def _postpone(self, claim: Claim, reason: RetryLater, *, is_kept: bool = True) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt. `is_kept`: whether the audio is in the store."""
        delay_s = 0.0

        def postpone(session: Session, clip: Clip, now: datetime) -> str:
            nonlocal delay_s
            delay_s = retry_delay(clip.tries + 1, self._first_retry_s, reason.retry_after_s)
            kept = "the sound is kept, " if is_kept else ""
            next_step = (
                f"Trying again ({clip.tries + 1} of {MAX_TRIES})."
                if clip.tries < MAX_TRIES
                else f"It was tried {clip.tries} times; {kept}ask again later."
            )
            sentence = f"{reason} {next_step}"
            is_postponed = clip.postpone(sentence, now + timedelta(seconds=delay_s), now)
            if not is_postponed and reason.is_configuration_error:
                clip.switch_off(sentence, now)
            save_and_announce(session, clip, now=now)
            return "postponed" if is_postponed else "given up"

        outcome = self.settle(claim, postpone)
        return outcome, delay_s if outcome == "postponed" else None


def _select_for_update(clip_id: uuid.UUID) -> SelectOfScalar[Clip]:
    return select(Clip).where(col(Clip.id) == clip_id).with_for_update()
