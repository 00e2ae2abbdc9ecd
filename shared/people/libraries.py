"""The tables of libraries and of their members."""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import OpenEnum, UtcDateTime
from shared.people.roles import Role

MAX_LIBRARY_NAME_CHARS = 100


class Library(SQLModel, table=True):
    """What clips belong to. `home` is there from the first day."""

    __tablename__: ClassVar[str] = "library"

    id: str = Field(primary_key=True, max_length=64)
    name: str = Field(max_length=MAX_LIBRARY_NAME_CHARS)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Member(SQLModel, table=True):
    """What a person may do in a library."""

    __tablename__: ClassVar[str] = "member"

    library_id: str = Field(foreign_key="library.id", ondelete="CASCADE", primary_key=True, max_length=64)
    person_id: uuid.UUID = Field(foreign_key="person.id", ondelete="CASCADE", primary_key=True, index=True)
    role: Role | str = Field(sa_column=Column(OpenEnum(Role), nullable=False))
    """A role that only a newer release knows gives no right here."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @classmethod
    def of_library(cls, library_id: str) -> SelectOfScalar["Member"]:
        """The members of a library, the first ones first."""
        return select(cls).where(col(cls.library_id) == library_id).order_by(col(cls.created_at), col(cls.person_id))

    @classmethod
    def of_person(cls, person_id: uuid.UUID) -> SelectOfScalar["Member"]:
        return select(cls).where(col(cls.person_id) == person_id).order_by(col(cls.created_at), col(cls.library_id))
