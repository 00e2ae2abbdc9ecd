"""Hears of new jobs, so that queues are not polled: Dramatiq alone asks some 150 times a minute for each of them."""

import threading
import time
from collections.abc import Iterable
from typing import Any

import redis
import structlog
from dramatiq.broker import Consumer, MessageProxy
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.redis import jobs

log = structlog.get_logger(__name__)

LOOK_S = 15.0
"""How often Redis is asked whether anything waits: a notice may be lost, while a connection is."""

AGAIN_S = 1.0
"""Pause before Redis is tried again."""

TICK_S = 0.5
"""How often a consumer looks up, for what is due or for the end of its worker. Redis hears nothing of it."""

MAINTENANCE_CHANCE = 100_000
"""Of a million commands, those that clean up after dead workers: a hundred times Dramatiq's, of so many fewer."""


class Notices:
    """Wakes everybody who listens when a job may be waiting, from construction to `close`."""

    def __init__(self, redis_url: str, timeout_s: float) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )
        self._listeners: dict[threading.Event, str] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def listener(self, queue: str) -> threading.Event:
        """Set whenever a job may be waiting in a queue, and now."""
        woken = threading.Event()
        woken.set()
        self._listeners[woken] = queue
        return woken

    def forget(self, woken: threading.Event) -> None:
        self._listeners.pop(woken, None)

    def close(self) -> None:
        self._stopping = True
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as line:  # type: ignore[no-untyped-call]
                    line.subscribe(jobs.NOTIFICATIONS)
                    self._listen(line)
            except redis.RedisError as error:
                log.warning("jobs are not heard of; trying again", reason=str(error))
                time.sleep(AGAIN_S)

    def _listen(self, line: Any) -> None:
        look_at = 0.0
        while not self._stopping:
            if notice := line.get_message(timeout=TICK_S):
                self._wake(notice["data"].decode())
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                if self._redis.exists(*jobs.queue_keys()):
                    self._wake()

    def _wake(self, queue: str | None = None) -> None:
        for woken, its_queue in list(self._listeners.items()):
            if queue in {None, its_queue}:
                woken.set()


class PatientBroker(jobs.JobBroker):
    """A broker for one worker, whose consumers ask Redis when they are woken."""

    def __init__(self, redis_url: str, notices: Notices, *, timeout_s: float) -> None:
        super().__init__(redis_url, timeout_s=timeout_s, maintenance_chance=MAINTENANCE_CHANCE)
        self._notices = notices

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        return PatientConsumer(super().consume(queue_name, prefetch, timeout=1), self._notices, queue_name)


class PatientConsumer(Consumer):
    """Asks the consumer within whenever something may have changed: a notice came, or a place became free."""

    def __init__(self, within: Consumer, notices: Notices, queue: str) -> None:
        self._within, self._notices = within, notices
        self._woken = notices.listener(queue)

    def __next__(self) -> MessageProxy | None:
        if not self._woken.wait(TICK_S):
            return None
        self._woken.clear()
        message: MessageProxy | None = next(self._within)
        if message is not None:
            self._woken.set()  # there may be more
        return message

    def ack(self, message: MessageProxy) -> None:
        self._within.ack(message)
        self._woken.set()

    def nack(self, message: MessageProxy) -> None:
        self._within.nack(message)
        self._woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        self._within.requeue(messages)

    def close(self) -> None:
        self._notices.forget(self._woken)
        self._within.close()
