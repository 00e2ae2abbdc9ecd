"""The table of maintenance tasks, which keeps several machines from running the same one at once."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from shared.db.columns import UtcDateTime


class MaintenanceRun(SQLModel, table=True):
    """When a maintenance task ran last, on whichever machine."""

    __tablename__: ClassVar[str] = "chore"

    name: str = Field(primary_key=True, max_length=32)
    done_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
