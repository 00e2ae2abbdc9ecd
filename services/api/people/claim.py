"""The claim: whoever reads the server's log becomes its first person, and comes back in if nothing else helps.

While nobody exists, a link in the log has a code by which the server is claimed. It is shown once; a hash is kept.
"""

import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from services.api.http.errors import Problem
from services.api.people import ceremonies
from services.api.people.names import page_address
from services.api.people.sign_ins import have_people
from services.api.settings import ApiSettings
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.people.libraries import Library, Member
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.sign_ins import Ceremony
from shared.threads import LifelineThread

log = structlog.get_logger(__name__)

CLAIM = "claim"
"""Kind of its ceremony."""

LIFETIME = timedelta(hours=1)

RETRY_S = 5.0
"""Between two tries to keep a code while the database is away."""


@dataclass(frozen=True)
class Claim:
    """What a code opens."""

    person_id: uuid.UUID | None
    """The person who comes back in; None: a new one, who owns the server."""


def claim_link(settings: ApiSettings, code: str) -> str:
    """The link with a code, which stands behind the `#`: no server's log and no proxy's gets to see it."""
    return f"{page_address(settings)}/claim#{code}"


def new_code(session: Session, now: datetime, person: Person | None = None) -> str:
    """A new code: for a server that nobody has claimed or, if a person is given, for them to come back in."""
    data = {} if person is None else {"person_id": str(person.id)}
    return ceremonies.begin(session, CLAIM, data, LIFETIME, now, is_code=True)


def owner(session: Session) -> Person | None:
    """Who has owned `home` for longest, blocked or not."""
    owners = (
        select(Person)
        .join(Member, col(Member.person_id) == col(Person.id))
        .where(col(Member.library_id) == HOME, col(Member.role) == Role.OWNER, col(Person.removed_at).is_(None))
        .order_by(col(Member.created_at), col(Person.id))
    )
    return session.exec(owners).first()


def look(session: Session, code: str, now: datetime) -> Claim:
    """What a code opens; it goes on counting. Raises `Problem`."""
    return _claim(session, ceremonies.look(session, CLAIM, code, now))


def take(session: Session, code: str, now: datetime) -> Claim:
    """Use a code up. Raises `Problem` if it does not count, or if somebody else has claimed the server meanwhile.

    The row of `home` is locked: of two people with two codes, the second one finds the first.
    """
    session.exec(select(Library.id).where(col(Library.id) == HOME).with_for_update()).first()
    return _claim(session, ceremonies.take(session, CLAIM, code, now))


def _claim(session: Session, data: dict[str, str] | None) -> Claim:
    if data is None:
        raise Problem(
            "wrong-code",
            "This link does not count: it was used, is older than an hour, or is not complete. "
            "`python -m services.api.claim` on the server prints another one.",
        )
    if "person_id" in data:
        return Claim(uuid.UUID(data["person_id"]))
    if have_people(session):
        raise Problem("claimed", "This server was claimed already. Ask its owner for an invitation.")
    return Claim(None)


def own_home(session: Session, person: Person, now: datetime) -> None:
    """Make a new person the owner of `home`, with all clips that there are."""
    session.add(person)
    session.flush()
    session.add(Member(library_id=HOME, person_id=person.id, role=Role.OWNER, created_at=now))


# -- saying it ---------------------------------------------------------------------------------------------------


def announce(engine: Engine, settings: ApiSettings, now: datetime, *, if_none_counts: bool = False) -> None:
    """Write a link into the log, if nobody has claimed this server. `if_none_counts`: only if no other one counts."""
    with read_session(engine) as session:
        if have_people(session) or (if_none_counts and _some_code_counts(session, now)):
            return
    with transaction(engine) as session:
        code = new_code(session, now)
    # The code is to be read in the log: there alone, once, by whoever may read the log.
    log.warning(f"Claim this server: {claim_link(settings, code)}", minutes=int(LIFETIME.total_seconds() // 60))


def _some_code_counts(session: Session, now: datetime) -> bool:
    counts = (col(Ceremony.kind) == CLAIM, col(Ceremony.expires_at) > now)
    return session.exec(select(Ceremony.id).where(*counts).limit(1)).first() is not None


class ClaimNotice:
    """Writes the link into the log when the server starts, as soon as the database answers."""

    def __init__(self, engine: Engine, settings: ApiSettings) -> None:
        self._engine, self._settings = engine, settings
        self._stopping = threading.Event()
        self._thread = LifelineThread(self._run, "claim")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                return announce(self._engine, self._settings, datetime.now(UTC))
            except SQLAlchemyError as error:
                log.info("no claim yet: the database does not answer", reason=type(error).__name__)
            self._stopping.wait(RETRY_S)
        return None
