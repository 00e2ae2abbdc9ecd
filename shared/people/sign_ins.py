"""The tables of who is signed in, of ceremonies that have begun, and of tries that are counted."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.db.columns import UtcDateTime

MAX_DEVICE_CHARS = 100
"""Characters by which a person tells a device."""


class SignIn(SQLModel, table=True):
    """One browser in which a person is signed in: a session. Of the secret in its cookie only a hash is kept."""

    __tablename__: ClassVar[str] = "sign_in"
    __table_args__ = (Index("sign_in_expiry", "expires_at"),)

    id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    secret_sha256: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    device: str = Field(default="", max_length=MAX_DEVICE_CHARS)
    how: str = Field(max_length=16)
    """What opened it: `password`, `passkey`, `claim`, …"""

    def is_valid(self, now: datetime) -> bool:
        return self.ended_at is None and self.expires_at > now

    @classmethod
    def valid_of_person(cls, person_id: uuid.UUID, now: datetime) -> SelectOfScalar["SignIn"]:
        """The sessions of a person, the one used last first."""
        is_valid = (col(cls.ended_at).is_(None), col(cls.expires_at) > now)
        return (
            select(cls).where(col(cls.person_id) == person_id, *is_valid).order_by(col(cls.used_at).desc(), col(cls.id))
        )


class Ceremony(SQLModel, table=True):
    """A secret of a few minutes that counts once: a claim, a challenge for a passkey, a link for the next device."""

    __tablename__: ClassVar[str] = "ceremony"
    __table_args__ = (Index("ceremony_expiry", "expires_at"),)

    id: uuid.UUID = Field(primary_key=True)
    kind: str = Field(max_length=16)
    secret_sha256: str = Field(max_length=64, unique=True)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Attempt(SQLModel, table=True):
    """How often something was tried in a window of time. Rows, because several processes count together."""

    __tablename__: ClassVar[str] = "attempt"
    __table_args__ = (Index("attempt_age", "window_start"),)

    key: str = Field(primary_key=True, max_length=64)
    """A hash of what is counted: no row has an address, or a password that was typed for a name."""
    window_start: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    count: int = Field(sa_column=Column(BigInteger, nullable=False))
