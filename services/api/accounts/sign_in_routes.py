"""Ways in, open to everybody: password, passkey, a link for the next device, and the claim."""

import uuid
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.identify import needs_no_sign_in
from services.api.accounts.answers import (
    address_of,
    answer,
    come_in,
    count_try,
    engine_of,
    rp_id_of,
    welcome,
)
from services.api.accounts.schemas import (
    ClaimBegin,
    ClaimBody,
    ClaimCode,
    ClaimShown,
    DeviceSecret,
    PasskeyAnswer,
    PasskeyBegun,
    PasswordSignIn,
    SessionAnswer,
    WaysIn,
)
from services.api.http.errors import Problem
from services.api.http.operations import Operation, json_answer
from services.api.http.params import json_body
from services.api.people import attempts, ceremonies, claim, cookies, passkeys, sign_ins
from services.api.people.devices import device_name
from services.api.people.names import passkey_name
from services.api.state import state_of
from shared.db.engine import read_session, transaction
from shared.people.models import Person, name_key

DEVICE_LINK = "device-link"
"""Kind of the ceremony of a link for the next device (`account_routes` makes it)."""

SIGNED_IN = json_answer("Signed in, with a cookie.", SessionAnswer)
BEGUN = json_answer("What the browser is to be asked.", PasskeyBegun)


@Operation("How people come in", {200: json_answer("The ways in.", WaysIn)}, problems=["away"])
async def ways_in(request: Request) -> Response:
    """GET /api/sign-in. A server that nobody has claimed says by this how; a link comes into its log if none counts."""
    state = state_of(request)
    is_on = not await needs_no_sign_in(request)
    is_claimed = await state.sign_ins.have_people()
    if is_on and not is_claimed:
        now = datetime.now(UTC)
        await run_in_threadpool(claim.announce, state.engine, state.settings, now, if_none_counts=True)
    ways = ["password"] if passkey_name(state.settings, request.headers) is None else ["passkey", "password"]
    return answer(WaysIn(on=is_on, claimed=is_claimed, ways=ways))


@Operation(
    "Sign in by name and password",
    {200: SIGNED_IN},
    body={"application/json": PasswordSignIn},
    problems=["bad-request", "wrong-credentials", "insecure-page", "too-large", "too-many", "busy", "away"],
)
async def by_password(request: Request) -> Response:
    """POST /api/sign-in/password. Who exists is told neither by the answer nor by how long it takes."""
    state, body = state_of(request), await json_body(request, PasswordSignIn)
    cookies.reject_insecure_page(request.headers)
    now, account = datetime.now(UTC), name_key(body.name)
    await count_try(request, attempts.PASSWORDS_OF_ADDRESS)
    person, is_known = await run_in_threadpool(_person_named, request, body.name)
    if not is_known:
        await run_in_threadpool(attempts.take, state.engine, attempts.PASSWORDS_OF_ACCOUNT, account, now)
    password_hash = person.password_hash if person and person.may_come_in else None
    is_right = await state.passwords.verify(password_hash, body.password)
    if not is_right or person is None or password_hash is None:
        raise Problem("wrong-credentials", "The server knows nobody with this name and this password.")
    renewed = await state.passwords.hash_again(body.password) if state.passwords.is_old(password_hash) else None

    def commit() -> str:
        with transaction(state.engine) as session:
            found = session.get(Person, person.id, with_for_update=True)
            if found is None or not found.may_come_in or found.password_hash != password_hash:
                raise Problem("wrong-credentials", "The password was changed at this moment. Try again.")
            if renewed is not None:
                found.password_hash = renewed
                session.add(found)
            secret = come_in(session, request, person.id, "password", now)
        attempts.give_back(state.engine, attempts.PASSWORDS_OF_ADDRESS, address_of(request), now)
        if not is_known:
            attempts.give_back(state.engine, attempts.PASSWORDS_OF_ACCOUNT, account, now)
        return secret

    return await welcome(request, await run_in_threadpool(commit))


def _person_named(request: Request, name: str) -> tuple[Person | None, bool]:
    """The person of a name, and whether they were signed in in this browser before."""
    secret = cookies.secret_of(request, state_of(request).settings)
    with read_session(engine_of(request)) as session:
        person = session.exec(Person.named(name)).first()
        return person, person is not None and sign_ins.is_known_browser(session, secret, person.id)


@Operation("Begin to sign in by a passkey", {200: BEGUN}, problems=["no-passkeys", "too-many", "away"])
async def begin_passkey(request: Request) -> Response:
    """POST /api/sign-in/passkey/begin."""
    rp_id = rp_id_of(request)
    await count_try(request, attempts.CEREMONIES_OF_ADDRESS)

    def commit() -> PasskeyBegun:
        with transaction(engine_of(request)) as session:
            options, ceremony = passkeys.begin_signing_in(session, rp_id, datetime.now(UTC))
        return PasskeyBegun(ceremony=ceremony, options=options["publicKey"])

    return answer(await run_in_threadpool(commit))


@Operation(
    "Sign in by a passkey",
    {200: SIGNED_IN},
    body={"application/json": PasskeyAnswer},
    problems=[
        "bad-request", "wrong-credentials", "wrong-code", "insecure-page", "no-passkeys", "too-large", "too-many",
        "away",
    ],
)  # fmt: skip
async def finish_passkey(request: Request) -> Response:
    """POST /api/sign-in/passkey/finish."""
    rp_id, body = rp_id_of(request), await json_body(request, PasskeyAnswer)
    await count_try(request, attempts.CEREMONIES_OF_ADDRESS)

    def commit() -> str:
        now = datetime.now(UTC)
        with transaction(engine_of(request)) as session:
            person = passkeys.finish_signing_in(session, rp_id, body.ceremony, body.credential, now)
            return come_in(session, request, person.id, "passkey", now)

    return await welcome(request, await run_in_threadpool(commit))


