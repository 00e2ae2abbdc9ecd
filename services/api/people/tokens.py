"""Tokens: by which programs come in, found by their secret in the header Authorization."""

import base64
import binascii
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from anyio import to_thread
from sqlalchemy import Engine, or_
from sqlmodel import Session, col, select, update

from services.api.people.secrets import MAX_SECRET_CHARS, digest, new_secret
from services.api.people.sign_ins import CACHE_S, MAX_CACHED
from shared.db.engine import execute_write, read_session
from shared.people.libraries import Member
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.tokens import Scope, Token

PREFIX = "dict_"
"""What every token begins with: programs that look for lost secrets find it by this."""

NOTED_EVERY = timedelta(minutes=1)
"""Between two notes that a token is used."""

MAX_HEADER_CHARS = 512
"""Characters of an Authorization header that may hold a token of ours, with a user's name in Basic."""


@dataclass(frozen=True)
class Program:
    """A valid token, its person, and what it may do."""

    token_id: uuid.UUID
    person_id: uuid.UUID
    roles: Mapping[str, Role]
    """By library, in the order in which the person came to them."""
    scopes: frozenset[Scope]
    expires_at: datetime | None

    @property
    def library(self) -> str:
        """The library that is meant where none is named: the first one of the person's own, or else the first."""
        own = [id for id, role in self.roles.items() if role is Role.OWNER]
        return next(iter([*own, *self.roles]), "")


class Tokens:
    """Finds tokens. Each process remembers for a few seconds what it has found."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._found: dict[str, tuple[float, Program]] = {}

    async def find(self, secret: str) -> Program | None:
        """The token with this secret. None: it was revoked, its time is over, or there never was one."""
        if len(secret) > MAX_SECRET_CHARS:
            return None
        key = digest(secret)
        found_at, program = self._found.get(key, (0.0, None))
        if program is None or self._clock() >= found_at + CACHE_S:
            program = await to_thread.run_sync(self._read, key)
        return program if program and not _is_over(program.expires_at, datetime.now(UTC)) else None

    def forget(self) -> None:
        """Believe nothing any more that was read before: a token was revoked here."""
        self._found.clear()

    def _read(self, key: str) -> Program | None:
        asked_at, now = self._clock(), datetime.now(UTC)
        statement = (
            select(Token, Member.library_id, Member.role)
            .join(Person, col(Person.id) == col(Token.person_id))
            .outerjoin(Member, col(Member.person_id) == col(Token.person_id))
            .where(col(Token.secret_sha256) == key, col(Token.revoked_at).is_(None), Person.is_here())
            .order_by(col(Member.created_at), col(Member.library_id))
        )
        with read_session(self._engine) as session:
            rows = session.exec(statement).all()
        self._found.pop(key, None)
        if not rows or _is_over(rows[0][0].expires_at, now):
            return None
        token = rows[0][0]
        roles = {
            library_id: role
            for _, library_id, role in rows
            if isinstance(role, Role) and token.library_id in {None, library_id}
        }
        program = Program(token.id, token.person_id, roles, token.known_scopes, token.expires_at)
        self._note_use(token, now)
        if len(self._found) >= MAX_CACHED:
            self._found.clear()
        self._found[key] = asked_at, program
        return program

    def _note_use(self, token: Token, now: datetime) -> None:
        before = now - NOTED_EVERY
        if token.used_at is None or token.used_at <= before:
            is_old = or_(col(Token.used_at).is_(None), col(Token.used_at) <= before)
            note = update(Token).where(col(Token.id) == token.id, is_old).values(used_at=now)
            execute_write(self._engine, note.returning(col(Token.id)))


def secret_in(authorization: str) -> str | None:
    """The token that a header Authorization holds: as Bearer, or as the password of Basic under any name.

    None: it holds none of ours. A proxy that asks for a password of its own may pass that one on.
    """
    if len(authorization) > MAX_HEADER_CHARS:
        return None
    scheme, _, said = authorization.partition(" ")
    said = said.strip()
    if scheme.lower() == "basic":
        try:
            said = base64.b64decode(said, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return said if said.startswith(PREFIX) else None


def make(
    session: Session,
    person_id: uuid.UUID,
    name: str,
    scopes: Iterable[Scope],
    library_id: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> tuple[Token, str]:
    """Make a token in the caller's transaction. Return it and its secret, which is kept nowhere."""
    secret = PREFIX + new_secret()
    token = Token(
        id=uuid.uuid4(),
        person_id=person_id,
        library_id=library_id,
        name=name,
        scopes=[scope.value for scope in Scope if scope in {Scope.READ, *scopes}],
        secret_sha256=digest(secret),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, secret


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now
