"""What every job does: the results that it writes, its metrics, its end when it is stuck."""

import sys
import time
import traceback
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlmodel import Session

from services.transcriber.jobs.lease import Lease
from services.transcriber.jobs.retry import DATABASE_UNAVAILABLE
from services.transcriber.settings import TranscriberSettings
from shared.clips import turns
from shared.db.engine import read_session, transaction
from shared.disk_full import is_disk_full
from shared.storage.store import Store

log = structlog.get_logger(__name__)

SETTLE_TIMEOUT_S = 120
"""How long a result waits for an unavailable database. A restart takes seconds; the work may have taken an hour."""

SETTLE_RETRY_S = 1
"""Delay before the result is written again."""

RESTART_S = 2
"""Delay of a job that comes to a process which is about to end: the next one takes it."""

STALLED_JOBS = Counter("dictaphone_jobs_stalled_total", "Jobs without progress, which end their process", ["job"])


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

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, on_commit: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.store = store
        self.work_dir = settings.data_dir / "work"
        self.on_commit = on_commit
        self._lease_duration = timedelta(seconds=settings.lease_seconds)
        self._first_retry_s = settings.retry_seconds
        self.has_stalled = False
        """Whether a thread is stuck in a job. Nothing but the end of the process frees it."""

    @property
    @abstractmethod
    def is_working(self) -> bool: ...

    @abstractmethod
    def run(self, clip_id: uuid.UUID, queue: str = "", on_claim: Callable[[], None] = lambda: None) -> float | None:
        """Do one job that came from a queue. Return the seconds until the next attempt, or None if none is needed.

        Calls `on_claim` once if there is anything to do, before the work.

        Raises `SQLAlchemyError` if the database is unavailable, and `WrongQueue`.
        """

    def next_clip(self, named: uuid.UUID, queue: str) -> uuid.UUID:
        """The clip whose turn it is in a queue that brought this one. Raises `SQLAlchemyError`."""
        with read_session(self.engine) as session:
            return turns.next_clip(session, queue, named, datetime.now(UTC))

    def postponed_for(self, _clip_id: uuid.UUID) -> timedelta:
        """How long a clip has still to wait for its next attempt. Raises `SQLAlchemyError`."""
        return timedelta(0)

    @abstractmethod
    def release_all(self) -> None:
        """Release what runs, with a job for the next worker. For a process that ends now."""

    def measure_attempt(self, attempt: Callable[[], tuple[str, float | None]]) -> float | None:
        """Make an attempt that returns its outcome and the seconds until the next one. Return the latter."""
        started_at = time.monotonic()
        self.metrics.running.inc()
        try:
            outcome, retry_in_s = attempt()
        finally:
            self.metrics.running.dec()
        duration_s = time.monotonic() - started_at
        self.metrics.outcomes.labels(outcome).inc()
        self.metrics.duration_s.observe(duration_s)
        seconds = round(duration_s, 2)
        log.info("attempt ended", job=self.name, outcome=outcome, seconds=seconds, retry_in_s=retry_in_s)
        return retry_in_s

    def commit(
        self, write: Callable[[Session, datetime], str], lease: Lease | None, timeout_s: float = SETTLE_TIMEOUT_S
    ) -> str:
        """Write the result of an attempt in a transaction, and return the outcome that `write` returns.

        Waits for an unavailable database, and without end for room on its disk; then the outcome is `lost`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with transaction(self.engine) as session:
                    outcome = write(session, datetime.now(UTC))
                if outcome != "lost":
                    self.on_commit()
                return outcome
            except DATABASE_UNAVAILABLE as error:
                log.warning("the result could not be written; retrying", reason=str(error))
                if time.monotonic() > deadline and not (timeout_s and is_disk_full(error)):
                    return "lost"
                if lease:
                    lease.note_progress()
                time.sleep(SETTLE_RETRY_S)

    def note_stall(self, thread_id: int, patience_s: float) -> None:
        """Note that this thread is stuck, so that this process ends."""
        frame = sys._current_frames().get(thread_id)
        stack = "".join(traceback.format_stack(frame)) if frame else "unknown"
        log.error("a job makes no progress; this process ends", job=self.name, seconds=patience_s, stack=stack)
        STALLED_JOBS.labels(self.name).inc()
        self.has_stalled = True
