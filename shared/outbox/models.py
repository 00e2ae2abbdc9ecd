"""The outbox table: events and jobs that Redis is still to receive."""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import Select

from shared.clips.models import Clip
from shared.db.columns import UtcDateTime

EVENT = "event"
"""Topic: send the clip to every browser. Any other topic is the name of a job or of a notice (`shared.redis.jobs`)."""


class OutboxRow(SQLModel, table=True):
    """An event or a job, written in the transaction that made it necessary. Deleted when Redis has it."""

    __tablename__: ClassVar[str] = "outbox"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    topic: str = Field(max_length=32)
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @classmethod
    def oldest(cls, limit: int) -> Select["OutboxRow", Clip]:
        """The rows to send next, in order, each beside its clip as it is now. Deleting a clip deletes its rows."""
        return select(cls, Clip).join(Clip, col(Clip.id) == col(cls.clip_id)).order_by(col(cls.id)).limit(limit)
