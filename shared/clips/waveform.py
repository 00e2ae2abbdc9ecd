"""The waveform table: the outline of a clip's sound, for drawing."""

import uuid
from typing import ClassVar

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel


class Waveform(SQLModel, table=True):
    """The peaks of a clip's audio."""

    __tablename__: ClassVar[str] = "waveform"

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    peaks: list[int] = Field(sa_column=Column(JSON, nullable=False))
    """The loudest sample of each of equally long stretches of the whole clip, 0 to 255."""
