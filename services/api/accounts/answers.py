"""What the routes of this package have in common: who asks, from where, and the answer to somebody who has come in."""

import uuid
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.access.access import access_of
from services.api.access.principal import How, Principal
from services.api.accounts.schemas import LibraryAnswer, PersonAnswer, SessionAnswer
from services.api.http.errors import Problem
from services.api.people import attempts, cookies, sign_ins
from services.api.people.attempts import Limit
from services.api.people.devices import device_name
from services.api.people.names import passkey_name
from services.api.state import State, state_of
from shared.db.engine import read_session
from shared.origins import client_address
from shared.people.libraries import Library
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.sign_ins import SignIn

NO_STORE = {"Cache-Control": "no-store"}
"""Answers with a secret, and those that say who somebody is, are kept nowhere."""

FRESH = timedelta(minutes=15)
"""How long ago somebody signed in who changes what opens the server: an unlocked device that was left is not enough."""


def answer(body: BaseModel, status: int = 200) -> Response:
    return JSONResponse(body.model_dump(mode="json"), status, headers=NO_STORE)


def address_of(request: Request) -> str:
    """The address that tries are counted against."""
    settings = state_of(request).settings
    peer = request.client.host if request.client else ""
    return client_address(peer, request.headers, is_fly=bool(settings.fly_app_name))


async def count_try(request: Request, limit: Limit) -> None:
    """Count a try of this address before it is made. Raises `Problem` if there were too many."""
    await run_in_threadpool(attempts.take, state_of(request).engine, limit, address_of(request), datetime.now(UTC))


def person_id_of(request: Request) -> uuid.UUID:
    """The person who sends this request, as themselves. Raises `Problem` for a program, a guest, and `LOCAL`."""
    principal = access_of(request).principal
    if principal.person_id is None or principal.how not in {How.SESSION, How.PROXY}:
        raise Problem("not-allowed", "Only a person who is signed in has an account to look after.")
    return principal.person_id


def rp_id_of(request: Request) -> str:
    """The name that passkeys are for. Raises `Problem` if this page has none."""
    name = passkey_name(state_of(request).settings, request.headers)
    if name is None:
        raise Problem(
            "no-passkeys",
            "Passkeys belong to a name, and this page was opened by an IP address. Open it by its name, on this "
            "machine by http://localhost.",
        )
    return name


def come_in(session: Session, request: Request, person_id: uuid.UUID, how: str, now: datetime) -> str:
    """Sign a person in, in this browser, whose session before ends. Return the cookie's secret."""
    cookies.reject_insecure_page(request.headers)
    before = cookies.secret_of(request, state_of(request).settings)
    device = device_name(request.headers.get("user-agent", ""))
    return sign_ins.begin(session, person_id, how, device, now, replaces=before)


async def welcome(request: Request, secret: str, status: int = 200) -> Response:
    """The answer to somebody who has just come in: who they are, and the cookie."""
    state = state_of(request)
    state.sign_ins.forget()
    signed_in = await state.sign_ins.find(secret)
    assert signed_in, "its row was committed just now"
    principal = Principal(
        How.SESSION, signed_in.roles, signed_in.library, person_id=signed_in.person_id, session_id=signed_in.session_id
    )
    response = answer(await run_in_threadpool(session_of, state.engine, principal), status)
    cookies.set_secret(response, request, state.settings, secret)
    return response


def session_of(engine: Engine, principal: Principal) -> SessionAnswer:
    """Who a principal is, in words for the page."""
    with read_session(engine) as session:
        person = session.get(Person, principal.person_id) if principal.person_id else None
        sign_in = session.get(SignIn, principal.session_id) if principal.session_id else None
        names = dict(
            session.exec(select(Library.id, Library.name).where(col(Library.id).in_(list(principal.roles)))).all()
        )
    return SessionAnswer(
        person=None if person is None else PersonAnswer(id=person.id, name=person.name, email=person.email),
        how=principal.how,
        session=principal.session_id,
        expires=None if sign_in is None else sign_in.expires_at,
        library=principal.library,
        libraries=[
            LibraryAnswer(id=id, name=names.get(id, id), role=Role(role)) for id, role in principal.roles.items()
        ],
        has_password=person is not None and person.password_hash is not None,
    )


def engine_of(request: Request) -> Engine:
    state: State = state_of(request)
    return state.engine


def require_fresh(session: Session, request: Request, now: datetime) -> None:
    """Raise `Problem` unless whoever sends this has signed in within the last minutes."""
    session_id = access_of(request).principal.session_id
    sign_in = session.get(SignIn, session_id) if session_id else None
    if sign_in is None or not sign_in.is_valid(now) or sign_in.created_at < now - FRESH:
        raise Problem("sign-in-again", "Sign in once more: this changes what opens the server to you.")


def locked_person(session: Session, person_id: uuid.UUID) -> Person:
    """The person, locked until the end of the transaction."""
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or not person.may_come_in:
        raise Problem("sign-in", "You are not a person of this server any more.")
    return person


def path_id(request: Request, absent: str) -> uuid.UUID:
    """The id in the path. Raises `Problem` if it is none."""
    try:
        return uuid.UUID(request.path_params["id"])
    except ValueError:
        raise Problem("not-found", absent) from None
