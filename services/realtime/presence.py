"""How many pages are open, over all processes and machines: counted in Redis, at no cost to the database."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any, cast

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from services.realtime.hub import Hub

log = structlog.get_logger(__name__)

EVERY_S = 2
"""Seconds between two looks: an open page elsewhere is known so soon, and ten thousand that come at once cost one."""

FORGOTTEN_S = 10
"""Seconds after which a process that says nothing any more is not counted."""

# Say how many listen here, and learn how many do anywhere. Each process has a field, "COUNT SECOND".
COUNT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
local sum, fields = 0, redis.call('HGETALL', KEYS[1])
for place = 1, #fields, 2 do
  local count, second = string.match(fields[place + 1], '(%d+) (%d+)')
  if tonumber(second) + tonumber(ARGV[3]) < now then redis.call('HDEL', KEYS[1], fields[place])
  else sum = sum + tonumber(count) end
end
return sum
"""


class Presence:
    """Tells the pages of each library how many there are, whenever that has changed."""

    def __init__(self, redis_url: str, hub: Hub) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=EVERY_S, socket_connect_timeout=EVERY_S)
        self._hub = hub
        self._process = secrets.token_hex(8)
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        """Count until cancelled. While Redis is away, pages keep the last number."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                for library in {*self._hub.libraries(), *self._told}:
                    await self._count(library)
            except (RedisError, OSError) as error:
                log.debug("pages cannot be counted", reason=str(error))

    async def close(self) -> None:
        """Be counted no more: those who were here are somewhere else by now."""
        with suppress(RedisError, OSError):
            for library in self._told:
                await cast("Any", self._redis.hdel(presence_key(library), self._process))
        await self._redis.aclose()

    async def _count(self, library: str) -> None:
        channel = self._hub.of(library)
        here = channel.count()
        asked = self._redis.eval(COUNT, 1, presence_key(library), self._process, str(here), str(FORGOTTEN_S))
        looking = int(await cast("Any", asked))
        if not here:
            self._told.pop(library, None)
        elif looking != self._told.get(library):
            self._told[library] = looking
            for _ in channel.tell(b'{"type":"presence","looking":%d}' % looking, latest=True):
                await asyncio.sleep(0)


def presence_key(library: str) -> str:
    return f"dictaphone:presence:{library}"
