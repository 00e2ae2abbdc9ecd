"""The table of clips that were deleted for good: what is still to be done about each.

The row is written in the transaction that deletes the clip. It outlives a killed process and a store that is away: the
clip's objects are deleted later, and are never found again as audio that no row knows.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Update
from sqlmodel import Field, SQLModel, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import UtcDateTime


class Erased(SQLModel, table=True):
    """A clip that is gone. The row goes when browsers were told and its objects are deleted."""

    __tablename__: ClassVar[str] = "erased"

    clip_id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(max_length=64)
    keys: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The objects that are still to be deleted."""
    erased_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    announced_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When Redis got the event about it; None: not yet."""

    def event(self) -> dict[str, Any]:
        """The event that makes pages let go of the clip. A page of an older release passes over it."""
        return {"type": "gone", "clip": {"id": str(self.clip_id)}}

    @classmethod
    def unannounced(cls, limit: int) -> SelectOfScalar["Erased"]:
        """Clips whose event Redis has not got."""
        return select(cls).where(col(cls.announced_at).is_(None)).order_by(col(cls.erased_at)).limit(limit)

    @classmethod
    def announce(cls, clip_ids: Collection[uuid.UUID], now: datetime) -> Update:
        return update(cls).where(col(cls.clip_id).in_(clip_ids)).values(announced_at=now)
