"""Promises to Redis, and how they are kept: lock, send in order, stop at the first failure, delete what was sent."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, insert, inspect, text, tuple_
from sqlmodel import Session, col, delete

from shared.clips.models import Clip
from shared.outbox.models import EVENT, OutboxRow
from shared.outbox.publisher import OutboxPublisher
from shared.search import index

BATCH = 200
"""Rows sent under one lock: some 20 ms of work, so that another machine's relay is not kept waiting."""

LOCK_WAIT = "2s"
"""How long a relay waits for another machine's; a relay that is stuck on Redis lets go after its socket timeout."""

_LOCK = 0x0D1C7A  # any number, the same on every machine


def record(session: Session, clip: Clip, *jobs: str, now: datetime) -> None:
    """Store a clip as it is now, and promise its event and these jobs, in the session's transaction."""
    if inspect(clip).transient:
        # A plain INSERT: the unit of work costs three times as much, and this is the hottest path that we have.
        session.connection().execute(insert(Clip), clip.model_dump())
        index.index_clip(session.connection(), clip)
    else:
        session.flush()
    promised = [{"topic": topic, "clip_id": clip.id, "created_at": now} for topic in (EVENT, *jobs)]
    # RETURNING makes one statement of all rows; without it each is a round trip of its own.
    session.connection().execute(insert(OutboxRow).returning(col(OutboxRow.id)), promised)


def flush(engine: Engine, publisher: OutboxPublisher) -> list[OutboxRow]:
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
        sent, failure = publisher.send(rows)
        if sent:
            # SQLite gives an id that its other sender deleted to the next row, which is a promise not yet kept.
            told = tuple_(col(OutboxRow.id), col(OutboxRow.created_at))
            session.exec(delete(OutboxRow).where(told.in_([(row.id, row.created_at) for row in sent])))
        session.commit()
    if failure is not None:
        raise failure
    return [row for row, _ in rows]


def batches(engine: Engine, publisher: OutboxPublisher) -> Iterator[list[OutboxRow]]:
    """Flush until nothing waits. A batch that is not full is the last: whoever commits meanwhile wakes the sender."""
    while rows := flush(engine, publisher):
        yield rows
        if len(rows) < BATCH:
            return
