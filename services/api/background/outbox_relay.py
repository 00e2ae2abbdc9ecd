"""The way from the outbox to Redis, in a thread of its own: no request ever waits for Redis."""

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

from shared.clips import queries
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.outbox.publisher import OutboxPublisher, publish_batches

log = structlog.get_logger(__name__)

POLL_S = 2.0
"""The floor below the wake-ups: finds what another process committed and could not send."""

LINGER_S = 0.02
"""Pause after a batch: under load, 20 ms of rows go in one, at half the CPU. A lone row waits for nothing."""

SWEEP_S = 7.0
"""How often forgotten clips are looked for: an index scan of a handful of rows, and two commands for Redis."""

SOON = timedelta(seconds=10)
"""After this, a waiting clip that no queue knows, or one whose worker's lease ran out, gets a new job."""

LATER = timedelta(minutes=10)
"""After this, a clip gets a new job even though the queue is not empty: it may be far back in it, or lost from it."""

SLOWEST_RETRY_S = 5.0
"""Longest pause between tries while Redis or the database is away."""

SENT = Counter("dictaphone_relay_sent_total", "Outbox rows that Redis has", ["kind"])
SWEPT = Counter("dictaphone_relay_swept_total", "Clips that had no job and got one")
REDIS_UP = Gauge("dictaphone_relay_redis_up", "1 while the relay reaches Redis")


class Relay:
    """Sends the outbox at once when woken, polls as a floor, and sweeps for clips that everybody forgot."""

    def __init__(self, engine: Engine, publisher: OutboxPublisher, wake_url: str) -> None:
        self._engine = engine
        self._publisher = publisher
        self._alarm = Alarm(wake_url)
        self._woken = threading.Event()
        self._woken.set()  # there may be something left from before
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self.failure: str | None = "not started"
        """Why the relay does not send at the moment, or None."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Say that something was committed to the outbox. Costs the caller nothing."""
        self._woken.set()

    def stop(self) -> None:
        """Send what is there, once, and end."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=10)
        self._publisher.close()

    def cursor(self, library_id: str) -> str | None:
        """The newest event that this process knows of; to be read before the rows that it goes with."""
        return self._publisher.cursors.get(library_id)

    def _run(self) -> None:
        pause = POLL_S
        sweep_at = 0.0
        last = False
        while not last:
            self._woken.wait(pause)
            self._woken.clear()
            # Asked before sending: what was committed before stop() is sent even if this was busy with something else.
            last = self._stopping
            try:
                self._send()
                if time.monotonic() >= sweep_at:
                    self._publisher.refresh_cursor(HOME)
                    self._sweep(datetime.now(UTC))
                    sweep_at = time.monotonic() + SWEEP_S
                self._note(None)
                pause = POLL_S
            except (redis.RedisError, BrokerConnectionError, SQLAlchemyError) as error:
                self._note(error)
                # A wake-up still tries at once; only the waiting grows.
                pause = min(pause * 1.5, SLOWEST_RETRY_S)
            except Exception as error:
                # The relay must not die of a fault that nobody foresaw: say it whole, go on.
                self._note(error)
                log.exception("the relay stumbled")
                pause = SLOWEST_RETRY_S

    def _send(self) -> None:
        for rows in publish_batches(self._engine, self._publisher):
            jobs = sum(row.topic != EVENT for row in rows)
            SENT.labels("event").inc(len(rows) - jobs)
            SENT.labels("job").inc(jobs)
            if jobs:
                self._alarm.ring()
            time.sleep(LINGER_S)

    def _sweep(self, now: datetime) -> None:
        waiting = self._publisher.count_waiting_jobs()
        with transaction(self._engine) as session:
            # As many jobs as clips: none is lost, however long the queue is, and more would only fill Redis.
            patience = (
                SOON if not waiting else LATER if waiting < session.exec(queries.count_unfinished()).one() else None
            )
            since = now - patience if patience else datetime.min.replace(tzinfo=UTC)
            clips = session.exec(
                queries.clips_missing_jobs(since, now, limit=500).with_for_update(skip_locked=True)
            ).all()
            for clip in clips:
                clip.requeue(now)
                session.add(OutboxRow(topic=clip.next_job, clip_id=clip.id, created_at=now))
        if clips:
            SWEPT.inc(len(clips))
            log.info("clips without a job were found", clips=len(clips))
            self._woken.set()
        elif waiting:
            # Jobs wait and may have nobody to do them: a wake-up can be lost while a worker goes to sleep.
            self._alarm.ring()

    def _note(self, error: Exception | None) -> None:
        if (error is None) != (self.failure is None):
            if error is None:
                log.info("the relay sends")
            else:
                log.warning("the relay cannot send; what waits is kept", reason=f"{type(error).__name__}: {error}")
        # The type alone: everybody may read it in /readyz, and an address may stand in the text.
        self.failure = None if error is None else f"does not answer ({type(error).__name__})"
        REDIS_UP.set(error is None)


class Alarm:
    """Wakes a transcriber that sleeps. Its own thread, one ring at a time: a machine takes seconds to start."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ringing = threading.Lock()

    def ring(self) -> None:
        if self._url and self._ringing.acquire(blocking=False):
            threading.Thread(target=self._post, name="alarm", daemon=True).start()

    def _post(self) -> None:
        try:
            httpx.post(self._url, timeout=30).raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the transcriber could not be woken; the next sweep tries again", reason=str(error))
        finally:
            self._ringing.release()
