"""Publish the outbox to Redis: lock, send in order, stop at the first failure, delete what was sent.

A failure is Redis' or the database's. A row that cannot be read costs itself only: it is set apart as a dead letter.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dramatiq
import redis
import structlog
from prometheus_client import Counter
from sqlalchemy import Engine, text, tuple_
from sqlmodel import Session, col, delete

from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.clips.schemas import PublicClip
from shared.outbox.models import EVENT, OutboxRow
from shared.redis import jobs, streams

log = structlog.get_logger(__name__)

BATCH_ROWS = 200
"""Rows sent under one lock: some 20 ms of work, so that the relay of another machine does not wait for long."""

LOCK_TIMEOUT = "2s"
"""How long a relay waits for another machine's. A relay that waits for Redis frees the lock at its socket timeout."""

MAX_REASON_CHARS = 500
"""Characters of the reason that a dead letter is kept with: an error may quote a whole row."""

_LOCK_ID = 0x0D1C7A  # any number, the same on every machine

UNREADABLE = (LookupError, TypeError, ValueError)
"""What reading a row raises if its columns hold what this release cannot convert."""

DEAD_LETTERS = Counter(
    "dictaphone_outbox_dead_letters_total", "Outbox rows that could not be read and were set apart", ["reason"]
)


@dataclass(frozen=True)
class DeadLetter:
    """A row that this release cannot read, and why. `kind` is one of a few words, for the metric."""

    id: int | None
    clip_id: uuid.UUID
    kind: str
    reason: str

    @classmethod
    def of(cls, id: int | None, clip_id: uuid.UUID, error: Exception) -> "DeadLetter":
        kind = type(error).__name__
        return cls(id, clip_id, kind, f"the clip cannot be read: {kind}: {error}"[:MAX_REASON_CHARS])


@dataclass
class Delivery:
    """What became of some rows: those that Redis has, those that cannot be read, and the error that stopped us."""

    sent: list[OutboxRow] = field(default_factory=list)
    announced: list[uuid.UUID] = field(default_factory=list)
    """Clips that are gone, and whose event Redis has."""
    dead: list[DeadLetter] = field(default_factory=list)
    error: Exception | None = None


