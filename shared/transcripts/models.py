"""The transcript table: every revision of a clip's text, by a recognizer or by a person."""

import enum
import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Text
from sqlalchemy.orm import defer
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import OpenEnum, ReadableJson, UtcDateTime


class Source(enum.StrEnum):
    """The author of a transcript."""

    MACHINE = "machine"
    PERSON = "person"


def readable_passages(stored: Any) -> list[dict[str, Any]] | None:
    """The passages and words of a row that have times and text: a newer release may have written others."""
    if not isinstance(stored, list):
        return None
    return [
        passage | {"words": [word for word in passage.get("words") or [] if _is_timed(word)]}
        for passage in stored
        if _is_timed(passage)
    ]


def _is_timed(part: Any) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("text"), str):
        return False
    return isinstance(part.get("start_ms"), int) and isinstance(part.get("end_ms"), int)


class Transcript(SQLModel, table=True):
    """One revision of a clip's text. Only a person's newest one changes, while its sitting lasts."""

    __tablename__: ClassVar[str] = "transcript"
    __table_args__ = (Index("transcript_clip", "clip_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    attempt: int | None = None
    source: Source | str = Field(sa_column=Column(OpenEnum(Source), nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    language: str | None = Field(default=None, max_length=16)
    recognizer: str | None = Field(default=None, max_length=255)
    passages: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(ReadableJson(readable_passages)))
    """`[{"start_ms": int, "end_ms": int, "text": str, "words": [{"start_ms", "end_ms", "text"}]}]`, or None. A passage
    may have a `language` of its own and a `speaker`."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    saved_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When its sitting saved it last. None: no sitting, so that it never changes. See `shared.transcripts.sittings`."""
    sitting: uuid.UUID | None = None
    """The id that a client gave its sitting. It tells two people apart; None: the client gave none."""

    @classmethod
    def newest_with_times(cls, clip_id: uuid.UUID) -> SelectOfScalar["Transcript"]:
        """The newest revision with the times of its passages."""
        return (
            select(cls)
            .where(col(cls.clip_id) == clip_id, col(cls.source) == Source.MACHINE)
            .order_by(col(cls.id).desc())
            .limit(1)
        )

    @classmethod
    def newest(cls, clip_id: uuid.UUID) -> SelectOfScalar["Transcript"]:
        """The newest revision, without its passages, which may be large."""
        newest = select(cls).where(col(cls.clip_id) == clip_id).order_by(col(cls.id).desc()).limit(1)
        return newest.options(defer(cls.passages))  # type: ignore[arg-type]  # a column, seen from the class
