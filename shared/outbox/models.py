"""The outbox table: events and jobs that Redis is still to receive."""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Integer, Text, Update
from sqlmodel import Field, SQLModel, col, func, select, update
from sqlmodel.sql.expression import Select, SelectOfScalar

from shared.clips.models import Clip
from shared.db.columns import UtcDateTime, partial_index

EVENT = "event"
"""Topic: send the clip to every browser. Any other topic is the name of a job or of a notice (`shared.redis.jobs`)."""


class OutboxRow(SQLModel, table=True):
    """An event or a job, written in the transaction that made it necessary. Deleted when Redis has it.

    A row that this release cannot read is a dead letter: it is set apart, and tried again from time to time, since the
    release that wrote it may come back.
    """

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (partial_index("dead_at IS NOT NULL", "outbox_dead", "dead_at"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    topic: str = Field(max_length=32)
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    dead_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When it became a dead letter; None: it is to be sent."""
    dead_reason: str | None = Field(default=None, sa_column=Column(Text))
    """Why it cannot be read, for whoever runs the server."""

    @classmethod
    def oldest(cls, limit: int) -> Select["OutboxRow", Clip]:
        """The rows to send next, in order, each beside its clip as it is now. Deleting a clip deletes its rows."""
        is_waiting = col(cls.dead_at).is_(None)
        rows = select(cls, Clip).join(Clip, col(Clip.id) == col(cls.clip_id)).where(is_waiting)
        return rows.order_by(col(cls.id)).limit(limit)

    @classmethod
    def oldest_keys(cls, limit: int) -> Select[int | None, uuid.UUID]:
        """The ids of these rows and of their clips, which can be read whatever else is in the rows."""
        return select(cls.id, cls.clip_id).where(col(cls.dead_at).is_(None)).order_by(col(cls.id)).limit(limit)

    @classmethod
    def set_apart(cls, id: int | None, clip_id: uuid.UUID, reason: str, now: datetime) -> Update:
        """Make a row a dead letter. By id and clip: SQLite reuses the id of a deleted row."""
        is_row = (col(cls.id) == id, col(cls.clip_id) == clip_id)
        return update(cls).where(*is_row).values(dead_at=now, dead_reason=reason)

    @classmethod
    def revive(cls, dead_before: datetime) -> Update:
        """Have the dead letters that are older tried again."""
        return update(cls).where(col(cls.dead_at) < dead_before).values(dead_at=None, dead_reason=None)

    @classmethod
    def count_dead(cls) -> SelectOfScalar[int]:
        return select(func.count()).select_from(cls).where(col(cls.dead_at).is_not(None))
