"""Notifications of new jobs, so that queues are not polled: Dramatiq alone asks some 150 times a minute for each."""

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
from shared.redis.jobs import JobBroker, broker_errors
from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

QUEUE_CHECK_INTERVAL_S = 15.0
"""How often Redis is asked whether a job waits: a notification is lost when its connection is."""

RECONNECT_S = 1.0
"""Delay before the next connection to Redis."""

WAKE_INTERVAL_S = 0.5
"""How often a consumer checks for delayed messages and for the end of its worker. Redis is not asked."""

MAINTENANCE_CHANCE = 100_000
"""Of a million commands, those that clean up after dead workers: a hundred times Dramatiq's, of so many fewer."""


class JobNotifications:
    """Sets the event of each subscriber whenever a job may wait in its queue, from construction to `close`."""

    def __init__(self, redis_url: str, timeout_s: float) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )
        self._subscribers: dict[threading.Event, str] = {}
        self._stopping = False
        self._thread = LifelineThread(self._run, "job notifications")
        self._thread.start()

    def subscribe(self, queue: str) -> threading.Event:
        """An event that is set whenever a job may wait in the queue. It is set now."""
        woken = threading.Event()
        woken.set()
        self._subscribers[woken] = queue
        return woken

    def unsubscribe(self, woken: threading.Event) -> None:
        self._subscribers.pop(woken, None)

    def close(self) -> None:
        self._stopping = True
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(jobs.NOTIFICATIONS)
                    self._listen(channel)
            except (redis.RedisError, OSError) as error:
                log.warning("job notifications are unavailable; retrying", reason=str(error))
                time.sleep(RECONNECT_S)
            except Exception:
                # The thread must outlive an error that nobody foresaw: without it, no worker hears of a job.
                log.exception("job notifications failed; retrying")
                time.sleep(RECONNECT_S)

    def _listen(self, channel: Any) -> None:
        next_check = 0.0
        while not self._stopping:
            if message := channel.get_message(timeout=WAKE_INTERVAL_S):
                self._wake(message["data"].decode())
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + QUEUE_CHECK_INTERVAL_S
                if self._redis.exists(*jobs.queue_keys()):
                    self._wake()

    def _wake(self, queue: str | None = None) -> None:
        """Wake the subscribers of one queue; None: all subscribers."""
        for woken, subscribed_queue in list(self._subscribers.items()):
            if queue in {None, subscribed_queue}:
                woken.set()


class NotifiedBroker(JobBroker):
    """A broker for one worker, whose consumers ask Redis only when they are notified."""

    def __init__(self, redis_url: str, notifications: JobNotifications, *, timeout_s: float) -> None:
        super().__init__(redis_url, timeout_s=timeout_s, maintenance_chance=MAINTENANCE_CHANCE)
        self._notifications = notifications

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        if queue_name in self.delay_queues:
            self._requeue_fetched(queue_name)
        return NotifiedConsumer(super().consume(queue_name, prefetch, timeout=1), self._notifications, queue_name)

    def _requeue_fetched(self, queue_name: str) -> None:
        """Put back what this process has fetched of a delayed queue, whose consumer begins anew.

        After an error Dramatiq forgets the delayed messages that it holds, and Redis keeps them for this process.
        """
        with broker_errors():
            fetched = self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}")
            if fetched:
                self.do_requeue(queue_name, *fetched)


class NotifiedConsumer(Consumer):
    """Asks the wrapped consumer whenever a message may wait: after a notification, and when a prefetch slot is free."""

    def __init__(self, consumer: Consumer, notifications: JobNotifications, queue: str) -> None:
        self._consumer, self._notifications = consumer, notifications
        self._woken = notifications.subscribe(queue)

    def __next__(self) -> MessageProxy | None:
        if not self._woken.wait(WAKE_INTERVAL_S):
            return None
        self._woken.clear()
        with broker_errors():
            message: MessageProxy | None = next(self._consumer)
        if message is not None:
            self._woken.set()  # more messages may wait
        return message

    def ack(self, message: MessageProxy) -> None:
        with broker_errors():
            self._consumer.ack(message)
        self._woken.set()

    def nack(self, message: MessageProxy) -> None:
        with broker_errors():
            self._consumer.nack(message)
        self._woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        with broker_errors():
            self._consumer.requeue(messages)

    def close(self) -> None:
        self._notifications.unsubscribe(self._woken)
        self._consumer.close()
