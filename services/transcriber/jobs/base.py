"""What every job has in common: claim the clip, hold it, write what came of it, or say when to try again."""

import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.transcriber.errors import AudioRejected, Check, ClaimLost, TryLater
from services.transcriber.jobs.lease import NOTICED_S, RENEWALS, Claim
from services.transcriber.jobs.retry import AWAY, PROGRAMMING_ERRORS, pause_before
from services.transcriber.settings import TranscriberSettings
from shared.clips import queries
from shared.clips.models import MAX_TRIES, Clip
from shared.db.engine import transaction
from shared.outbox.outbox import record
from shared.storage.store import ObjectMissing, Store, StoreUnavailable

log = structlog.get_logger(__name__)


SETTLE_S = 120
"""How long a result waits for a database that is away: a restart takes seconds, the work took perhaps an hour."""

SETTLE_PAUSE_S = 1
"""Between two tries to write it."""


OUR_FAULT = "This is a fault of Dictaphone and not of your recording"
WHAT_TO_DO = "The sound is kept. Whoever runs the server finds the details in the log; after an update, ask again."

BUGS = Counter("dictaphone_job_programming_errors_total", "Jobs that failed by a fault of the code", ["job", "error"])


Change = Callable[[Session, Clip, datetime], str]
"""What is to be written about a clip that is still ours; returns the outcome of the attempt."""


class Meters:
    """What `/metrics` tells about one kind of job."""

    def __init__(self, noun: str, verb: str, seconds: tuple[float, ...]) -> None:
        self.outcomes = Counter(f"dictaphone_{noun}s_total", "Attempts by how they ended", ["outcome"])
        self.running = Gauge(f"dictaphone_{noun}s_running", f"Clips being {verb} now")
        self.took = Histogram(f"dictaphone_{noun}_seconds", "From claim to result", buckets=seconds)


