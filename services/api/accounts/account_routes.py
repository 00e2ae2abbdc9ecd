"""One's own account: who I am, my devices, my passkeys, my password, a link for my next device."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import segno
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import access_of
from services.api.accounts.answers import (
    NO_STORE,
    answer,
    engine_of,
    locked_person,
    path_id,
    person_id_of,
    require_fresh,
    rp_id_of,
    session_of,
)
from services.api.accounts.schemas import (
    DeviceAnswer,
    DeviceLink,
    Devices,
    NewName,
    NewPasskey,
    NewPassword,
    PasskeyBegun,
    Passkeys,
    PasskeyShown,
    SessionAnswer,
)
from services.api.accounts.sign_in_routes import BEGUN, DEVICE_LINK
from services.api.http.errors import Problem
from services.api.http.operations import Operation, json_answer
from services.api.http.params import json_body
from services.api.people import attempts, ceremonies, cookies, passkeys, sign_ins
from services.api.people.devices import device_name
from services.api.people.names import requested_address
from services.api.state import state_of
from shared.db.engine import read_session, transaction
from shared.people.models import Passkey, Person
from shared.people.sign_ins import SignIn

DEVICE_LINK_LIFETIME = timedelta(minutes=10)

ME = json_answer("Who sends this request.", SessionAnswer)


# -- who I am ----------------------------------------------------------------------------------------------------


@Operation("Who is signed in, and what they may do", {200: ME}, problems=["away"])
def who(request: Request) -> Response:
    """GET /api/session. The browser keeps the cookie for as long again."""
    state = state_of(request)
    principal = access_of(request).principal
    response = answer(session_of(state.engine, principal))
    if principal.session_id is not None and (secret := cookies.secret_of(request, state.settings)):
        cookies.set_secret(response, request, state.settings, secret)
    return response


@Operation("Sign out", {204: "This browser is signed out."}, problems=["away"])
def sign_out(request: Request) -> Response:
    """DELETE /api/session. Never with `Clear-Site-Data`: it would delete recordings that have not arrived yet."""
    state, session_id = state_of(request), access_of(request).principal.session_id
    if session_id is not None:
        _end(request, lambda session: session.exec(select(SignIn).where(col(SignIn.id) == session_id)).all())
    response = Response(status_code=204, headers=NO_STORE)
    cookies.clear_secret(response, request, state.settings)
    return response


@Operation(
    "Change one's name",
    {200: ME},
    body={"application/json": NewName},
    problems=["bad-request", "not-allowed", "name-taken", "too-large", "away"],
)
async def rename(request: Request) -> Response:
    """PATCH /api/person."""
    body, person_id = await json_body(request, NewName), person_id_of(request)

    def commit() -> SessionAnswer:
        with transaction(engine_of(request)) as session:
            person = locked_person(session, person_id)
            person.rename(body.name)
            session.add(person)
        return session_of(engine_of(request), access_of(request).principal)

    try:
        return answer(await run_in_threadpool(commit))
    except IntegrityError:
        raise Problem("name-taken", "Somebody here has this name. Choose another one.") from None


# -- my devices --------------------------------------------------------------------------------------------------


@Operation(
    "Browsers in which one is signed in", {200: json_answer("All of them.", Devices)}, problems=["not-allowed", "away"]
)
def list_devices(request: Request) -> Response:
    """GET /api/sessions."""
    current = access_of(request).principal.session_id
    with read_session(engine_of(request)) as session:
        found = session.exec(SignIn.valid_of_person(person_id_of(request), datetime.now(UTC))).all()
    devices = [DeviceAnswer(**each.model_dump(include=_SHOWN), current=each.id == current) for each in found]
    return answer(Devices(sessions=devices))


_SHOWN = {"id", "device", "how", "created_at", "used_at"}


@Operation("Sign out everywhere else", {204: "All other browsers are signed out."}, problems=["not-allowed", "away"])
def end_other_devices(request: Request) -> Response:
    """DELETE /api/sessions."""
    person_id, current = person_id_of(request), access_of(request).principal.session_id
    now = datetime.now(UTC)
    return _end(
        request,
        lambda session: [each for each in session.exec(SignIn.valid_of_person(person_id, now)) if each.id != current],
    )


@Operation("Sign out one device", {204: "It is signed out."}, problems=["not-allowed", "not-found", "away"])
def end_device(request: Request) -> Response:
    """DELETE /api/sessions/{id}."""
    person_id, id = person_id_of(request), path_id(request, "There is no such device.")
    is_mine = (col(SignIn.id) == id, col(SignIn.person_id) == person_id)

    def chosen(session: Session) -> list[SignIn]:
        found = [*session.exec(select(SignIn).where(*is_mine))]
        if not found:
            raise Problem("not-found", "There is no such device.")
        return found

    return _end(request, chosen)


def _end(request: Request, choose: "Callable[[Session], object]") -> Response:
    with transaction(engine_of(request)) as session:
        sign_ins.end(session, choose(session), datetime.now(UTC))  # type: ignore[arg-type]
    state_of(request).sign_ins.forget()
    return Response(status_code=204, headers=NO_STORE)


@Operation(
    "Make a link that signs in one's next device",
    {201: json_answer("Counts once, for ten minutes.", DeviceLink)},
    problems=["not-allowed", "too-many", "away"],
)
def make_device_link(request: Request) -> Response:
    """POST /api/device-link. The secret stands behind the `#`, which no log and no proxy gets to see."""
    person_id, now = person_id_of(request), datetime.now(UTC)
    attempts.take(engine_of(request), attempts.CODES_OF_ADDRESS, f"links of {person_id}", now)
    with transaction(engine_of(request)) as session:
        data = {"person_id": str(person_id)}
        secret = ceremonies.begin(session, DEVICE_LINK, data, DEVICE_LINK_LIFETIME, now)
    url = f"{requested_address(state_of(request).settings, request.headers)}/sign-in#device={secret}"
    svg = io.BytesIO()
    segno.make_qr(url, error="m").save(svg, kind="svg", scale=4, border=4, light="white", xmldecl=False, nl=False)
    return answer(DeviceLink(url=url, svg=svg.getvalue().decode(), expires=now + DEVICE_LINK_LIFETIME), 201)


# -- what opens the server to me ---------------------------------------------------------------------------------


@Operation("One's passkeys", {200: json_answer("All of them.", Passkeys)}, problems=["not-allowed", "away"])
def list_passkeys(request: Request) -> Response:
    """GET /api/passkeys."""
    with read_session(engine_of(request)) as session:
        found = session.exec(Passkey.of_person(person_id_of(request))).all()
    shown = [
        PasskeyShown(id=each.id, name=each.name, server=each.rp_id, created_at=each.created_at, used_at=each.used_at)
        for each in found
    ]
    return answer(Passkeys(passkeys=shown))


@Operation("Begin to make a passkey", {200: BEGUN}, problems=["not-allowed", "sign-in-again", "no-passkeys", "away"])
def begin_new_passkey(request: Request) -> Response:
    """POST /api/passkeys/begin."""
    person_id, rp_id, now = person_id_of(request), rp_id_of(request), datetime.now(UTC)
    with transaction(engine_of(request)) as session:
        require_fresh(session, request, now)
        options, ceremony = passkeys.begin_making(session, rp_id, locked_person(session, person_id), now)
    return answer(PasskeyBegun(ceremony=ceremony, options=options["publicKey"]))


@Operation(
    "Add a passkey",
    {201: json_answer("All of one's passkeys.", Passkeys)},
    body={"application/json": NewPasskey},
    problems=[
        "bad-request", "not-allowed", "sign-in-again", "wrong-code", "wrong-credentials", "no-passkeys", "too-large",
        "away",
    ],
)  # fmt: skip
async def add_passkey(request: Request) -> Response:
    """POST /api/passkeys."""
    rp_id, body, person_id = rp_id_of(request), await json_body(request, NewPasskey), person_id_of(request)
    name = body.name or device_name(request.headers.get("user-agent", "")) or "Passkey"

    def commit() -> Response:
        now = datetime.now(UTC)
        with transaction(engine_of(request)) as session:
            require_fresh(session, request, now)
            passkey = passkeys.finish_making(session, rp_id, body.ceremony, body.credential, name, now)
            if passkey.person_id != person_id:
                raise Problem("wrong-code", "This passkey was begun for somebody else. Begin again.")
            session.add(passkey)
        response = list_passkeys(request)
        response.status_code = 201
        return response

    return await run_in_threadpool(commit)


@Operation(
    "Remove a passkey",
    {204: "It opens nothing any more."},
    problems=["not-allowed", "not-found", "sign-in-again", "last-way-in", "away"],
)
def remove_passkey(request: Request) -> Response:
    """DELETE /api/passkeys/{id}."""
    person_id, id = person_id_of(request), path_id(request, "There is no such passkey.")
    with transaction(engine_of(request)) as session:
        require_fresh(session, request, datetime.now(UTC))
        person = locked_person(session, person_id)  # locked: of two removals at once, the second one sees the first
        mine = {passkey.id: passkey for passkey in session.exec(Passkey.of_person(person_id))}
        if id not in mine:
            raise Problem("not-found", "There is no such passkey.")
        if len(mine) == 1 and person.password_hash is None:
            raise Problem("last-way-in", "Set a password or add another passkey first: nothing else would let you in.")
        session.delete(mine[id])
    return Response(status_code=204, headers=NO_STORE)


@Operation(
    "Set one's password",
    {204: "It counts from now on; all other browsers are signed out."},
    body={"application/json": NewPassword},
    problems=[
        "bad-request", "bad-password", "not-allowed", "sign-in-again", "wrong-credentials", "too-large", "too-many",
        "busy", "away",
    ],
)  # fmt: skip
async def set_password(request: Request) -> Response:
    """PUT /api/password. The present one, or a sign-in of a few minutes ago, says that it is its person who does it."""
    state, body, person_id = state_of(request), await json_body(request, NewPassword), person_id_of(request)
    now = datetime.now(UTC)

    def read() -> Person:
        with transaction(state.engine) as session:
            person = locked_person(session, person_id)
            if body.current is None or person.password_hash is None:
                require_fresh(session, request, now)
            return person

    person = await run_in_threadpool(read)
    if body.current is not None and person.password_hash is not None:
        await run_in_threadpool(attempts.take, state.engine, attempts.PASSWORDS_OF_ACCOUNT, str(person_id), now)
        if not await state.passwords.verify(person.password_hash, body.current):
            raise Problem("wrong-credentials", "The present password is another one.")
    password_hash = await state.passwords.hash(body.password, [person.name])

    def commit() -> None:
        with transaction(state.engine) as session:
            found = locked_person(session, person_id)
            if found.password_hash != person.password_hash:
                raise Problem("sign-in-again", "The password was changed at this moment, by another device.")
            found.password_hash = password_hash
            session.add(found)
            sign_ins.end_all(session, person_id, now, but=access_of(request).principal.session_id)

    await run_in_threadpool(commit)
    state.sign_ins.forget()
    return Response(status_code=204, headers=NO_STORE)