@Operation(
    "Sign in by the link that another device has shown",
    {200: SIGNED_IN},
    body={"application/json": DeviceSecret},
    problems=["bad-request", "wrong-code", "insecure-page", "too-large", "too-many", "away"],
)
async def by_device_link(request: Request) -> Response:
    """POST /api/sign-in/device. The link counts once."""
    body = await json_body(request, DeviceSecret)
    await count_try(request, attempts.CODES_OF_ADDRESS)

    def commit() -> str:
        now = datetime.now(UTC)
        with transaction(engine_of(request)) as session:
            data = ceremonies.take(session, DEVICE_LINK, body.secret, now)
            person = session.get(Person, uuid.UUID(data["person_id"])) if data else None
            if person is None or not person.may_come_in:
                raise Problem("wrong-code", "This link does not count: it was used, or is older than ten minutes.")
            return come_in(session, request, person.id, "device-link", now)

    return await welcome(request, await run_in_threadpool(commit))


# -- the claim ---------------------------------------------------------------------------------------------------


@Operation(
    "See what a claim opens",
    {200: json_answer("Who comes in by it.", ClaimShown)},
    body={"application/json": ClaimCode},
    problems=["bad-request", "wrong-code", "claimed", "too-large", "too-many", "away"],
)
async def look_at_claim(request: Request) -> Response:
    """POST /api/claim/look."""
    body = await json_body(request, ClaimCode)
    await count_try(request, attempts.CODES_OF_ADDRESS)

    def read() -> ClaimShown:
        with read_session(engine_of(request)) as session:
            opened = claim.look(session, body.code, datetime.now(UTC))
            person = session.get(Person, opened.person_id) if opened.person_id else None
        return ClaimShown(person=person and person.name)

    return answer(await run_in_threadpool(read))


@Operation(
    "Begin to make the passkey of a claim",
    {200: BEGUN},
    body={"application/json": ClaimBegin},
    problems=["bad-request", "wrong-code", "claimed", "no-passkeys", "too-large", "too-many", "away"],
)
async def begin_claim(request: Request) -> Response:
    """POST /api/claim/passkey/begin. The code goes on counting."""
    rp_id, body = rp_id_of(request), await json_body(request, ClaimBegin)
    await count_try(request, attempts.CODES_OF_ADDRESS)

    def commit() -> PasskeyBegun:
        now = datetime.now(UTC)
        with transaction(engine_of(request)) as session:
            opened = claim.look(session, body.code, now)
            returning = session.get(Person, opened.person_id) if opened.person_id else None
            # A new person is added at the end alone; the id goes on in the ceremony.
            person = returning or Person.of(_name(body), now)
            options, ceremony = passkeys.begin_making(session, rp_id, person, now, is_new=returning is None)
        return PasskeyBegun(ceremony=ceremony, options=options["publicKey"])

    return answer(await run_in_threadpool(commit))


@Operation(
    "Claim this server, or come back in",
    {201: SIGNED_IN},
    body={"application/json": ClaimBody},
    problems=[
        "bad-request", "wrong-code", "wrong-credentials", "claimed", "name-taken", "bad-password", "insecure-page",
        "no-passkeys", "too-large", "too-many", "busy", "away",
    ],
)  # fmt: skip
async def use_claim(request: Request) -> Response:
    """POST /api/claim, with a password or with a passkey. Of two who claim at once, one does."""
    state, body = state_of(request), await json_body(request, ClaimBody)
    cookies.reject_insecure_page(request.headers)
    await count_try(request, attempts.CODES_OF_ADDRESS)
    by_passkey = body.ceremony is not None and body.credential is not None
    if by_passkey == (body.password is not None):
        raise Problem("bad-request", "A claim needs a password, or a passkey with its ceremony.")

    def look() -> None:
        with read_session(state.engine) as session:
            claim.look(session, body.code, datetime.now(UTC))

    await run_in_threadpool(look)  # before the work of hashing
    password_hash = None if body.password is None else await state.passwords.hash(body.password, [body.name or ""])
    rp_id = rp_id_of(request) if by_passkey else ""
    device = device_name(request.headers.get("user-agent", ""))

    def commit() -> str:
        now = datetime.now(UTC)
        with transaction(state.engine) as session:
            opened = claim.take(session, body.code, now)
            passkey = None
            if body.ceremony is not None and body.credential is not None:
                passkey = passkeys.finish_making(
                    session, rp_id, body.ceremony, body.credential, device or "Passkey", now
                )
            person = session.get(Person, opened.person_id) if opened.person_id else None
            if person is None and opened.person_id is not None:
                raise Problem("wrong-code", "The person whom this link would let in is not here any more.")
            if person is None:
                person = Person.of(_name(body), now)
                person.id = passkey.person_id if passkey else person.id
                claim.own_home(session, person, now)
            else:
                person.blocked_at = None
            if passkey is not None:
                if passkey.person_id != person.id:
                    raise Problem("wrong-code", "This passkey was begun for somebody else. Begin again.")
                session.add(passkey)
            if password_hash is not None:
                person.password_hash = password_hash
            session.add(person)
            session.flush()
            return come_in(session, request, person.id, "claim", now)

    try:
        secret = await run_in_threadpool(commit)
    except IntegrityError:
        raise Problem("name-taken", "Somebody here has this name. Choose another one.") from None
    return await welcome(request, secret, 201)


def _name(body: ClaimBegin) -> str:
    if body.name is None:
        raise Problem("bad-request", "name: say how you want to be called.")
    return body.name
