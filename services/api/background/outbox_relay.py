"""Send the rows of the outbox to Redis, in a thread of its own: no request ever waits for Redis."""

import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import redis
import structlog
from dramatiq.errors import BrokerConnectionError
from prometheus_client import Counter, Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from shared.clips import queries
from shared.clips.renditions import Rendition
from shared.db.engine import execute_write, read_session, transaction
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.outbox.publisher import OutboxPublisher, publish_batches
from shared.outbox.writer import promise_job
from shared.redis.jobs import QUEUES_OF_CLIPS, RENDER, RENDITION
from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

POLL_S = 2.0
"""Longest pause between two looks at the outbox: another process may have committed rows that it could not send."""

BATCH_PAUSE_S = 0.02
"""Pause after a batch: under load, the rows of 20 ms go in one batch, at half the CPU. A single row does not wait."""

SWEEP_INTERVAL_S = 7.0
"""Between two looks for clips without a job: an index scan of a handful of rows, and two commands for Redis."""

EMPTY_QUEUE_PATIENCE = timedelta(seconds=10)
"""While the queue is empty, a clip that has waited this long, or whose lease ran out this long ago, gets a new job."""

BUSY_QUEUE_PATIENCE = timedelta(minutes=10)
"""The same while the queue is not empty: the clip's job may be far back in the queue, or lost."""

MAX_RETRY_PAUSE_S = 5.0
"""Longest pause between tries while Redis or the database is unavailable."""

MAX_REQUEUED = 500
"""Clips of one transaction that get a new job; the next look finds the others."""

REVIVAL_INTERVAL = timedelta(hours=1)
"""Between two tries of a dead letter: during a roll-out, a machine of the release that can read it may be the next."""

ROWS_SENT = Counter("dictaphone_relay_sent_total", "Outbox rows that were sent to Redis", ["kind"])
CLIPS_REQUEUED = Counter("dictaphone_relay_swept_total", "Clips that had no job and got one")
RENDITIONS_REQUEUED = Counter("dictaphone_relay_swept_renditions_total", "Renditions that had no job and got one")
DEAD_LETTERS_KEPT = Gauge("dictaphone_outbox_set_apart", "Outbox rows that are set apart now")
REDIS_UP = Gauge("dictaphone_relay_redis_up", "1 while the relay reaches Redis")


