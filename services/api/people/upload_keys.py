"""The key of one recording: with it, it is sent to its end though its person's session has ended meanwhile."""

import hmac
import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.db.engine import read_session
from shared.people.libraries import Member
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.secret_key import purpose_key, secret_key
from shared.settings import SecretSettings

HEADER = "Upload-Key"

_KEY = re.compile(r"(?P<person>[0-9a-f]{32})\.(?P<proof>[A-Za-z0-9_-]{43})")


def upload_key(settings: SecretSettings, clip_id: uuid.UUID, person_id: uuid.UUID) -> str:
    """The key that this person's device keeps beside its recording: who they are, and the proof that we gave it."""
    return f"{person_id.hex}.{_proof(settings, clip_id, person_id)}"


def person_of_key(settings: SecretSettings, key: str, clip_id: uuid.UUID) -> uuid.UUID | None:
    """The person whose recording it is. None: it is no key of ours, or that of another recording."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    person_id = uuid.UUID(parts["person"])
    return person_id if hmac.compare_digest(parts["proof"], _proof(settings, clip_id, person_id)) else None


def claimed_person(key: str) -> uuid.UUID | None:
    """The person whom a key names. Nothing is proved by it."""
    parts = _KEY.fullmatch(key)
    return uuid.UUID(parts["person"]) if parts else None


def roles_of(engine: Engine, person_id: uuid.UUID) -> Mapping[str, Role] | None:
    """What a person may do now. None: they are blocked or removed, and what they were given counts no more."""
    statement = (
        select(Person.id, Member.library_id, Member.role)
        .outerjoin(Member, col(Member.person_id) == col(Person.id))
        .where(col(Person.id) == person_id, col(Person.blocked_at).is_(None), col(Person.removed_at).is_(None))
        .order_by(col(Member.created_at), col(Member.library_id))
    )
    with read_session(engine) as session:
        rows = session.exec(statement).all()
    return {library_id: role for _, library_id, role in rows if isinstance(role, Role)} if rows else None


def _proof(settings: SecretSettings, clip_id: uuid.UUID, person_id: uuid.UUID) -> str:
    mac = hmac.digest(_signing_key(settings), clip_id.bytes + person_id.bytes, "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def _signing_key(settings: SecretSettings) -> bytes:
    return _derived(secret_key(settings))


@lru_cache(maxsize=4)
def _derived(key: bytes) -> bytes:
    return purpose_key(key, b"upload key")
