"""The tables of people and of their passkeys."""

import unicodedata
import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ColumnElement, LargeBinary, Text
from sqlmodel import Field, SQLModel, and_, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import UtcDateTime

MAX_NAME_CHARS = 100
"""Characters of a person's name."""

MAX_EMAIL_CHARS = 254
"""Characters of an address (RFC 5321, with its erratum 1690)."""

MAX_CREDENTIAL_BYTES = 1023
"""Bytes of a passkey's id (Web Authentication Level 3, section 4)."""


def name_key(name: str) -> str:
    """What two spellings of one name have in common: a person signs in with either."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Person(SQLModel, table=True):
    """Somebody who may sign in. A removed person stays for some time, with no way in."""

    __tablename__: ClassVar[str] = "person"

    id: uuid.UUID = Field(primary_key=True)
    name: str = Field(max_length=MAX_NAME_CHARS)
    name_key: str | None = Field(default=None, max_length=3 * MAX_NAME_CHARS, unique=True)
    """`name_key` of the name, which nobody else may have. None: removed, and the name is free."""
    email: str | None = Field(default=None, max_length=MAX_EMAIL_CHARS, unique=True)
    """In lower case. None: not known."""
    password_hash: str | None = Field(default=None, sa_column=Column(Text))
    """Argon2's own text, with its parameters. None: this person has no password."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    blocked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    removed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    @property
    def may_come_in(self) -> bool:
        return self.blocked_at is None and self.removed_at is None

    @classmethod
    def of(cls, name: str, now: datetime) -> "Person":
        """A new person."""
        return cls(id=uuid.uuid4(), name=name, name_key=name_key(name), created_at=now)

    def rename(self, name: str) -> None:
        self.name, self.name_key = name, name_key(name)

    @classmethod
    def is_here(cls) -> ColumnElement[bool]:
        """The condition on a person who may come in."""
        return and_(col(cls.blocked_at).is_(None), col(cls.removed_at).is_(None))

    @classmethod
    def named(cls, name: str) -> SelectOfScalar["Person"]:
        """The person with this name, in any spelling."""
        return select(cls).where(col(cls.name_key) == name_key(name))


class Passkey(SQLModel, table=True):
    """A passkey of a person, for one name of the server."""

    __tablename__: ClassVar[str] = "passkey"

    id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    credential_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """As a COSE key (RFC 9052), in CBOR."""
    sign_count: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """How often the device says that it has signed; 0: it does not count."""
    rp_id: str = Field(max_length=255)
    """The name of the server that it is for. At another name it opens nothing."""
    name: str = Field(max_length=MAX_NAME_CHARS)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    @classmethod
    def of_person(cls, person_id: uuid.UUID) -> SelectOfScalar["Passkey"]:
        return select(cls).where(col(cls.person_id) == person_id).order_by(col(cls.created_at), col(cls.id))

    @classmethod
    def by_credential(cls, credential_id: bytes) -> SelectOfScalar["Passkey"]:
        return select(cls).where(col(cls.credential_id) == credential_id)
