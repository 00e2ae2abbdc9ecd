"""Promises to Redis, and how they are kept: lock, send in order, stop at the first failure, delete what was sent."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import dramatiq
import redis
from sqlalchemy import BigInteger, Column, Engine, Integer, insert, inspect, text, tuple_
from sqlmodel import Field, Session, SQLModel, col, delete, select
from sqlmodel.sql.expression import Select

from shared.clips.models import Clip
from shared.clips.schemas import PublicClip
from shared.db.columns import UtcDateTime
from shared.redis import jobs, streams
from shared.search import index

BATCH = 200
"""Rows sent under one lock: some 20 ms of work, so that another machine's relay is not kept waiting."""

LOCK_WAIT = "2s"
"""How long a relay waits for another machine's; a relay that is stuck on Redis lets go after its socket timeout."""

_LOCK = 0x0D1C7A  # any number, the same on every machine


EVENT = "event"
"""The topic of a row that says: tell every browser. Any other topic is the name of a job, or of a notice."""


class OutboxRow(SQLModel, table=True):
    """A promise made in the transaction that made it necessary, and deleted when Redis has it."""

    __tablename__: ClassVar[str] = "outbox"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    topic: str = Field(max_length=32)
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @classmethod
    def oldest(cls, limit: int) -> Select["OutboxRow", Clip]:
        """What is to be sent next, in order, beside the clip as it is now. A clip that is gone takes its rows along."""
        return select(cls, Clip).join(Clip, col(Clip.id) == col(cls.clip_id)).order_by(col(cls.id)).limit(limit)


class Outlet:
    """The way out to Redis: events to their streams, jobs to their queues."""

    def __init__(self, redis_url: str, timeout_s: float = 5) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=3, decode_responses=True
        )
        self._broker = jobs.Broker(redis_url, timeout_s=timeout_s)
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
                    streams.append(pipeline, clip.library_id, PublicClip.model_validate(clip).event())
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
        streams.hint(self._redis, library_id, payload)

    def waiting_jobs(self) -> int:
        """Messages that no worker has taken yet. Raises `redis.RedisError`."""
        return jobs.waiting(self._broker)

    def close(self) -> None:
        self._redis.close()
        self._broker.close()


def record(session: Session, clip: Clip, *jobs: str, now: datetime) -> None:
    """Store a clip as it is now, and promise its event and these jobs, in the session's transaction."""
    if inspect(clip).transient:
        # A plain INSERT: the unit of work costs three times as much, and this is the hottest path that we have.
        session.connection().execute(insert(Clip), clip.model_dump())
        index.keep(session.connection(), clip)
    else:
        session.flush()
    promised = [{"topic": topic, "clip_id": clip.id, "created_at": now} for topic in (EVENT, *jobs)]
    # RETURNING makes one statement of all rows; without it each is a round trip of its own.
    session.connection().execute(insert(OutboxRow).returning(col(OutboxRow.id)), promised)


def flush(engine: Engine, outlet: Outlet) -> list[OutboxRow]:
    """Send one batch and return its rows; an empty list means that nothing waits.

    May run on any number of machines at once. Raises what stopped it, after deleting what was sent before: rows that
    Redis took and that could not be deleted are sent again, which every receiver bears.
    """
    with Session(engine, expire_on_commit=False) as session:
        if engine.dialect.name == "postgresql":
            session.connection().execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
            session.connection().execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        rows = [(row, clip) for row, clip in session.exec(OutboxRow.oldest(BATCH))]
        if engine.dialect.name == "sqlite":
            # Nobody may wait for Redis behind SQLite's one lock. Its two senders are on one machine, and may both send.
            session.commit()
        sent, failure = outlet.send(rows)
        if sent:
            # SQLite gives an id that its other sender deleted to the next row, which is a promise not yet kept.
            told = tuple_(col(OutboxRow.id), col(OutboxRow.created_at))
            session.exec(delete(OutboxRow).where(told.in_([(row.id, row.created_at) for row in sent])))
        session.commit()
    if failure is not None:
        raise failure
    return [row for row, _ in rows]


def batches(engine: Engine, outlet: Outlet) -> Iterator[list[OutboxRow]]:
    """Flush until nothing waits. A batch that is not full is the last: whoever commits meanwhile wakes the sender."""
    while rows := flush(engine, outlet):
        yield rows
        if len(rows) < BATCH:
            return
