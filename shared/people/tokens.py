"""The table of tokens, by which programs come in."""

import enum
import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import UtcDateTime
from shared.people.models import MAX_NAME_CHARS


class Scope(enum.StrEnum):
    """What a token may do, at most: never more than its person."""

    READ = "read"
    """Every token reads."""
    WRITE = "write"
    """Records, uploads, changes."""
    DELETE = "delete"
    """Moves clips to the bin."""


class Token(SQLModel, table=True):
    """A secret of a person for a program: what it may do, and in which library."""

    __tablename__: ClassVar[str] = "token"

    id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    library_id: str | None = Field(
        default=None, foreign_key="library.id", ondelete="CASCADE", index=True, max_length=64
    )
    """None: all libraries of the person."""
    name: str = Field(max_length=MAX_NAME_CHARS)
    scopes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    secret_sha256: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """None: never."""
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    @property
    def known_scopes(self) -> frozenset[Scope]:
        """What it may do. A scope that a newer release has written gives nothing here."""
        return frozenset(scope for scope in Scope if scope.value in self.scopes)

    @classmethod
    def of_person(cls, person_id: uuid.UUID) -> SelectOfScalar["Token"]:
        """The tokens of a person that were not revoked, the newest first."""
        is_theirs = (col(cls.person_id) == person_id, col(cls.revoked_at).is_(None))
        return select(cls).where(*is_theirs).order_by(col(cls.created_at).desc(), col(cls.id))
