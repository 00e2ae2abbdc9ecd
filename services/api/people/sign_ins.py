"""Sessions: who is signed in, found by the secret of their cookie."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from anyio import to_thread
from sqlalchemy import Engine
from sqlmodel import Session, col, delete, select, update

from services.api.people.secrets import MAX_SECRET_CHARS, digest, new_secret
from shared.db.engine import execute_write, read_session
from shared.people.libraries import Member
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.sign_ins import MAX_DEVICE_CHARS, SignIn

LIFETIME = timedelta(days=90)
"""After the last use."""

CACHE_S = 15.0
"""Seconds for which a process believes what it has read: sending a recording asks the database once in a while."""

MAX_CACHED = 10_000
"""Sessions that a process knows, some 10 MB."""

SLIDE_AFTER = timedelta(hours=1)
"""Between two notes that a session is used."""

KEPT_AFTER_END = timedelta(days=90)
"""How long the row of a session outlives it: a browser that was known is not slowed by strangers' guesses."""


@dataclass(frozen=True)
class SignedIn:
    """A valid session, its person, and what they may do."""

    session_id: uuid.UUID
    person_id: uuid.UUID
    roles: Mapping[str, Role]
    """By library, in the order in which the person came to them."""

    @property
    def library(self) -> str:
        """The library that is meant where none is named: the first one of their own, or else the first."""
        own = [id for id, role in self.roles.items() if role is Role.OWNER]
        return next(iter([*own, *self.roles]), "")


class SignIns:
    """Finds sessions. Each process remembers for a few seconds what it has found."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._found: dict[str, tuple[float, SignedIn]] = {}
        self._have_people = False
        self._asked_at = -CACHE_S

    async def find(self, secret: str) -> SignedIn | None:
        """The session with this secret. None: it has ended, or there never was one."""
        if not secret or len(secret) > MAX_SECRET_CHARS:
            return None
        key = digest(secret)
        found_at, signed_in = self._found.get(key, (0.0, None))
        if signed_in is not None and self._clock() < found_at + CACHE_S:
            return signed_in
        return await to_thread.run_sync(self._read, key)

    async def have_people(self) -> bool:
        """Whether anybody exists on this server."""
        if not self._have_people and self._clock() >= self._asked_at + CACHE_S:
            asked_at = self._clock()
            self._have_people = await to_thread.run_sync(self._read_whether_people)
            self._asked_at = asked_at
        return self._have_people

    def forget(self) -> None:
        """Believe nothing any more that was read before: a session has ended here, or a role has changed."""
        self._found.clear()
        self._asked_at = -CACHE_S

    def _read_whether_people(self) -> bool:
        with read_session(self._engine) as session:
            return have_people(session)

    def _read(self, key: str) -> SignedIn | None:
        asked_at, now = self._clock(), datetime.now(UTC)
        statement = (
            select(SignIn, Member.library_id, Member.role)
            .join(Person, col(Person.id) == col(SignIn.person_id))
            .outerjoin(Member, col(Member.person_id) == col(SignIn.person_id))
            .where(col(SignIn.secret_sha256) == key, Person.is_here())
            .order_by(col(Member.created_at), col(Member.library_id))
        )
        with read_session(self._engine) as session:
            rows = session.exec(statement).all()
        self._found.pop(key, None)
        if not rows or not rows[0][0].is_valid(now):
            return None
        sign_in = rows[0][0]
        roles = {library_id: role for _, library_id, role in rows if isinstance(role, Role)}
        signed_in = SignedIn(sign_in.id, sign_in.person_id, roles)
        if sign_in.used_at < now - SLIDE_AFTER:
            is_valid = (col(SignIn.id) == sign_in.id, col(SignIn.ended_at).is_(None))
            slide = update(SignIn).where(*is_valid).values(used_at=now, expires_at=now + LIFETIME)
            execute_write(self._engine, slide.returning(col(SignIn.id)))
        if len(self._found) >= MAX_CACHED:
            self._found.clear()
        self._found[key] = asked_at, signed_in
        return signed_in


def have_people(session: Session) -> bool:
    """Whether anybody exists who was not removed."""
    return session.exec(select(Person.id).where(col(Person.removed_at).is_(None)).limit(1)).first() is not None


# -- in a transaction of the caller -------------------------------------------------------------------------------


def begin(session: Session, person_id: uuid.UUID, how: str, device: str, now: datetime, *, replaces: str = "") -> str:
    """Sign a person in, and return the secret of the new cookie. The session of the cookie before ends (rotation)."""
    if replaces:
        end(session, session.exec(select(SignIn).where(col(SignIn.secret_sha256) == digest(replaces))).all(), now)
    secret = new_secret()
    sign_in = SignIn(
        id=uuid.uuid4(),
        person_id=person_id,
        secret_sha256=digest(secret),
        created_at=now,
        used_at=now,
        expires_at=now + LIFETIME,
        device=device[:MAX_DEVICE_CHARS],
        how=how,
    )
    session.add(sign_in)
    session.flush()
    return secret


def end(session: Session, sign_ins: Sequence[SignIn], now: datetime) -> None:
    """End sessions: the one place that does."""
    for sign_in in sign_ins:
        if sign_in.ended_at is None:
            sign_in.ended_at = now
            session.add(sign_in)


def end_all(session: Session, person_id: uuid.UUID, now: datetime, *, but: uuid.UUID | None = None) -> int:
    """End the sessions of a person, but for one. Return how many."""
    others = [each for each in session.exec(SignIn.valid_of_person(person_id, now)) if each.id != but]
    end(session, others, now)
    return len(others)


def is_known_browser(session: Session, secret: str, person_id: uuid.UUID) -> bool:
    """Whether a cookie was once this person's, valid or not."""
    is_theirs = (col(SignIn.secret_sha256) == digest(secret), col(SignIn.person_id) == person_id)
    return bool(secret) and session.exec(select(SignIn.id).where(*is_theirs)).first() is not None


def remove_old(engine: Engine, now: datetime) -> int:
    """Delete the rows of sessions that have long ended. Return how many."""
    limit = now - KEPT_AFTER_END
    is_old = (col(SignIn.expires_at) < limit) | (col(SignIn.ended_at) < limit)
    return len(execute_write(engine, delete(SignIn).where(is_old).returning(col(SignIn.id))))
