"""The ticket that says to the realtime server who opens a socket, and for which library."""

from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from services.api.access.access import access_of
from services.api.state import state_of
from shared.people.secret_key import purpose_key, secret_key
from shared.people.tickets import PURPOSE, Ticket


def ticket_of(connection: HTTPConnection) -> str:
    """Sign a ticket for the library that a request is about. Raises `Problem` if it is not open to its sender."""
    access = access_of(connection)
    principal, library_id = access.principal, access.library
    ticket = Ticket.issue(
        library_id,
        principal.roles[library_id],
        datetime.now(UTC),
        session_id=principal.session_id,
        person_id=principal.person_id,
    )
    return ticket.sign(purpose_key(secret_key(state_of(connection).settings), PURPOSE))
