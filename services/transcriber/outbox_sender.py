"""A thread that sends committed events, and hints, to Redis: no job waits for Redis."""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

import dramatiq
import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.outbox.publisher import OutboxPublisher, publish_batches
from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 5
"""No command blocks in Redis, so a longer silence means that Redis is gone."""

SendHint = Callable[[str, Mapping[str, Any]], None]
"""Sends a payload to the open pages of a library, by the library's id. Returns at once and never fails."""


class OutboxSender:
    """Sends the outbox and the hints whenever it is woken, from construction to `stop`.

    The relay sends what this thread could not send of the outbox. A hint that could not be sent is dropped.
    """

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self._engine = engine
        self._publisher = OutboxPublisher(redis_url, REDIS_TIMEOUT_S)
        self._hints: SimpleQueue[tuple[str, Mapping[str, Any]]] = SimpleQueue()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = LifelineThread(self._run, "outbox sender")
        self._thread.start()

    def wake(self) -> None:
        """Send what was committed."""
        self._woken.set()

    def send_hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        self._hints.put((library_id, payload))
        self._woken.set()

    def stop(self, timeout_s: float = 2 * REDIS_TIMEOUT_S) -> None:
        """Send the rest once, and end the thread. After the timeout the relay sends what is left."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._woken.wait()
            self._woken.clear()
            is_last = self._stopping  # read before sending: what was committed before `stop` still goes out
            hints = [self._hints.get() for _ in range(self._hints.qsize())]
            try:
                for _ in publish_batches(self._engine, self._publisher):
                    pass
                for library_id, payload in hints:
                    self._publisher.send_hint(library_id, payload)
            except (redis.RedisError, SQLAlchemyError, dramatiq.errors.BrokerConnectionError) as error:
                log.warning(
                    "events could not be sent; the relay will send them", reason=f"{type(error).__name__}: {error}"
                )
            except Exception:
                log.exception("the outbox sender failed")
