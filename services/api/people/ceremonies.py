"""Secrets of a few minutes that count once, kept as rows: whichever process made one, any other takes it."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, delete, select

from services.api.people.secrets import digest, new_code, new_secret
from shared.db.engine import execute_write
from shared.people.sign_ins import Attempt, Ceremony

MAX_ATTEMPT_AGE = timedelta(days=1)
"""Longer than any window in which tries are counted."""


def begin(
    session: Session, kind: str, data: dict[str, Any], lifetime: timedelta, now: datetime, *, is_code: bool = False
) -> str:
    """Keep `data` under a new secret, and return the secret."""
    secret = new_code() if is_code else new_secret()
    ceremony = Ceremony(id=uuid.uuid4(), kind=kind, secret_sha256=digest(secret), data=data, expires_at=now + lifetime)
    session.add(ceremony)
    return secret


def look(session: Session, kind: str, secret: str, now: datetime) -> dict[str, Any] | None:
    """What is kept under a secret, which goes on counting. None: it counts no more, or never did."""
    data = session.exec(select(Ceremony.data).where(*_counts(kind, secret, now))).first()
    return None if data is None else dict(data)


def take(session: Session, kind: str, secret: str, now: datetime) -> dict[str, Any] | None:
    """What is kept under a secret, which counts no more once this transaction is committed. Of two, one gets it."""
    chosen = delete(Ceremony).where(*_counts(kind, secret, now))
    row = session.connection().execute(chosen.returning(col(Ceremony.data))).first()
    return None if row is None else dict(row[0])


def _counts(kind: str, secret: str, now: datetime) -> tuple[Any, ...]:
    return col(Ceremony.secret_sha256) == digest(secret), col(Ceremony.kind) == kind, col(Ceremony.expires_at) > now


def remove_old(engine: Engine, now: datetime) -> int:
    """Delete the rows of ceremonies and tries that count no more. Return how many."""
    is_over, is_old = col(Ceremony.expires_at) <= now, col(Attempt.window_start) < now - MAX_ATTEMPT_AGE
    ceremonies = execute_write(engine, delete(Ceremony).where(is_over).returning(col(Ceremony.id)))
    return len(ceremonies) + len(execute_write(engine, delete(Attempt).where(is_old).returning(col(Attempt.key))))
