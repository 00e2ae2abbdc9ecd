"""Sends events and hints to Redis from a thread of its own."""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

import dramatiq
import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.outbox.outbox import batches
from shared.outbox.publisher import OutboxPublisher

log = structlog.get_logger(__name__)

REDIS_S = 5
"""Seconds to wait for Redis' answer: no command of ours blocks, so silence means that it is gone."""

Hint = Callable[[str, Mapping[str, Any]], None]
"""Sends something to all pages of a library that look now, and costs the caller nothing."""


class Courier:
    """Sends what was committed, and hints, at once and in its own thread: no job waits for Redis.

    The relay is the net below what was committed; a hint that cannot be sent is forgotten.
    """

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self._engine = engine
        self._publisher = OutboxPublisher(redis_url, REDIS_S)
        self._hints: SimpleQueue[tuple[str, Mapping[str, Any]]] = SimpleQueue()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        """Tell those who look now."""
        self._hints.put((library_id, payload))
        self._woken.set()

    def stop(self) -> None:
        """Send what is there, once, and end."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=2 * REDIS_S)

    def _run(self) -> None:
        last = False
        while not last:
            self._woken.wait()
            self._woken.clear()
            last = self._stopping  # read before sending, so that what was committed before `stop` still goes out
            hints = [self._hints.get() for _ in range(self._hints.qsize())]
            try:
                for _ in batches(self._engine, self._publisher):
                    pass
                for library_id, payload in hints:
                    self._publisher.hint(library_id, payload)
            except (redis.RedisError, SQLAlchemyError, dramatiq.errors.BrokerConnectionError) as error:
                log.warning("events wait for the relay", reason=f"{type(error).__name__}: {error}")
            except Exception:
                log.exception("the courier stumbled")
