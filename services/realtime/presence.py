"""Presence: how many pages are open, over all processes and machines. Counted in Redis, without the database."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any, cast

import redis.asyncio as redis
import structlog

from services.realtime.hub import Hub
from shared.redis.errors import UNAVAILABLE

log = structlog.get_logger(__name__)

COUNT_INTERVAL_S = 2
"""Seconds between two counts: how late a page elsewhere is noticed. Ten thousand pages that open at once cost one."""

EXPIRY_S = 10
"""Seconds after which the count of a silent process is dropped."""

# Store how many pages this process has, and return how many all have. A process's field is "COUNT SECOND".
COUNT_SCRIPT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
local sum, fields = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local count, second = string.match(fields[i + 1], '(%d+) (%d+)')
  if tonumber(second) + tonumber(ARGV[3]) < now then redis.call('HDEL', KEYS[1], fields[i])
  else sum = sum + tonumber(count) end
end
return sum
"""


class Presence:
    """Sends the pages of each library their number, whenever it has changed."""

    def __init__(self, redis_url: str, hub: Hub) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=COUNT_INTERVAL_S, socket_connect_timeout=COUNT_INTERVAL_S
        )
        self._hub = hub
        self._process_id = secrets.token_hex(8)
        self._last_counts: dict[str, int] = {}
        """Library → the number that its pages were sent last."""

    async def run(self) -> None:
        """Count until cancelled. While Redis is unavailable, pages keep the last number."""
        while True:
            await asyncio.sleep(COUNT_INTERVAL_S)
            try:
                for library in {*self._hub.subscribed_libraries(), *self._last_counts}:
                    await self._count(library)
            except UNAVAILABLE as error:
                log.debug("counting open pages failed", reason=str(error))

    async def close(self) -> None:
        """Remove the counts of this process at once: its pages reconnect to another one."""
        with suppress(*UNAVAILABLE):
            for library in self._last_counts:
                await cast("Any", self._redis.hdel(presence_key(library), self._process_id))
        await self._redis.aclose()

    async def _count(self, library: str) -> None:
        channel = self._hub.channel(library)
        own_count = channel.subscriber_count()
        result = self._redis.eval(
            COUNT_SCRIPT, 1, presence_key(library), self._process_id, str(own_count), str(EXPIRY_S)
        )
        count = int(await cast("Any", result))
        if not own_count:
            self._last_counts.pop(library, None)
        elif count != self._last_counts.get(library):
            self._last_counts[library] = count
            for _ in channel.broadcast(b'{"type":"presence","looking":%d}' % count, retain=True):
                await asyncio.sleep(0)


def presence_key(library: str) -> str:
    return f"dictaphone:presence:{library}"
