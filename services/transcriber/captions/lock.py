"""The lock that gives a recording to one worker: two would send the same words in turn, in different versions."""

import time
import uuid
from contextlib import suppress

import redis
from redis.exceptions import LockNotOwnedError
from redis.lock import Lock

LOCK_TTL_S = 6
"""How long a recording stays with a worker that does not renew its lock."""


class RecordingLock:
    """A Redis lock that survives a wiped Redis."""

    def __init__(self, client: redis.Redis, clip_id: uuid.UUID, *, renewal_interval_s: float = LOCK_TTL_S / 3) -> None:
        self._lock = Lock(
            client, f"dictaphone:captions:{clip_id}", timeout=LOCK_TTL_S, blocking=False, thread_local=False
        )
        # One token for the whole life of this object. With a new one for each try, a worker to which Redis' answer was
        # lost would take its own lock for another worker's.
        self._token = uuid.uuid4().hex
        self._lock.local.token = self._token.encode()
        self._renewal_interval_s = renewal_interval_s
        self._renewed_at = 0.0

    def acquire(self) -> bool:
        """Take the lock, if nobody has it or this object itself."""
        return bool(self._lock.acquire(token=self._token)) or self._lock.owned()

    def renew(self) -> bool:
        """Renew the lock if it is time to; False if another worker holds it. Redis is asked every few seconds only."""
        if time.monotonic() - self._renewed_at < self._renewal_interval_s:
            return True
        is_held = True
        try:
            self._lock.reacquire()
        except LockNotOwnedError:  # expired, wiped with Redis, or another worker's
            is_held = self.acquire()
        self._renewed_at = time.monotonic()
        return is_held

    def release(self) -> None:
        with suppress(LockNotOwnedError):
            self._lock.release()
