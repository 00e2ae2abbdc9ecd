"""The ticket that says to the realtime server who opens a socket, and for which library."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import HTTPConnection

from services.api.access.access import access_of
from services.api.state import state_of
from shared.people.secret_key import purpose_key, secret_key
from shared.people.tickets import PURPOSE, TICKET_PARAMETER, Ticket


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
        token_id=principal.token_id,
    )
    return ticket.sign(purpose_key(secret_key(state_of(connection).settings), PURPOSE))


def socket_address(connection: HTTPConnection) -> str:
    """Where a page is told of the changes of the library that a request is about.

    A realtime server at an address of its own gets the ticket in the query; the page asks for the list again when its
    minute is over.
    """
    address = state_of(connection).settings.realtime_url
    access = access_of(connection)
    if address:
        return f"{address}{'&' if '?' in address else '?'}{TICKET_PARAMETER}={ticket_of(connection)}"
    return "/websocket" if access.named is None else f"/websocket?{urlencode({'library': access.library})}"
