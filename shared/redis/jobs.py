"""The names of the jobs, and the broker that carries them: what the relay sends and the worker declares."""

import uuid
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

PREPARE = "prepare"
"""Job: join a clip's pieces, make its audio seekable, and measure it. Its one argument is the clip's id."""

TRANSCRIBE = "transcribe"
"""Job: give a clip its words. Its one argument is the clip's id."""

PREPARATION, TRANSCRIPTION, LONG_TRANSCRIPTION = "preparation", "transcription", "transcription-of-long-clips"
QUEUES = (PREPARATION, TRANSCRIPTION, LONG_TRANSCRIPTION)
"""Each has workers of its own, so that a note never waits behind an hour of audio, nor an hour behind all notes."""

CAPTION = "caption"
"""No job but a notice: a recording begins, and may be given captions. Nothing waits for it, and it may be lost."""

LONG_MS = 120_000
"""A clip of more is long: up to here a transcription takes some seconds, which nobody minds to wait for."""

NAMESPACE = "dictaphone:jobs"
"""Of all keys of the queues."""

NOTIFICATIONS = "dictaphone:jobs:notices"
"""Channel on which the name of a queue is published when a message comes into it: nobody has to poll."""


class JobBroker(RedisBroker):
    """Dramatiq's, without its middleware, which knows our queues and gives notice of what it enqueues."""

    def __init__(self, redis_url: str, *, timeout_s: float | None = None, **options: Any) -> None:
        """Redis is not asked for anything before the first message."""
        client = redis.Redis.from_url(redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        super().__init__(client=client, middleware=[], namespace=NAMESPACE, **options)  # type: ignore[no-untyped-call]
        for queue in QUEUES:
            self.declare_queue(queue)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        enqueued = super().enqueue(message, delay=delay)
        self.notice(enqueued.queue_name)
        return enqueued

    def notice(self, name: str) -> None:
        """Tell the workers that something waits for them. Raises `redis.RedisError`."""
        self.client.publish(NOTIFICATIONS, name)


def queue_of(job: str, duration_ms: int | None) -> str:
    """Where a job about a clip of this length waits."""
    if job == PREPARE:
        return PREPARATION
    return LONG_TRANSCRIPTION if (duration_ms or 0) > LONG_MS else TRANSCRIPTION


def message(job: str, clip_id: uuid.UUID, queue: str) -> dramatiq.Message[None]:
    """The message that asks for a job. Sending it twice is harmless: the clip is claimed once."""
    return dramatiq.Message(queue_name=queue, actor_name=job, args=(str(clip_id),), kwargs={}, options={})


def queue_keys() -> list[str]:
    """Those of the lists where messages wait for a worker; a list that is empty does not exist."""
    # `.DQ` are the delayed ones, which a worker holds until they are due.
    return [f"{NAMESPACE}:{name}" for queue in QUEUES for name in (queue, f"{queue}.DQ")]


def count_waiting(broker: JobBroker) -> int:
    """Messages that no worker has taken yet. Raises `redis.RedisError`."""
    if not broker.client.exists(*queue_keys()):
        return 0  # the usual answer, for one command instead of six
    return sum(broker.client.llen(key) for key in queue_keys())