class OutboxRelay:
    """Send new rows as soon as `wake` is called, or by polling. Give a new job to clips whose job was lost."""

    def __init__(self, engine: Engine, publisher: OutboxPublisher, wake_url: str) -> None:
        self._engine = engine
        self._publisher = publisher
        self._waker = Waker(wake_url)
        self._woken = threading.Event()
        self._woken.set()  # rows may be left from before
        self._stopping = False
        self._thread = LifelineThread(self._run, "outbox-relay")
        self.redis_failure: str | None = "not asked yet"
        """Why Redis cannot be reached at the moment, or None."""
        self.failure: str | None = "not started"
        """Why the relay cannot send at the moment, whoever is at fault, or None."""
        self.dead_letters = 0
        """Rows that this release cannot read, as the last sweep counted them."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Tell the relay that rows were committed to the outbox. The call returns at once."""
        self._woken.set()

    def stop(self) -> None:
        """Send the rows that are there, once, and end."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=10)
        self._publisher.close()

    def cursor(self, library_id: str) -> str | None:
        """The newest event that this process knows of. Read the cursor before the rows that it belongs to."""
        return self._publisher.cursors.get(library_id)

    def _run(self) -> None:
        pause_s = POLL_S
        next_sweep_s = next_revival_s = 0.0
        min_age = timedelta()  # at each start all of them: this may be the release that can read them
        is_last = False
        while not is_last:
            self._woken.wait(pause_s)
            self._woken.clear()
            # Read before sending: rows committed before stop() are sent even if this thread was busy.
            is_last = self._stopping
            try:
                self._send()
                if time.monotonic() >= next_revival_s:
                    self._revive_dead_letters(datetime.now(UTC) - min_age)
                    min_age = REVIVAL_INTERVAL
                    next_revival_s = time.monotonic() + REVIVAL_INTERVAL.total_seconds()
                if time.monotonic() >= next_sweep_s:
                    self._publisher.refresh_cursor(HOME)
                    self._requeue_clips_without_job(datetime.now(UTC))
                    self._requeue_renditions_without_job(datetime.now(UTC))
                    self._count_dead_letters()
                    next_sweep_s = time.monotonic() + SWEEP_INTERVAL_S
                self._set_failure(None)
                pause_s = POLL_S
            except (redis.RedisError, BrokerConnectionError, SQLAlchemyError) as error:
                self._set_failure(error)
                # A wake-up still tries at once; only the pause between polls grows.
                pause_s = min(pause_s * 1.5, MAX_RETRY_PAUSE_S)
            except Exception as error:
                # The thread must outlive an error that nobody foresaw.
                self._set_failure(error)
                log.exception("the outbox relay failed")
                pause_s = MAX_RETRY_PAUSE_S

    def _send(self) -> None:
        dead_letters = self._publisher.dead_letters
        for rows in publish_batches(self._engine, self._publisher):
            jobs = sum(row.topic != EVENT for row in rows)
            ROWS_SENT.labels("event").inc(len(rows) - jobs)
            ROWS_SENT.labels("job").inc(jobs)
            if jobs:
                self._waker.wake()
            time.sleep(BATCH_PAUSE_S)
        if self._publisher.dead_letters > dead_letters:
            self._count_dead_letters()

    def _requeue_clips_without_job(self, now: datetime) -> None:
        waiting_jobs = self._publisher.count_waiting_jobs(QUEUES_OF_CLIPS)
        with transaction(self._engine) as session:
            queued_before = self._queued_before(session, waiting_jobs, now)
            missing = queries.clips_missing_jobs(queued_before, now, limit=MAX_REQUEUED)
            clips = session.exec(missing.with_for_update(skip_locked=True)).all()
            for clip in clips:
                clip.requeue(now)
                session.add(OutboxRow(topic=clip.next_job, clip_id=clip.id, created_at=now))
        if clips:
            CLIPS_REQUEUED.inc(len(clips))
            log.info("clips without a job were queued again", clips=len(clips))
            self._woken.set()
        elif waiting_jobs:
            # Jobs wait and perhaps no worker runs: a wake-up can be lost while a worker goes to sleep.
            self._waker.wake()

    def _requeue_renditions_without_job(self, now: datetime) -> None:
        """Send the job of renditions again whose worker died, or whose job an older release could not send."""
        waiting_jobs = self._publisher.count_waiting_jobs([RENDITION])
        since = now - (BUSY_QUEUE_PATIENCE if waiting_jobs else EMPTY_QUEUE_PATIENCE)
        with transaction(self._engine) as session:
            missing = Rendition.missing_jobs(since, limit=MAX_REQUEUED)
            rows = session.exec(missing.with_for_update(of=Rendition, skip_locked=True)).all()
            for rendition in rows:
                rendition.wanted_at = now
            for clip_id in {rendition.clip_id for rendition in rows}:
                promise_job(session, clip_id, RENDER, now)
        if rows:
            RENDITIONS_REQUEUED.inc(len(rows))
            log.info("renditions without a job were queued again", renditions=len(rows))
            self._woken.set()
        elif waiting_jobs:
            self._waker.wake()

    @staticmethod
    def _queued_before(session: Session, waiting_jobs: int, now: datetime) -> datetime:
        """Clips that were queued before this instant get a new job."""
        if not waiting_jobs:
            return now - EMPTY_QUEUE_PATIENCE
        if waiting_jobs < session.exec(queries.count_unfinished()).one():
            return now - BUSY_QUEUE_PATIENCE
        # There are as many jobs as clips, so none is lost, however long the queue is. More would only fill Redis.
        return datetime.min.replace(tzinfo=UTC)

    def _revive_dead_letters(self, dead_before: datetime) -> None:
        execute_write(self._engine, OutboxRow.revive(dead_before).returning(col(OutboxRow.id)))

    def _count_dead_letters(self) -> None:
        with read_session(self._engine) as session:
            self.dead_letters = session.exec(OutboxRow.count_dead()).one()
        DEAD_LETTERS_KEPT.set(self.dead_letters)

    def _set_failure(self, error: Exception | None) -> None:
        if (error is None) != (self.failure is None):
            if error is None:
                log.info("the outbox relay sends again")
            else:
                reason = f"{type(error).__name__}: {error}"
                log.warning("the outbox relay failed, retrying; the rows are kept", reason=reason)
        # The type alone: everybody may read /readyz, and the error's text may hold an address.
        name = type(error).__name__
        if error is None:
            self.failure = self.redis_failure = None
        elif isinstance(error, (redis.RedisError, BrokerConnectionError)):
            self.failure, self.redis_failure = "waits for Redis", f"does not answer ({name})"
        elif isinstance(error, SQLAlchemyError):
            self.failure = f"waits for the database ({name})"
        else:
            self.failure = f"failed ({name})"
        REDIS_UP.set(self.redis_failure is None)


class Waker:
    """Wake a stopped transcriber with a POST, in a thread of its own: a machine takes seconds to start."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_waking = threading.Lock()

    def wake(self) -> None:
        """Send one request at a time; a call while one is under way does nothing."""
        if self._url and self._is_waking.acquire(blocking=False):
            threading.Thread(target=self._post, name="waker", daemon=True).start()

    def _post(self) -> None:
        try:
            httpx.post(self._url, timeout=30).raise_for_status()
        except httpx.HTTPError as error:
            log.warning("waking the transcriber failed, retrying later", reason=str(error))
        finally:
            self._is_waking.release()