class OutboxPublisher:
    """The connection to Redis: events go to their streams, jobs to their queues."""

    def __init__(self, redis_url: str, timeout_s: float = 5) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=3, decode_responses=True
        )
        self._broker = jobs.JobBroker(redis_url, timeout_s=timeout_s)
        self.cursors: dict[str, str] = {}
        """Library → the newest stream id that this process knows. Too old is harmless; newer than the rows is not."""
        self.dead_letters = 0
        """Rows that this process has set apart."""

    def refresh_cursor(self, library_id: str) -> None:
        """Read the id of the newest event, which another process may have sent. Raises `redis.RedisError`."""
        newest = streams.newest_id(self._redis, library_id)
        if newest is None:
            self.cursors.pop(library_id, None)
        else:
            self.cursors[library_id] = newest

    def send(self, rows: Sequence[tuple[OutboxRow, Clip]], erased: Sequence[Erased] = ()) -> Delivery:
        """Send the events, then the jobs, each in order. `erased` are clips that are gone.

        An error of Redis does not raise, because the rows that were sent before it are to be deleted.
        """
        delivery = Delivery()
        try:
            self._send_events([(row, clip) for row, clip in rows if row.topic == EVENT], erased, delivery)
            for row, clip in rows:
                if row.topic == jobs.CAPTION:
                    self._broker.notify_workers(jobs.CAPTION)
                    delivery.sent.append(row)
                elif row.topic in jobs.JOBS:
                    queue = jobs.queue_for(row.topic, clip.sound_ms)
                    self._broker.enqueue(jobs.job_message(row.topic, clip.id, queue))
                    delivery.sent.append(row)
                elif row.topic != EVENT:
                    reason = f"the topic {row.topic!r} is unknown to this release"
                    delivery.dead.append(DeadLetter(row.id, row.clip_id, "unknown topic", reason))
        except (redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
            delivery.error = error
        return delivery

    def _send_events(
        self, rows: Sequence[tuple[OutboxRow, Clip]], erased: Sequence[Erased], delivery: Delivery
    ) -> None:
        """Send one event for each clip: all rows of one clip carry its present state."""
        library_ids: dict[uuid.UUID, str] = {}
        readable = []
        with self._redis.pipeline(transaction=False) as pipeline:
            for each in erased:
                streams.append_event(pipeline, each.library_id, each.event())
            for row, clip in rows:
                try:
                    if clip.id not in library_ids:
                        streams.append_event(pipeline, clip.library_id, PublicClip.model_validate(clip).event())
                        library_ids[clip.id] = clip.library_id
                    readable.append(row)
                except UNREADABLE as error:
                    delivery.dead.append(DeadLetter.of(row.id, row.clip_id, error))
            stream_ids = pipeline.execute()
        libraries = [*(each.library_id for each in erased), *library_ids.values()]
        self.cursors.update(zip(libraries, stream_ids, strict=True))
        delivery.sent += readable
        delivery.announced += [each.clip_id for each in erased]

    def send_hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        """Send a payload that only the browsers need that are connected now. Raises `redis.RedisError`."""
        streams.append_hint(self._redis, library_id, payload)

    def count_waiting_jobs(self, queues: Sequence[str] = jobs.QUEUES) -> int:
        """Count the messages in these queues that no worker has taken yet. Raises `redis.RedisError`."""
        return jobs.count_waiting(self._broker, queues)

    def close(self) -> None:
        self._redis.close()
        self._broker.close()


def publish_batch(engine: Engine, publisher: OutboxPublisher) -> list[OutboxRow]:
    """Send one batch and return the rows that Redis has now.

    May run on any number of machines at once. Raises the error that stopped it, after deleting the rows sent before:
    rows that Redis has and that could not be deleted are sent again, which every receiver must bear.
    """
    return _publish_batch(engine, publisher)[0]


def publish_batches(engine: Engine, publisher: OutboxPublisher) -> Iterator[list[OutboxRow]]:
    """Publish until the outbox is empty. A short batch is the last: whoever commits meanwhile wakes the sender."""
    is_last = False
    while not is_last:
        sent, is_last = _publish_batch(engine, publisher)
        if sent:
            yield sent


def _publish_batch(engine: Engine, publisher: OutboxPublisher) -> tuple[list[OutboxRow], bool]:
    """Send one batch. Return the rows that Redis has now, and whether the batch was the last."""
    with Session(engine, expire_on_commit=False) as session:
        if engine.dialect.name == "postgresql":
            session.connection().execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            session.connection().execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_ID})"))
        # Read and sent first: a clip of the same id that is in the rows, too, has come back since.
        erased = session.exec(Erased.unannounced(BATCH_ROWS)).all()
        rows, unreadable = _read_oldest(session)
        if engine.dialect.name == "sqlite":
            # SQLite has one lock, and nobody may wait behind it for Redis. Its two senders are on one machine, and may
            # both send a row.
            session.commit()
        delivery = publisher.send(rows, erased)
        if delivery.sent:
            # By id and time: SQLite reuses an id that the other sender has deleted, for a row that is not sent yet.
            key = tuple_(col(OutboxRow.id), col(OutboxRow.created_at))
            session.exec(delete(OutboxRow).where(key.in_([(row.id, row.created_at) for row in delivery.sent])))
        if delivery.announced:
            session.exec(Erased.announce(delivery.announced, datetime.now(UTC)))
        _set_apart(session, [*unreadable, *delivery.dead])
        session.commit()
    publisher.dead_letters += len(unreadable) + len(delivery.dead)
    if delivery.error is not None:
        raise delivery.error
    return delivery.sent, max(len(rows) + len(unreadable), len(erased)) < BATCH_ROWS


def _read_oldest(session: Session) -> tuple[list[tuple[OutboxRow, Clip]], list[DeadLetter]]:
    """Read a batch of rows with their clips, and name the rows that cannot be read."""
    try:
        return [(row, clip) for row, clip in session.exec(OutboxRow.oldest(BATCH_ROWS))], []
    except UNREADABLE:
        # Nobody knows which row it is. The others must not wait for it, so each is read by itself.
        session.expunge_all()
    rows: list[tuple[OutboxRow, Clip]] = []
    unreadable = []
    for id, clip_id in session.exec(OutboxRow.oldest_keys(BATCH_ROWS)).all():
        try:
            rows += session.exec(OutboxRow.oldest(1).where(col(OutboxRow.id) == id)).all()
        except UNREADABLE as error:
            unreadable.append(DeadLetter.of(id, clip_id, error))
    return rows, unreadable


def _set_apart(session: Session, letters: Sequence[DeadLetter]) -> None:
    now = datetime.now(UTC)
    for letter in letters:
        session.exec(OutboxRow.set_apart(letter.id, letter.clip_id, letter.reason, now))
        DEAD_LETTERS.labels(letter.kind).inc()
        log.warning(
            "an outbox row cannot be read and was set apart; an update may be able to read it",
            row=letter.id,
            clip_id=str(letter.clip_id),
            reason=letter.reason,
        )
