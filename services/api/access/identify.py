"""The one place that says who sends a request."""

from starlette.requests import HTTPConnection

from services.api.access.principal import LOCAL, How, Principal
from services.api.people import cookies
from services.api.state import state_of


async def identify(connection: HTTPConnection) -> Principal | None:
    """Say who sends this request. None: nobody that is known here."""
    if await needs_no_sign_in(connection):
        return LOCAL
    state = state_of(connection)
    secret = cookies.secret_of(connection, state.settings)
    signed_in = await state.sign_ins.find(secret) if secret else None
    if signed_in is None:
        return None
    return Principal(
        How.SESSION, signed_in.roles, signed_in.library, person_id=signed_in.person_id, session_id=signed_in.session_id
    )


async def needs_no_sign_in(connection: HTTPConnection) -> bool:
    """Whether whoever sends this request is the one person of this server, without a sign-in.

    `SIGN_IN=auto` lets in who sits at the machine, until the server is claimed: it then has people, whom it tells
    apart.
    """
    state = state_of(connection)
    mode, peer = state.sign_in_mode, connection.client
    if mode.is_off or mode.is_on or peer is None:
        return mode.is_off
    return mode.is_from_here(peer.host, connection.headers) and not await state.sign_ins.have_people()
