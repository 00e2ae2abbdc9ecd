"""Publish the outbox to Redis: lock, send in order, stop at the first failure, delete what was sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dramatiq
import redis
from sqlalchemy import Engine, text, tuple_
from sqlmodel import Session, col, delete

from shared.clips.models import Clip
from shared.clips.schemas import PublicClip
from shared.outbox.models import EVENT, OutboxRow
from shared.redis import jobs, streams

BATCH_ROWS = 200
"""Rows sent under one lock: some 20 ms of work, so that the relay of another machine does not wait for long."""

LOCK_TIMEOUT = "2s"
"""How long a relay waits for another machine's. A relay that waits for Redis frees the lock at its socket timeout."""

_LOCK_ID = 0x0D1C7A  # any number, the same on every machine


class OutboxPublisher:
    """The connection to Redis: events go to their streams, jobs to their queues."""

    def __init__(self, redis_url: str, timeout_s: float = 5) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=3, decode_responses=True
        )
        self._broker = jobs.JobBroker(redis_url, timeout_s=timeout_s)
        self.cursors: dict[str, str] = {}
        """Library → the newest stream id that this process knows. Too old is harmless; newer than the rows is not."""

    def refresh_cursor(self, library_id: str) -> None:
        """Read the id of the newest event, which another process may have sent. Raises `redis.RedisError`."""
        newest = streams.newest_id(self._redis, library_id)
        if newest is None:
            self.cursors.pop(library_id, None)
        else:
            self.cursors[library_id] = newest

    def send(self, rows: Sequence[tuple[OutboxRow, Clip]]) -> tuple[list[OutboxRow], Exception | None]:
        """Send the events, then the jobs, each in order. Return the rows that Redis has, and the error that stopped us.

        An error does not raise, because the rows that were sent before it are to be deleted.
        """
        sent: list[OutboxRow] = []
        # All rows of one clip carry its present state: a single event is enough for them.
        clips = {clip.id: clip for row, clip in rows if row.topic == EVENT}
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for clip in clips.values():
                    streams.append_event(pipeline, clip.library_id, PublicClip.model_validate(clip).event())
                stream_ids = pipeline.execute()
            self.cursors.update(zip((clip.library_id for clip in clips.values()), stream_ids, strict=True))
            sent += [row for row, _ in rows if row.topic == EVENT]
            for row, clip in rows:
                if row.topic == jobs.CAPTION:
                    self._broker.notify_workers(jobs.CAPTION)
                    sent.append(row)
                elif row.topic != EVENT:
                    queue = jobs.queue_for(row.topic, clip.duration_ms, clip.bytes)
                    self._broker.enqueue(jobs.job_message(row.topic, clip.id, queue))
                    sent.append(row)
        except (redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
            return sent, error
        return sent, None

    def send_hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        """Send a payload that only the browsers need that are connected now. Raises `redis.RedisError`."""
        streams.append_hint(self._redis, library_id, payload)

    def count_waiting_jobs(self) -> int:
        """Count the messages that no worker has taken yet. Raises `redis.RedisError`."""
        return jobs.count_waiting(self._broker)

    def close(self) -> None:
        self._redis.close()
        self._broker.close()


def publish_batch(engine: Engine, publisher: OutboxPublisher) -> list[OutboxRow]:
    """Send one batch and return its rows; an empty list means that the outbox is empty.

    May run on any number of machines at once. Raises the error that stopped it, after deleting the rows sent before:
    rows that Redis has and that could not be deleted are sent again, which every receiver must bear.
    """
    with Session(engine, expire_on_commit=False) as session:
        if engine.dialect.name == "postgresql":
            session.connection().execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            session.connection().execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_ID})"))
        rows = [(row, clip) for row, clip in session.exec(OutboxRow.oldest(BATCH_ROWS))]
        if engine.dialect.name == "sqlite":
            # SQLite has one lock, and nobody may wait behind it for Redis. Its two senders are on one machine, and may
            # both send a row.
            session.commit()
        sent, error = publisher.send(rows)
        if sent:
            # By id and time: SQLite reuses an id that the other sender has deleted, for a row that is not sent yet.
            key = tuple_(col(OutboxRow.id), col(OutboxRow.created_at))
            session.exec(delete(OutboxRow).where(key.in_([(row.id, row.created_at) for row in sent])))
        session.commit()
    if error is not None:
        raise error
    return [row for row, _ in rows]


def publish_batches(engine: Engine, publisher: OutboxPublisher) -> Iterator[list[OutboxRow]]:
    """Publish until the outbox is empty. A short batch is the last: whoever commits meanwhile wakes the sender."""
    while rows := publish_batch(engine, publisher):
        yield rows
        if len(rows) < BATCH_ROWS:
            return
