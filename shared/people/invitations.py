"""The table of invitations."""

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from shared.db.columns import OpenEnum, UtcDateTime
from shared.people.roles import Role


class Invitation(SQLModel, table=True):
    """A link by which somebody becomes a person of this server, and a member of a library."""

    __tablename__: ClassVar[str] = "invitation"

    id: uuid.UUID = Field(primary_key=True)
    secret_sha256: str = Field(max_length=64, unique=True)
    library_id: str | None = Field(
        default=None, foreign_key="library.id", ondelete="CASCADE", index=True, max_length=64
    )
    """None: to the server alone, where the invited person gets a library of their own."""
    role: Role | str = Field(sa_column=Column(OpenEnum(Role), nullable=False))
    uses_left: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_by: uuid.UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
