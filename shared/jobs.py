"""The names of the jobs, and the broker that carries them: what the relay sends and the worker declares."""

import uuid
from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

PREPARE = "prepare"
"""Job: join a clip's pieces, make its audio seekable, and measure it. Its one argument is the clip's id."""

TRANSCRIBE = "transcribe"
"""Job: give a clip its words. Its one argument is the clip's id."""

QUEUES = {PREPARE: "preparation", TRANSCRIBE: "transcription"}
"""Job → queue: one each, so that a short job never waits behind a long one."""


def open_broker(
    redis_url: str, *, timeout_s: float | None = None, middleware: Sequence[Middleware] = ()
) -> RedisBroker:
    """A broker that knows our queues. Redis is not asked for anything before the first message."""
    broker = RedisBroker(  # type: ignore[no-untyped-call] # Dramatiq types its messages, not this
        client=redis.Redis.from_url(redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s),
        middleware=list(middleware),
        namespace="dictaphone:jobs",
    )
    for queue in QUEUES.values():
        broker.declare_queue(queue)
    return broker


def message(job: str, clip_id: uuid.UUID) -> dramatiq.Message[None]:
    """The message that asks for a job. Sending it twice is harmless: the clip is claimed once."""
    return dramatiq.Message(queue_name=QUEUES[job], actor_name=job, args=(str(clip_id),), kwargs={}, options={})


def waiting(broker: RedisBroker, queue: str) -> int:
    """Messages of a queue that are not done: waiting, delayed and in some worker's hands. Raises `redis.RedisError`."""
    # Dramatiq keeps each message in a hash beside its queue until it is acknowledged; `.DQ` are the delayed ones.
    return sum(broker.client.hlen(f"{broker.namespace}:{name}.msgs") for name in (queue, f"{queue}.DQ"))
