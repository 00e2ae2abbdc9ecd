"""The worker at run time: its Dramatiq workers, captions and health server, from start to a signal or to idleness."""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import dramatiq
import redis
import structlog
from sqlalchemy import Engine

from services.transcriber.captions.captioner import Captioner
from services.transcriber.health import HealthServer
from services.transcriber.jobs.base import Job
from services.transcriber.lane import Lane
from services.transcriber.notifications import JobNotifications, NotifiedBroker
from services.transcriber.outbox_sender import REDIS_TIMEOUT_S
from services.transcriber.recognizers.recognizer import Recognizer
from services.transcriber.settings import TranscriberSettings
from shared.db.engine import ping
from shared.redis.jobs import CAPTION, count_waiting
from shared.storage.store import Store
from shared.threads import dead_threads, end_process, report_death

log = structlog.get_logger(__name__)

IDLE_CHECK_INTERVAL_S = 1
"""How often idleness is checked. The queues are asked only after nothing ran for the whole idle time."""

STOP_CHECK_INTERVAL_S = 0.05
"""How often a stopping worker checks whether its last clip is done."""

STOP_MARGIN_S = 1.0
"""Time for consumers and captions to end after the last clip: they check twice a second whether they should."""

EXIT_PORT_TAKEN = 1


def open_worker(broker: NotifiedBroker, job: Job, queue: str) -> dramatiq.Worker:
    """A Dramatiq worker for one queue, with a broker of its own: no job waits behind another kind.

    The retries are `Job.run`'s: none of Dramatiq's middleware takes part, and no job has a time limit.
    """
    dramatiq.actor(actor_name=job.name, queue_name=queue, broker=broker)(Lane(broker, job, queue).run)
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
        self._recognizer = recognizer
        self._model_states = model_states

    def run(self) -> bool:
        """Work until a signal, or until idle for long enough. True if a job came in during the shutdown."""
        health_server = self._open_health_server()
        for worker in self._workers:
            worker.start()
        if self._captioner:
            self._captioner.start(self._notifications.subscribe(CAPTION))
        log.info("ready", port=health_server.port, clips_at_once=self._settings.concurrent_clips(), **self._facts())
        try:
            while not self._stopping.wait(IDLE_CHECK_INTERVAL_S) and not self._is_idle():
                if self._is_unfit():
                    end_process()
        finally:
            health_server.close()
            self._stop()
        # A wake-up between the last idle check and the close was accepted, and its job would wait for another worker:
        # the queues are checked once more.
        has_late_jobs = not self._stopping.is_set() and not self._are_queues_empty()
        self._notifications.close()
        for broker in self._brokers:
            broker.client.close()
        return has_late_jobs

    def _stop(self) -> None:
        """Let running clips finish within the grace period: one for all parts, since the platform grants one.

        Whoever does not end in time is left behind, as it would wait for Redis or sit in native code.
        """
        grace_s = self._settings.stop_grace_seconds
        grace_end = time.monotonic() + grace_s
        if self._captioner:
            self._captioner.stop()
        stops = [
            threading.Thread(target=worker.stop, kwargs={"timeout": grace_s * 1000}, name="worker stop", daemon=True)
            for worker in self._workers
        ]
        for stop in stops:
            stop.start()
        while any(job.is_working for job in self._jobs) and time.monotonic() < grace_end:
            time.sleep(STOP_CHECK_INTERVAL_S)
        self._release_clips()
        deadline = max(grace_end, time.monotonic()) + STOP_MARGIN_S
        for stop in stops:
            stop.join(max(0.0, deadline - time.monotonic()))
        if self._captioner:
            self._captioner.join(deadline)
        self._release_clips()  # those that a worker had taken from its queue, and claimed after the first release

    def _release_clips(self) -> None:
        for job in self._jobs:
            job.release_all()

    def _is_unfit(self) -> bool:
        """Whether a thread died or is stuck that this process lives by. Another process would not have its fault."""
        for worker in self._workers:
            queues = ", ".join(worker.consumer_whitelist or ())
            threads = {
                **{f"consumer of {name}": thread for name, thread in worker.consumers.items()},
                **{f"worker {number} of {queues}": thread for number, thread in enumerate(worker.workers)},
            }
            for name, thread in threads.items():
                if not thread.is_alive():
                    report_death(name)
        return bool(dead_threads()) or any(job.has_stalled for job in self._jobs)

    def _open_health_server(self) -> HealthServer:
        host, port = self._settings.host, self._settings.port
        try:
            return HealthServer(
                host,
                port,
                checks=self._readiness_checks,
                facts=lambda: {**self._facts(), **self._model_states()},
                on_wake=self._mark_busy,
            )
        except OSError as error:
            sys.stderr.write(f"PORT: cannot listen on {host}:{port}: {error.strerror}. Set another, start again.\n")
            raise SystemExit(EXIT_PORT_TAKEN) from error

    def _facts(self) -> dict[str, str]:
        return {"recognizer": self._recognizer.name if self._recognizer else "none"}

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
