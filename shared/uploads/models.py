"""The tables of uploads and of the pieces in which they arrive."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ColumnElement, Delete, Index, Text
from sqlmodel import Field, SQLModel, and_, col, delete, func, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from shared.db.columns import UtcDateTime
from shared.storage.keys import file_key, recording_key
from shared.uploads import metadata
from shared.uploads.metadata import parse_metadata

MAX_SEGMENTS = 10_000
"""Segments of one recording: a day of one interruption every ten seconds."""

MAX_TRACK = 999
"""Highest number of a track: no program writes nearly so many."""

FILE_LIFETIME = timedelta(days=7)
"""How long a file may take to arrive. A recording never expires: it is finished with the bytes that it has."""


class Upload(SQLModel, table=True):
    """One tus upload: a segment of a recording, or a whole file. Its offset is the end of its last piece."""

    __tablename__: ClassVar[str] = "upload"
    __table_args__ = (
        # A repeated creation finds the first one. The index also lists the segments of a clip in order.
        Index("upload_segment", "clip_id", "segment", unique=True),
        Index("upload_age", "created_at"),
    )

    id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(max_length=64)
    clip_id: uuid.UUID
    """Not a foreign key: the clip of a file is made when its last byte arrives."""
    segment: int = 0
    is_recording: bool
    """A recording is open until its recorder finishes it; a file is finished by its last byte."""
    name: str = Field(max_length=255)
    mime: str = Field(max_length=255)
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    length: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Bytes in total; None until the client says (tus: deferred length)."""
    tags: str = Field(default="", sa_column=Column(Text, nullable=False))
    """The `Upload-Metadata` header of the creation, unchanged: tus requires it in answers to HEAD."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When it was aborted or expired. The row stays, so that its client is told 410, not 404."""

    @property
    def is_dated(self) -> bool:
        """Whether `recorded_at` is what a recorder or a person said, and not only the date of a file."""
        return self.is_recording or "recorded_at" in parse_metadata(self.tags)

    @property
    def track(self) -> int | None:
        """The track that is to be heard, from 1, if the client named one."""
        track = parse_metadata(self.tags).get("track")
        return int(track) if track else None

    @property
    def language(self) -> str | None:
        """The language that is spoken, if the client said one that is known."""
        return metadata.language(parse_metadata(self.tags))

    @property
    def name_origin(self) -> str | None:
        """Who gave the name, as the client says it."""
        return metadata.name_origin(parse_metadata(self.tags))

    def new_key(self, start: int, end: int, length: int | None) -> str:
        """A new key for an object with a range of the upload's bytes; `length` is the upload's, if it is known."""
        if self.is_recording:
            return recording_key(self.library_id, self.clip_id, self.segment, start, end)
        return file_key(self.library_id, self.clip_id, start, end, length)

    def is_expired(self, now: datetime) -> bool:
        """Whether a file took too long to arrive, or was aborted. Ask only about a file that is incomplete."""
        return not self.is_recording and (self.ended_at is not None or self.created_at + FILE_LIFETIME < now)

    @classmethod
    def expired(cls, now: datetime, *, limit: int) -> SelectOfScalar["Upload"]:
        """Files that did not arrive completely in time."""
        received = select(func.max(Piece.end)).where(col(Piece.upload_id) == col(cls.id)).scalar_subquery()
        return (
            select(cls)
            .where(
                col(cls.created_at) < now - FILE_LIFETIME,
                col(cls.is_recording).is_(False),
                col(cls.ended_at).is_(None),
                or_(col(cls.length).is_(None), received.is_(None), received != col(cls.length)),
            )
            .limit(limit)
        )

    @classmethod
    def of_clip(cls, library_id: str, clip_id: uuid.UUID) -> SelectOfScalar["Upload"]:
        """The segments of a clip, in order. Another library may have uploads with the same clip id."""
        return select(cls).where(*cls.is_of_clip(library_id, clip_id)).order_by(col(cls.segment))

    @classmethod
    def delete_of_clip(cls, library_id: str, clip_id: uuid.UUID) -> Delete:
        """Delete the rows of a clip's uploads, and so those of their pieces."""
        return delete(cls).where(*cls.is_of_clip(library_id, clip_id))

    @classmethod
    def is_of_clip(cls, library_id: str, clip_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
        """The conditions on an upload of a clip of this library."""
        return col(cls.clip_id) == clip_id, col(cls.library_id) == library_id


class Piece(SQLModel, table=True):
    """A range of an upload's bytes, stored as one object. The object is written once, before this row.

    The pieces of an upload lie end to end. The primary key allows only one piece to begin at an offset.
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
    def of_clip(cls, library_id: str, clip_id: uuid.UUID) -> Select[Upload, "Piece"]:
        """All pieces of a clip in the order of the recording, each beside its upload."""
        return (
            select(Upload, cls)
            .join(cls, col(cls.upload_id) == col(Upload.id))
            .where(*Upload.is_of_clip(library_id, clip_id))
            .order_by(col(Upload.segment), col(cls.start))
        )

    @classmethod
    def of_segment(cls, library_id: str, clip_id: uuid.UUID, segment: int) -> Select[Upload, "Piece"]:
        """The pieces of one segment of a clip, in order, each beside its upload."""
        return cls.of_clip(library_id, clip_id).where(col(Upload.segment) == segment)

    @classmethod
    def after(cls, library_id: str, clip_id: uuid.UUID, segment: int, offset: int) -> Select[Upload, "Piece"]:
        """The pieces of a clip with bytes behind this offset of this segment, in order, each beside its upload."""
        later = and_(col(Upload.segment) == segment, col(cls.end) > offset)
        return cls.of_clip(library_id, clip_id).where(or_(col(Upload.segment) > segment, later))

    @classmethod
    def delete_of_upload(cls, upload_id: uuid.UUID) -> Delete:
        """Delete the rows of all pieces. A maintenance task deletes their objects later."""
        return delete(cls).where(col(cls.upload_id) == upload_id)

    @classmethod
    def offset(cls, upload_id: uuid.UUID) -> SelectOfScalar[int]:
        """The number of bytes of an upload that have arrived."""
        return select(func.coalesce(func.max(cls.end), 0)).where(col(cls.upload_id) == upload_id)
