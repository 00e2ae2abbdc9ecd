"""The rendition table: a clip's sound in another form, made of the original, for devices that cannot play that."""

import enum
import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Delete, Text
from sqlmodel import Field, SQLModel, col, delete

from shared.db.columns import OpenEnum, UtcDateTime


class Form(enum.StrEnum):
    """A form in which every clip can be had. It is also the extension of the file."""

    M4A = "m4a"
    MP3 = "mp3"


MEDIA_TYPES = {Form.M4A: "audio/mp4;codecs=mp4a.40.2", Form.MP3: "audio/mpeg"}


class Rendition(SQLModel, table=True):
    """One form of a clip's sound: wanted, made, or failed. It can be made again at any time."""

    __tablename__: ClassVar[str] = "rendition"

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    form: Form | str = Field(sa_column=Column(OpenEnum(Form, 8), primary_key=True))
    key: str = Field(default="", max_length=255)
    """The object. Empty: it is not made yet."""
    bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(default="", max_length=64)
    source_key: str = Field(default="", max_length=255)
    """The clip's `audio_key` of which it was made. Another one there: the clip's sound has changed since."""
    tries: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    error: str | None = Field(default=None, sa_column=Column(Text))
    """A sentence: why it cannot be made."""
    wanted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When its job was sent last."""
    made_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    @classmethod
    def delete_of_clip(cls, clip_id: uuid.UUID) -> Delete:
        """Delete the rows of a clip's renditions; the comparison of the store deletes their objects."""
        return delete(cls).where(col(cls.clip_id) == clip_id)
