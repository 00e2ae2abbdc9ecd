"""The worker at run time: its Dramatiq workers, captions and health server, from start to a signal or to idleness."""

import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.captions.captioner import Captioner
from services.transcriber.health import HealthServer
from services.transcriber.jobs.base import Job
from services.transcriber.notifications import JobNotifications, NotifiedBroker
from services.transcriber.outbox_sender import REDIS_TIMEOUT_S
from services.transcriber.recognizers.recognizer import Recognizer
from services.transcriber.settings import TranscriberSettings
from shared.db.engine import ping
from shared.redis.jobs import CAPTION, count_waiting, job_message
from shared.storage.store import Store

log = structlog.get_logger(__name__)

DATABASE_RETRY_S = 5
"""Delay before a job comes back that found the database unavailable."""

IDLE_CHECK_INTERVAL_S = 1
"""How often idleness is checked. The queues are asked only after nothing ran for the whole idle time."""

EXIT_PORT_TAKEN = 1


def open_worker(broker: NotifiedBroker, job: Job, queue: str) -> dramatiq.Worker:
    """A Dramatiq worker for one queue, with a broker of its own: no job waits behind another kind.

    The retries are `Job.run`'s: none of Dramatiq's middleware takes part, and no job has a time limit.
    """

    def run_job(clip_id: str) -> None:
        id = uuid.UUID(clip_id)
        with structlog.contextvars.bound_contextvars(clip_id=clip_id):
            try:
                retry_in_s = job.run(id)
            except SQLAlchemyError as error:
                log.warning("the database is unavailable; retrying", reason=str(error))
                retry_in_s = DATABASE_RETRY_S
            if retry_in_s is not None:
                try:
                    broker.enqueue(job_message(job.name, id, queue), delay=int(retry_in_s * 1000))
                except redis.RedisError as error:
                    log.warning("the retry could not be queued; the sweep will queue it", reason=str(error))

    dramatiq.actor(actor_name=job.name, queue_name=queue, broker=broker)(run_job)
    concurrency = job.queue_concurrency[queue]
    worker = dramatiq.Worker(broker, queues={queue}, worker_threads=concurrency)
    # Jobs wait in Redis, where another worker can take them, and not behind an hour of audio in this process.
    worker.queue_prefetch = concurrency
    return worker


class WorkerRuntime:
    """One Dramatiq worker for each queue, the captioner and the health server, for one `run`."""

    def __init__(
        self,
        settings: TranscriberSettings,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        jobs: Sequence[Job],
        captioner: Captioner | None,
        stopping: threading.Event,
        model_states: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`/readyz` shows `model_states`."""
        self._settings = settings
        self._jobs = jobs
        self._captioner = captioner
        self._stopping = stopping
        self._busy_at = time.monotonic()
        redis_url = settings.redis_url.get_secret_value()
        self._notifications = JobNotifications(redis_url, REDIS_TIMEOUT_S)
        self._workers: list[dramatiq.Worker] = []
        self._brokers: list[NotifiedBroker] = []
        for job in jobs:
            for queue in job.queue_concurrency:
                broker = NotifiedBroker(redis_url, self._notifications, timeout_s=REDIS_TIMEOUT_S)
                self._brokers.append(broker)
                self._workers.append(open_worker(broker, job, queue))
        self._readiness_checks = {
            "database": lambda: _ping_database(engine),
            "redis": lambda: _ping_redis(self._brokers[0]),
            "store": store.check,
        }
        self._facts = {"recognizer": recognizer.name if recognizer else "none"}
        self._model_states = model_states

    def run(self) -> bool:
        """Work until a signal, or until idle for long enough. True if a job came in during the shutdown."""
        health_server = self._open_health_server()
        for worker in self._workers:
            worker.start()
        if self._captioner:
            self._captioner.start(self._notifications.subscribe(CAPTION))
        log.info("ready", port=health_server.port, clips_at_once=self._settings.concurrent_clips(), **self._facts)
        try:
            while not self._stopping.wait(IDLE_CHECK_INTERVAL_S) and not self._is_idle():
                pass
        finally:
            health_server.close()
            self._stop()
        # A wake-up between the last idle check and the close found the server open, and now nobody would work:
        # the queues are checked once more.
        has_late_jobs = not self._stopping.is_set() and not self._are_queues_empty()
        self._notifications.close()
        for broker in self._brokers:
            broker.client.close()
        return has_late_jobs

    def _stop(self) -> None:
        """Let running clips finish within the grace period: one for all workers, as whoever stops us counts once."""
        if self._captioner:
            self._captioner.stop()
        grace_ms = self._settings.stop_grace_seconds * 1000
        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(lambda worker: worker.stop(timeout=grace_ms), self._workers))

    def _open_health_server(self) -> HealthServer:
        host, port = self._settings.host, self._settings.port
        try:
            return HealthServer(
                host,
                port,
                checks=self._readiness_checks,
                facts=lambda: {**self._facts, **self._model_states()},
                on_wake=self._mark_busy,
            )
        except OSError as error:
            sys.stderr.write(f"PORT: cannot listen on {host}:{port}: {error.strerror}. Set another, start again.\n")
            raise SystemExit(EXIT_PORT_TAKEN) from error

    def _mark_busy(self) -> None:
        self._busy_at = time.monotonic()

    def _is_idle(self) -> bool:
        has_captions = self._captioner is not None and self._captioner.is_working
        if has_captions or any(job.is_working for job in self._jobs):
            self._mark_busy()
        limit_s = self._settings.idle_exit_seconds
        if not limit_s or time.monotonic() - self._busy_at < limit_s:
            return False
        if self._are_queues_empty():
            return True
        self._mark_busy()
        return False

    def _are_queues_empty(self) -> bool:
        """Whether no job waits, this process's delayed retries included. False if Redis is unavailable."""
        if any(consumer.delay_queue.qsize() for worker in self._workers for consumer in worker.consumers.values()):
            return False
        try:
            return not count_waiting(self._brokers[0])
        except redis.RedisError:
            return False


def _ping_database(engine: Engine) -> None:
    with engine.connect() as connection:
        ping(connection)


def _ping_redis(broker: NotifiedBroker) -> None:
    broker.client.ping()
