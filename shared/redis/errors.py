"""How an unavailable Redis shows itself."""

from redis.exceptions import RedisError

UNAVAILABLE = (RedisError, OSError, RuntimeError)
"""What redis-py raises on an event loop. It translates most errors of the connection; a write to a transport that
uvloop has closed a moment before is a plain `RuntimeError`."""