class Claimant(ABC):
    """Does one kind of job. Any number of threads may call `run`."""

    job: str
    meters: Meters
    lanes: Mapping[str, int]
    """Queue → clips of it that this process works on at the same time."""
    refusal: str | None = None
    """Why nobody here can do this job at all: a sentence that is written instead of an attempt."""

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, committed: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.store = store
        self.folder = settings.data_dir / "work"
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._first_pause_s = settings.retry_seconds
        self.committed = committed
        self._held: set[Claim] = set()

    @property
    def is_working(self) -> bool:
        return bool(self._held)

    @abstractmethod
    def work(self, claim: Claim, check: Check) -> str:
        """Do the job, `settle` what came of it, and return the outcome. What it raises is settled here."""

    def run(self, clip_id: uuid.UUID) -> float | None:
        """Do one job; return the seconds until it should be tried again, or None if that is not needed.

        A clip that is deleted, done, or in another worker's hands is left alone. Raises `SQLAlchemyError` if the
        database cannot be asked.
        """
        claim = self._claim(clip_id)
        if claim is None:
            return None
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt), self._holding(claim) as check:
            outcome, pause = self._attempt(claim, check)
            seconds = time.monotonic() - began
            self.meters.outcomes.labels(outcome).inc()
            self.meters.took.observe(seconds)
            log.info("attempt ended", job=self.job, outcome=outcome, seconds=round(seconds, 2), again_in_s=pause)
            return pause

    def settle(self, claim: Claim, change: Change, patience_s: float = SETTLE_S) -> str:
        """Write what came of an attempt and return the outcome: `lost`, with nothing written, if the clip is not ours.

        Waits for a database that is away. What was committed and not confirmed is `lost` as well, the second time.
        """
        deadline = time.monotonic() + patience_s
        while True:
            try:
                with transaction(self.engine) as session:
                    clip = session.exec(_locked(claim.clip_id)).one_or_none()
                    if clip is None or not clip.is_owned_by(claim.attempt):
                        return "lost"
                    outcome = change(session, clip, datetime.now(UTC))
                self.committed()
                return outcome
            except AWAY as error:
                log.warning("the result could not be written", reason=str(error))
                if time.monotonic() > deadline:
                    return "lost"
                time.sleep(SETTLE_PAUSE_S)

    def release_all(self) -> None:
        """Give back what is still being worked on, with a job for whoever comes next. For a process that ends now."""
        for claim in list(self._held):
            if self.settle(claim, self.release, patience_s=0) == "released":
                log.info("clip given back", clip_id=str(claim.clip_id))

    def release(self, session: Session, clip: Clip, now: datetime) -> str:
        """The change that gives a clip back at once, unharmed."""
        clip.release(now)
        record(session, clip, self.job, now=now)
        return "released"

    # -- one attempt -------------------------------------------------------------------------------------------

    def _claim(self, clip_id: uuid.UUID) -> Claim | None:
        with transaction(self.engine) as session:
            clip = session.exec(_locked(clip_id)).one_or_none()
            if clip is None:
                return None
            now = datetime.now(UTC)
            version = clip.version
            attempt = clip.claim(self.job, now, self._lease)
            if attempt is not None and self.refusal is not None:
                clip.switch_off(self.refusal, now)
                attempt = None
            if clip.version == version:
                return None
            record(session, clip, now=now)
        self.committed()
        return None if attempt is None else Claim(clip_id, attempt, clip)

    def _attempt(self, claim: Claim, check: Check) -> tuple[str, float | None]:
        """How it ended, and when to try again."""
        try:
            return self.work(claim, check), None
        except ClaimLost:
            return "lost", None
        except AudioRejected as error:
            return self._fail(claim, str(error)), None
        except TryLater as error:
            log.warning("it cannot be done now", reason=str(error), cause=repr(error.__cause__))
            return self._postpone(claim, error)
        except ObjectMissing as error:
            # Or its disk is not there yet, or a bucket is behind: asking for an hour costs nothing.
            log.warning("the store does not have the sound", reason=str(error))
            return self._postpone(claim, TryLater("The sound of this clip is not in the store."), is_kept=False)
        except StoreUnavailable as error:
            log.warning("the store does not do its part", reason=str(error))
            return self._postpone(claim, TryLater("The store of the audio does not answer."))
        except PROGRAMMING_ERRORS as error:
            name = type(error).__name__
            BUGS.labels(self.job, name).inc()
            log.exception("job failed by a programming error", job=self.job)
            return self._fail(claim, f"{OUR_FAULT} ({name}). {WHAT_TO_DO}"), None
        except Exception as error:
            # A fault that nobody foresaw may lie in the clip or in the moment: some more tries tell.
            log.exception("job failed", job=self.job)
            sentence = f"The transcriber failed at this clip ({type(error).__name__})."
            return self._postpone(claim, TryLater(sentence))

    def _fail(self, claim: Claim, sentence: str) -> str:
        def fail(session: Session, clip: Clip, now: datetime) -> str:
            clip.fail(sentence, now)
            record(session, clip, now=now)
            return "failed"

        return self.settle(claim, fail)

    def _postpone(self, claim: Claim, why: TryLater, *, is_kept: bool = True) -> tuple[str, float | None]:
        pause = 0.0

        def postpone(session: Session, clip: Clip, now: datetime) -> str:
            nonlocal pause
            pause = pause_before(clip.tries + 1, self._first_pause_s, why.retry_after_s)
            kept = "the sound is kept, " if is_kept else ""
            what_next = (
                f"Trying again ({clip.tries + 1} of {MAX_TRIES})."
                if clip.tries < MAX_TRIES
                else f"It was tried {clip.tries} times; {kept}ask again later."
            )
            comes_back = clip.postpone(f"{why} {what_next}", now + timedelta(seconds=pause), now)
            if not comes_back and why.switches_off:
                clip.switch_off(f"{why} {what_next}", now)
            record(session, clip, now=now)
            return "postponed" if comes_back else "given up"

        outcome = self.settle(claim, postpone)
        return outcome, pause if outcome == "postponed" else None

    @contextmanager
    def _holding(self, claim: Claim) -> Iterator[Check]:
        """Renew the lease, in a thread of its own, as long as the block runs; yield a check that raises `ClaimLost`."""
        ended, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not ended.wait(min(self._lease.total_seconds() / RENEWALS, NOTICED_S)):
                try:
                    with transaction(self.engine) as session:
                        until = datetime.now(UTC) + self._lease
                        held = session.exec(queries.renew_lease(claim.clip_id, claim.attempt, until)).rowcount
                except SQLAlchemyError as error:
                    log.warning("the lease could not be renewed", clip_id=str(claim.clip_id), reason=str(error))
                    continue
                if not held:
                    lost.set()
                    return

        def check() -> None:
            if lost.is_set():
                raise ClaimLost

        thread = threading.Thread(target=renew, name=f"lease {claim.attempt_id}", daemon=True)
        self._held.add(claim)
        self.meters.running.inc()
        thread.start()
        try:
            yield check
        finally:
            ended.set()
            thread.join()
            self.meters.running.dec()
            self._held.discard(claim)


def _locked(clip_id: uuid.UUID) -> SelectOfScalar[Clip]:
    return select(Clip).where(col(Clip.id) == clip_id).with_for_update()
