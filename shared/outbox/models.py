"""The outbox table: promises to Redis."""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import Select

from shared.clips.models import Clip
from shared.db.columns import UtcDateTime

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
