"""The names of the jobs, and the broker that carries them from the relay to the workers."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError, ConnectionClosed

PREPARE = "prepare"
"""Job: join a clip's pieces, make its audio seekable, and measure it. Its one argument is the clip's id."""

TRANSCRIBE = "transcribe"
"""Job: transcribe a clip. Its one argument is the clip's id."""

RENDER = "render"
"""Job: make the forms of a clip's sound that are wanted. Its one argument is the clip's id. The outbox of an older
release sets its row apart, and no worker of such a release takes it: the sweep sends it again."""

JOBS = {PREPARE, TRANSCRIBE, RENDER}
"""The names of all jobs of this release."""

PREPARATION, LONG_PREPARATION = "preparation", "preparation-of-long-clips"
TRANSCRIPTION, LONG_TRANSCRIPTION = "transcription", "transcription-of-long-clips"
RENDITION = "rendition"
QUEUES_OF_CLIPS = (PREPARATION, LONG_PREPARATION, TRANSCRIPTION, LONG_TRANSCRIPTION)
"""The queues of the jobs that bring a clip to its words."""
QUEUES = (*QUEUES_OF_CLIPS, RENDITION)
"""Each has threads of its own in a worker: a short note never waits for an hour, and an hour not for many notes."""

CAPTION = "caption"
"""A notice, not a job: a recording begins, and may be captioned. It is in no queue, and may be lost."""

LONG_CLIP_MS = 120_000
"""Longer clips have a queue of their own: up to here a transcription takes seconds, and others can wait for that."""

MAX_SHORT_PREPARATION_MS, MAX_SHORT_PREPARATION_BYTES = 30 * 60_000, 128 * 1024**2
"""Clips up to here are prepared within seconds. A worker moves longer ones into a queue of their own. Nobody else puts
a job there: a worker of a release before this queue would never take it."""

NAMESPACE = "dictaphone:jobs"
"""Prefix of the queues' keys in Redis."""

NOTIFICATIONS = "dictaphone:jobs:notices"
"""Channel on which the name of a queue is published when a message enters it, so that no worker has to poll."""


BROKER_UNAVAILABLE = (redis.RedisError, BrokerConnectionError)
"""Errors of a Redis that cannot take or give a message now."""


@contextmanager
def broker_errors() -> Iterator[None]:
    """Translate Redis' errors to the one that Dramatiq's threads expect, and wait after. Others end such a thread."""
    try:
        yield
    except redis.RedisError as error:
        raise ConnectionClosed(error) from error  # type: ignore[no-untyped-call]


class JobBroker(RedisBroker):
    """Dramatiq's broker with our queues, without its middleware. Notifies the workers of each new message.

    All of its errors are `BROKER_UNAVAILABLE`.
    """

    def __init__(self, redis_url: str, *, timeout_s: float | None = None, **options: Any) -> None:
        """Send nothing to Redis before the first message."""
        client = redis.Redis.from_url(redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        super().__init__(client=client, middleware=[], namespace=NAMESPACE, **options)  # type: ignore[no-untyped-call]
        for queue in QUEUES:
            self.declare_queue(queue)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        with broker_errors():
            enqueued = super().enqueue(message, delay=delay)
            self.notify_workers(enqueued.queue_name)
        return enqueued

    def notify_workers(self, name: str) -> None:
        """Publish the name of a queue that has a message, or of a notice. Raises `redis.RedisError`."""
        self.client.publish(NOTIFICATIONS, name)


def is_long_preparation(duration_ms: int, bytes: int) -> bool:
    """Whether to prepare a clip of this length and size would keep short ones waiting."""
    return duration_ms > MAX_SHORT_PREPARATION_MS or bytes > MAX_SHORT_PREPARATION_BYTES


def queue_for(job: str, duration_ms: int | None) -> str:
    """The queue that a job about a clip of this length is sent to."""
    if job != TRANSCRIBE:
        return {PREPARE: PREPARATION, RENDER: RENDITION}[job]
    return LONG_TRANSCRIPTION if (duration_ms or 0) > LONG_CLIP_MS else TRANSCRIPTION


def job_message(job: str, clip_id: uuid.UUID, queue: str) -> dramatiq.Message[None]:
    """The message that asks for a job. Sending it twice is harmless: only one worker can claim the clip."""
    return dramatiq.Message(queue_name=queue, actor_name=job, args=(str(clip_id),), kwargs={}, options={})


def queue_keys(queues: Sequence[str] = QUEUES) -> list[str]:
    """Keys of the lists in which messages wait for a worker. Redis has no empty lists: such a key does not exist."""
    # Dramatiq keeps delayed messages in `.DQ`; a worker takes them from there, and holds them until they are due.
    return [f"{NAMESPACE}:{name}" for queue in queues for name in (queue, f"{queue}.DQ")]


def count_waiting(broker: JobBroker, queues: Sequence[str] = QUEUES) -> int:
    """Count the messages in these queues that no worker has taken yet. Raises `redis.RedisError`."""
    if not broker.client.exists(*queue_keys(queues)):
        return 0  # the usual answer, by one command instead of one for each list
    return sum(broker.client.llen(key) for key in queue_keys(queues))
