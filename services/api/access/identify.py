"""The one place that says who sends a request."""

from collections.abc import Mapping
from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import HTTPConnection

from services.api.access.principal import LOCAL, NEED_OF_SCOPE, How, Principal
from services.api.http.errors import Problem
from services.api.people import attempts, cookies, tokens
from services.api.state import state_of
from shared.origins import client_address

SEED_PATHS = ("/clips/", "/audio/")
"""Addresses of the seed's clients, which know no other way to sign in than Basic."""


async def identify(connection: HTTPConnection) -> Principal | None:
    """Say who sends this request. None: nobody that is known here.

    Raises `Problem` for a token that opens nothing: who sends one means to be known by it.
    """
    if await needs_no_sign_in(connection):
        return LOCAL
    state = state_of(connection)
    secret = cookies.secret_of(connection, state.settings)
    signed_in = await state.sign_ins.find(secret) if secret else None
    if signed_in is None:
        return await _by_token(connection)
    return Principal(
        How.SESSION, signed_in.roles, signed_in.library, person_id=signed_in.person_id, session_id=signed_in.session_id
    )


async def _by_token(connection: HTTPConnection) -> Principal | None:
    secret = tokens.secret_in(connection.headers.get("authorization", ""))
    if secret is None:
        return None
    state = state_of(connection)
    program = await state.tokens.find(secret)
    if program is None:
        peer = connection.client.host if connection.client else ""
        address = client_address(peer, connection.headers, is_fly=bool(state.settings.fly_app_name))
        limit = attempts.TOKENS_OF_ADDRESS
        await to_thread.run_sync(attempts.take, state.engine, limit, address, datetime.now(UTC))
        raise Problem(
            "sign-in", "This token opens nothing here: it was revoked, or its time is over.", challenge(connection)
        )
    return Principal(
        How.TOKEN,
        program.roles,
        program.library,
        person_id=program.person_id,
        token_id=program.token_id,
        granted=frozenset(NEED_OF_SCOPE[scope] for scope in program.scopes),
    )


def challenge(connection: HTTPConnection) -> Mapping[str, str]:
    """How somebody who is not known is asked who they are.

    Basic asks the seed's clients alone. A browser would ask its person for a password in a window of its own, and keep
    what they type; every one that people sign in with sends Sec-Fetch-Mode.
    """
    is_browser = "sec-fetch-mode" in connection.headers or "sec-fetch-site" in connection.headers
    if connection.url.path.startswith(SEED_PATHS) and not is_browser:
        return {"WWW-Authenticate": 'Basic realm="dictaphone", charset="UTF-8"'}
    return {}


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
