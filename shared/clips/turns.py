"""Whose turn it is in a lane: the libraries in turn, and within a library the clip that waits longest.

A message of a queue says that there is work, and the database says whose. docs/adr/0029-turns.md has the reasons.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, ColumnElement, Select, String, func, literal, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, and_, col

from shared.clips.lanes import IN_WORK, WAITING
from shared.clips.models import Clip
from shared.clips.renditions import Rendition
from shared.redis.jobs import RENDITION

EARLY = timedelta(seconds=1)
"""A delayed message may come so much earlier than its clip is due: its delay is counted by another clock."""


class Turn(SQLModel, table=True):
    """The last turn of a library in a lane. A row that is missing or stale costs one turn."""

    __tablename__: ClassVar[str] = "turn"

    lane: str = Field(max_length=64, primary_key=True)
    """The name of its queue."""
    library_id: str = Field(max_length=64, primary_key=True)
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Counts the turns of the lane: clocks of machines differ."""


def take_turn(session: Session, lane: str, library_id: str) -> None:
    """Note that a library has its turn now, in the transaction that claims its clip."""
    connection = session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    number = select(func.coalesce(func.max(Turn.number), 0) + 1).where(col(Turn.lane) == lane).scalar_subquery()
    insert = dialect.insert(Turn).values(lane=lane, library_id=library_id, number=number)
    connection.execute(insert.on_conflict_do_update(index_elements=["lane", "library_id"], set_={"number": number}))


def next_clip(session: Session, lane: str, named: uuid.UUID, now: datetime) -> uuid.UUID:
    """The clip whose turn it is: another one than the named one only if both wait, and either can be claimed."""
    chosen = _next_rendition(now) if lane == RENDITION else _next_in_lane(lane, now)
    id: uuid.UUID | None = session.connection().execute(chosen).scalar()
    if id is None or id == named:
        return named
    waits = _rendition_waits(now) if lane == RENDITION else _waits(lane, now)
    named_clip = select(col(Clip.id)).where(col(Clip.id) == named, *waits)
    if lane == RENDITION:
        named_clip = named_clip.join(Rendition, col(Rendition.clip_id) == col(Clip.id))
    return named if session.connection().execute(named_clip).first() is None else id


def postponed_for(session: Session, clip_id: uuid.UUID, now: datetime) -> timedelta:
    """How long a clip has still to wait after an attempt that failed. Zero: it is due, or waits for something else."""
    is_pending = (text("status = 'pending'"), col(Clip.deleted_at).is_(None), col(Clip.lease_until).is_(None))
    postponed = select(col(Clip.queued_at)).where(col(Clip.id) == clip_id, *is_pending, col(Clip.error).is_not(None))
    due: datetime | None = session.connection().execute(postponed).scalar()
    return timedelta(0) if due is None or due <= now + EARLY else due - now


def _waits(lane: str, now: datetime) -> tuple[Any, ...]:
    lease_until = col(Clip.lease_until)
    return text(WAITING[lane]), col(Clip.queued_at) <= now + EARLY, or_(lease_until.is_(None), lease_until <= now)


def _next_in_lane(lane: str, now: datetime) -> Select[Any]:
    """Select the id of the clip. Reads a few index entries for each library that waits, however many clips it has."""
    library_id, waits = col(Clip.library_id), _waits(lane, now)
    in_order = (col(Clip.queued_at), col(Clip.id))
    waiting = select(literal("", String).label("library_id")).cte("waiting", recursive=True)  # before all libraries
    following = select(library_id).where(*waits, library_id > waiting.c.library_id).order_by(library_id).limit(1)
    waiting = waiting.union_all(
        select(following.correlate(waiting).scalar_subquery()).where(waiting.c.library_id.is_not(None))
    )
    is_theirs = library_id == waiting.c.library_id
    oldest = select(col(Clip.queued_at)).where(*waits, is_theirs).order_by(*in_order).limit(1).correlate(waiting)
    in_work: ColumnElement[int] = literal(0)
    if lane in IN_WORK:
        has_lease = col(Clip.lease_until) > now
        in_work_now = select(func.count()).select_from(Clip).where(text(IN_WORK[lane]), has_lease, is_theirs)
        in_work = in_work_now.correlate(waiting).scalar_subquery()
    # Who has fewest workers, then who had a turn longest ago: hours of one library do not take all threads of a lane.
    chosen = (
        select(waiting.c.library_id)
        .select_from(waiting)
        .outerjoin(Turn, and_(col(Turn.lane) == lane, col(Turn.library_id) == waiting.c.library_id))
        .where(waiting.c.library_id != "")  # nor NULL, which ends the list
        .order_by(in_work, func.coalesce(Turn.number, 0), oldest.scalar_subquery())
        .limit(1)
        .scalar_subquery()
    )
    return select(col(Clip.id)).where(*waits, library_id == chosen).order_by(*in_order).limit(1)


def _rendition_waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    is_ready = and_(col(Clip.deleted_at).is_(None), col(Clip.prepared_at).is_not(None))
    return *Rendition.is_due(now + EARLY), is_ready


def _next_rendition(now: datetime) -> Select[Any]:
    """Select the id of the clip. Reads all renditions that are wanted: they are few beside the clips."""
    is_of_clip = col(Rendition.clip_id) == col(Clip.id)
    turn = and_(col(Turn.lane) == RENDITION, col(Turn.library_id) == col(Clip.library_id))
    return (
        select(col(Clip.id))
        .select_from(Rendition)
        .join(Clip, is_of_clip)
        .outerjoin(Turn, turn)
        .where(*_rendition_waits(now))
        .order_by(func.coalesce(Turn.number, 0), col(Rendition.wanted_at), col(Clip.id))
        .limit(1)
    )
