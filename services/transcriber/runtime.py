"""The broker, the actors and their retry rule, the courier of events, and a shift: from start to signal or idleness."""

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
from services.transcriber.health import Listener
from services.transcriber.jobs.base import Claimant
from services.transcriber.notifications import Notices, PatientBroker
from services.transcriber.recognizers.recognizer import Recognizer
from services.transcriber.settings import TranscriberSettings
from shared.db.engine import ping
from shared.redis import jobs
from shared.storage.store import Store

log = structlog.get_logger(__name__)

REDIS_S = 5
"""Seconds to wait for Redis' answer: no command of ours blocks, so silence means that it is gone."""

DATABASE_PAUSE_S = 5
"""Before a job comes back that found the database away."""

IDLE_CHECK_S = 1
"""How often idleness is looked at; the queue is asked only once nothing ran for the whole idle time."""

EXIT_PORT_TAKEN = 1


def open_worker(broker: PatientBroker, claimant: Claimant, queue: str) -> dramatiq.Worker:
    """A Dramatiq worker in this process for one queue, with a broker of its own: no job waits behind another kind.

    Retries are ours: none of Dramatiq's middleware has a say, nor a time limit.
    """

    def act(clip_id: str) -> None:
        id = uuid.UUID(clip_id)
        with structlog.contextvars.bound_contextvars(clip_id=clip_id):
            try:
                pause = claimant.run(id)
            except SQLAlchemyError as error:
                log.warning("the database does not answer; the job comes back", reason=str(error))
                pause = DATABASE_PAUSE_S
            if pause is not None:
                try:
                    broker.enqueue(jobs.message(claimant.job, id, queue), delay=int(pause * 1000))
                except redis.RedisError as error:
                    log.warning("the next try is left to the sweep", reason=str(error))

    dramatiq.actor(actor_name=claimant.job, queue_name=queue, broker=broker)(act)
    at_once = claimant.lanes[queue]
    worker = dramatiq.Worker(broker, queues={queue}, worker_threads=at_once)
    # What waits, waits in Redis, where another worker can have it, and not behind an hour of audio in this one.
    worker.queue_prefetch = at_once
    return worker


class Shift:
    """A worker for each queue and one listener, from `run` to a signal or to an idle end."""

    def __init__(
        self,
        settings: TranscriberSettings,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        claimants: Sequence[Claimant],
        captioner: Captioner | None,
        stopping: threading.Event,
        told: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """What `told` gives is told to whoever asks whether we are ready."""
        self._settings = settings
        self._claimants = claimants
        self._captioner = captioner
        self._stopping = stopping
        self._busy_at = time.monotonic()
        redis_url = settings.redis_url.get_secret_value()
        self._notices = Notices(redis_url, REDIS_S)
        lanes = [(claimant, queue) for claimant in claimants for queue in claimant.lanes]
        self._brokers = [PatientBroker(redis_url, self._notices, timeout_s=REDIS_S) for _ in lanes]
        self._workers = [open_worker(broker, *lane) for broker, lane in zip(self._brokers, lanes, strict=True)]
        self._checks = {
            "database": lambda: _ping(engine),
            "redis": lambda: _asked(self._brokers[0]),
            "store": store.check,
        }
        self._facts = {"recognizer": recognizer.name if recognizer else "none"}
        self._told = told

    def run(self) -> bool:
        """Work until told to stop or idle for long enough; True if something came in while the door was closing."""
        listener = self._listen()
        for worker in self._workers:
            worker.start()
        if self._captioner:
            self._captioner.start(self._notices.listener(jobs.CAPTION))
        log.info("ready", port=listener.port, clips_at_once=self._settings.jobs_at_once(), **self._facts)
        try:
            while not self._stopping.wait(IDLE_CHECK_S) and not self._is_idle():
                pass
        finally:
            listener.close()
            self._stop()
        # A wake-up between the last look and the closing found us at home and now we are gone: look once more.
        came_late = not self._stopping.is_set() and not self._is_queue_empty()
        self._notices.close()
        for broker in self._brokers:
            broker.client.close()
        return came_late

    def _stop(self) -> None:
        """Let what runs end, as long as the grace lasts: one for all workers, since whoever stops us counts once."""
        if self._captioner:
            self._captioner.stop()
        grace_ms = self._settings.stop_grace_seconds * 1000
        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(lambda worker: worker.stop(timeout=grace_ms), self._workers))

    def _listen(self) -> Listener:
        host, port = self._settings.host, self._settings.port
        try:
            return Listener(host, port, self._checks, lambda: {**self._facts, **self._told()}, self._touch)
        except OSError as error:
            sys.stderr.write(f"PORT: cannot listen on {host}:{port}: {error.strerror}. Set another, start again.\n")
            raise SystemExit(EXIT_PORT_TAKEN) from error

    def _touch(self) -> None:
        self._busy_at = time.monotonic()

    def _is_idle(self) -> bool:
        has_captions = self._captioner is not None and self._captioner.is_working
        if has_captions or any(claimant.is_working for claimant in self._claimants):
            self._touch()
        limit = self._settings.idle_exit_seconds
        if not limit or time.monotonic() - self._busy_at < limit:
            return False
        if self._is_queue_empty():
            return True
        self._touch()
        return False

    def _is_queue_empty(self) -> bool:
        """Whether nothing waits, our own delayed retries included; unknown is no."""
        if any(consumer.delay_queue.qsize() for worker in self._workers for consumer in worker.consumers.values()):
            return False
        try:
            return not jobs.count_waiting(self._brokers[0])
        except redis.RedisError:
            return False


def _ping(engine: Engine) -> None:
    with engine.connect() as connection:
        ping(connection)


def _asked(broker: PatientBroker) -> None:
    broker.client.ping()
