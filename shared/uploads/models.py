"""What arrives in pieces: an upload for each segment of a recording or for a file, and what was found in the sound."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import JSON, BigInteger, Column, Delete, Index, Text
from sqlmodel import Field, SQLModel, and_, col, delete, func, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from shared.db.columns import UtcDateTime
from shared.libraries import HOME

MAX_SEGMENTS = 10_000
"""Segments of one recording: a day of one interruption every ten seconds."""

FILE_LIFETIME = timedelta(days=7)
"""How long a file may take to arrive. A recording never expires: it is finished with what has arrived."""


class Upload(SQLModel, table=True):
    """One tus upload: a segment of a recording, or a whole file. How far it is stands in its pieces."""

    __tablename__: ClassVar[str] = "upload"
    __table_args__ = (
        # The second of two creations finds the first; the same walk lists a clip's segments in order.
        Index("upload_segment", "clip_id", "segment", unique=True),
        Index("upload_age", "created_at"),
    )

    id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(default=HOME, max_length=64)
    clip_id: uuid.UUID
    """No foreign key: a file becomes a clip with its last byte."""
    segment: int = 0
    is_recording: bool
    """A recording stays open until it is finished; a file is finished by its last byte."""
    name: str = Field(max_length=255)
    mime: str = Field(max_length=255)
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    length: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Bytes in all; None as long as the client has not said (tus: deferred)."""
    tags: str = Field(default="", sa_column=Column(Text, nullable=False))
    """The `Upload-Metadata` header of its creation, word for word: tus wants it back."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When it was aborted or expired: what is gone is told apart from what never was."""

    def is_expired(self, now: datetime) -> bool:
        """Whether a file that has not arrived whole is not waited for any more."""
        return not self.is_recording and (self.ended_at is not None or self.created_at + FILE_LIFETIME < now)

    @classmethod
    def expired(cls, now: datetime, *, limit: int) -> SelectOfScalar["Upload"]:
        """Files that have not arrived whole in time."""
        arrived = select(func.max(Piece.end)).where(col(Piece.upload_id) == col(cls.id)).scalar_subquery()
        return (
            select(cls)
            .where(
                col(cls.created_at) < now - FILE_LIFETIME,
                col(cls.is_recording).is_(False),
                col(cls.ended_at).is_(None),
                or_(col(cls.length).is_(None), arrived.is_(None), arrived != col(cls.length)),
            )
            .limit(limit)
        )

    @classmethod
    def of_clip(cls, clip_id: uuid.UUID) -> SelectOfScalar["Upload"]:
        """The segments of a clip, in order."""
        return select(cls).where(col(cls.clip_id) == clip_id).order_by(col(cls.segment))


class Piece(SQLModel, table=True):
    """Some bytes of an upload, an object of their own: written once, before their row.

    The pieces of an upload lie end to end: each begins where another ends, and only one can begin there.
    """

    __tablename__: ClassVar[str] = "piece"

    upload_id: uuid.UUID = Field(foreign_key="upload.id", ondelete="CASCADE", primary_key=True)
    start: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    end: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: str = Field(max_length=255)
    sha256: str = Field(max_length=64)

    @classmethod
    def of_upload(cls, upload_id: uuid.UUID) -> SelectOfScalar["Piece"]:
        """The pieces of an upload, in order."""
        return select(cls).where(col(cls.upload_id) == upload_id).order_by(col(cls.start))

    @classmethod
    def of_clip(cls, clip_id: uuid.UUID) -> Select[Upload, "Piece"]:
        """Every piece of a clip beside its upload, in the order in which they were spoken."""
        return (
            select(Upload, cls)
            .join(cls, col(cls.upload_id) == col(Upload.id))
            .where(col(Upload.clip_id) == clip_id)
            .order_by(col(Upload.segment), col(cls.start))
        )

    @classmethod
    def of_segment(cls, clip_id: uuid.UUID, segment: int) -> Select[Upload, "Piece"]:
        """The pieces of one segment of a clip, in order, each beside its upload."""
        return cls.of_clip(clip_id).where(col(Upload.segment) == segment)

    @classmethod
    def after(cls, clip_id: uuid.UUID, segment: int, offset: int) -> Select[Upload, "Piece"]:
        """The pieces of a clip that have something behind this place of this segment, in order."""
        later = and_(col(Upload.segment) == segment, col(cls.end) > offset)
        return cls.of_clip(clip_id).where(or_(col(Upload.segment) > segment, later))

    @classmethod
    def delete_of_upload(cls, upload_id: uuid.UUID) -> Delete:
        """Take all pieces out; their objects are left to the sweep."""
        return delete(cls).where(col(cls.upload_id) == upload_id)

    @classmethod
    def offset(cls, upload_id: uuid.UUID) -> SelectOfScalar[int]:
        """How many bytes of an upload have arrived."""
        return select(func.coalesce(func.max(cls.end), 0)).where(col(cls.upload_id) == upload_id)


class Waveform(SQLModel, table=True):
    """The outline of a clip's sound, for drawing."""

    __tablename__: ClassVar[str] = "waveform"

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    peaks: list[int] = Field(sa_column=Column(JSON, nullable=False))
    """Loudest sample of each of equally long stretches of the whole clip, 0 to 255."""


class MaintenanceRun(SQLModel, table=True):
    """When a sweep that any machine may do was done last."""

    __tablename__: ClassVar[str] = "chore"

    name: str = Field(primary_key=True, max_length=32)
    done_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
