"""The ticket that says to the realtime server who opens a socket, and for which library."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import HTTPConnection

from services.api.access.access import access_of
from services.api.access.principal import Principal
from services.api.state import State, state_of
from shared.people.secret_key import purpose_key, secret_key
from shared.people.tickets import PURPOSE, TICKET_PARAMETER, Ticket


def ticket_of(connection: HTTPConnection) -> str:
    """Sign a ticket for the library that a request is about. Raises `Problem` if it is not open to its sender."""
    access = access_of(connection)
    return _sign(state_of(connection), access.principal, access.library)


def socket_address(connection: HTTPConnection) -> str:
    """Where a page is told of the changes of the library that a request is about. Raises `Problem`, as `ticket_of`."""
    access = access_of(connection)
    if access.named is None:
        return own_socket_address(state_of(connection), access.principal)
    return _elsewhere(state_of(connection), access.principal, access.library) or (
        f"/websocket?{urlencode({'library': access.library})}"
    )


def own_socket_address(state: State, principal: Principal) -> str:
    """Where a page is told of the changes of its person's own library."""
    return _elsewhere(state, principal, principal.library) or "/websocket"


def _elsewhere(state: State, principal: Principal, library_id: str) -> str | None:
    """The realtime server at an address of its own, if there is one, with a ticket in the query.

    The page asks for the list again when the ticket's minute is over.
    """
    address = state.settings.realtime_url
    if not address:
        return None
    return f"{address}{'&' if '?' in address else '?'}{TICKET_PARAMETER}={_sign(state, principal, library_id)}"


def _sign(state: State, principal: Principal, library_id: str) -> str:
    ticket = Ticket.issue(
        library_id,
        principal.roles[library_id],
        datetime.now(UTC),
        session_id=principal.session_id,
        person_id=principal.person_id,
        token_id=principal.token_id,
    )
    return ticket.sign(purpose_key(secret_key(state.settings), PURPOSE))
