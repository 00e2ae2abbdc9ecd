"""The lock that gives a recording to one worker."""

import time
import uuid

import redis

HELD_S = 6
"""How long a recording stays with a worker that was not heard of."""


class Hold:
    """Which worker follows a recording: two would send the same words in turn, and in different versions."""

    def __init__(self, client: redis.Redis, clip_id: uuid.UUID, *, every_s: float = HELD_S / 3) -> None:
        """`every_s`: how often Redis is asked whether it still is ours."""
        self._client = client
        self._key = f"dictaphone:captions:{clip_id}"
        self._name = uuid.uuid4().hex
        self._renewed_at = 0.0
        self._every_s = every_s

    def take(self) -> bool:
        return bool(self._client.set(self._key, self._name, nx=True, ex=HELD_S))

    def renew(self) -> bool:
        """Hold it for longer, also after Redis was wiped; False if somebody else has it."""
        if time.monotonic() - self._renewed_at < self._every_s:
            return True
        is_mine = self._client.get(self._key) == self._name.encode()
        held = bool(self._client.expire(self._key, HELD_S)) if is_mine else self.take()
        self._renewed_at = time.monotonic()
        return held

    def release(self) -> None:
        if self._client.get(self._key) == self._name.encode():
            self._client.delete(self._key)
