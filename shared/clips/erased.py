"""The table of clips that were deleted for good: what is still to be done about each.

The row is written in the transaction that deletes the clip. It outlives a killed process and a store that is away: the
clip's objects are deleted later, and are never found again as audio that no row knows.
"""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from shared.db.columns import UtcDateTime
from shared.libraries import HOME


class Erased(SQLModel, table=True):
    """A clip that is gone. The row goes when browsers were told and its objects are deleted."""

    __tablename__: ClassVar[str] = "erased"

    clip_id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(default=HOME, max_length=64)
    keys: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The objects that are still to be deleted."""
    erased_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    announced_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When Redis got the event about it; None: not yet."""
