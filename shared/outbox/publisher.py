"""The way out to Redis: events to their streams, jobs to their queues."""

from collections.abc import Mapping, Sequence
from typing import Any

import dramatiq
import redis

from shared.clips.models import Clip
from shared.clips.schemas import PublicClip
from shared.outbox.models import EVENT, OutboxRow
from shared.redis import jobs, streams


class OutboxPublisher:
    """The way out to Redis: events to their streams, jobs to their queues."""

    def __init__(self, redis_url: str, timeout_s: float = 5) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=3, decode_responses=True
        )
        self._broker = jobs.JobBroker(redis_url, timeout_s=timeout_s)
        self.cursors: dict[str, str] = {}
        """Library → the newest stream id that we know of; older is harmless, newer than the rows is not."""

    def refresh_cursor(self, library_id: str) -> None:
        """Learn what others have sent. Raises `redis.RedisError`."""
        newest = streams.newest_id(self._redis, library_id)
        if newest is None:
            self.cursors.pop(library_id, None)
        else:
            self.cursors[library_id] = newest

    def send(self, rows: Sequence[tuple[OutboxRow, Clip]]) -> tuple[list[OutboxRow], Exception | None]:
        """Send the events, then the jobs, each in order; return the rows that Redis has, and what stopped the rest."""
        sent: list[OutboxRow] = []
        # Rows of one clip carry the same state, the present one: a single event speaks for all of them.
        changed = {clip.id: clip for row, clip in rows if row.topic == EVENT}
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for clip in changed.values():
                    streams.append_event(pipeline, clip.library_id, PublicClip.model_validate(clip).event())
                ids = pipeline.execute()
            self.cursors.update(zip((clip.library_id for clip in changed.values()), ids, strict=True))
            sent += [row for row, _ in rows if row.topic == EVENT]
            for row, clip in rows:
                if row.topic == jobs.CAPTION:
                    self._broker.notice(jobs.CAPTION)
                    sent.append(row)
                elif row.topic != EVENT:
                    queue = jobs.queue_of(row.topic, clip.duration_ms)
                    self._broker.enqueue(jobs.message(row.topic, clip.id, queue))
                    sent.append(row)
        except (redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
            return sent, error
        return sent, None

    def hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        """Send what only those who are connected now need. Raises `redis.RedisError`."""
        streams.append_hint(self._redis, library_id, payload)

    def waiting_jobs(self) -> int:
        """Messages that no worker has taken yet. Raises `redis.RedisError`."""
        return jobs.count_waiting(self._broker)

    def close(self) -> None:
        self._redis.close()
        self._broker.close()
