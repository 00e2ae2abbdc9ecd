"""Tokens: what a person gives to their programs. Only they themselves make, see and revoke them, never a token."""

from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import NO_LIBRARY, access_of
from services.api.access.principal import Need
from services.api.accounts.answers import (
    NO_STORE,
    answer,
    engine_of,
    locked_person,
    path_id,
    person_id_of,
    require_fresh,
)
from services.api.accounts.schemas import NewToken, TokenList, TokenMade, TokenShown
from services.api.http.errors import Problem
from services.api.http.operations import Operation, json_answer
from services.api.http.params import json_body
from services.api.people import tokens
from services.api.state import state_of
from shared.db.engine import read_session, transaction
from shared.people.tokens import Token

MAX_TOKENS = 100
"""Of a person, at a time: more than anybody keeps in order."""


@Operation("One's tokens", {200: json_answer("All of them.", TokenList)}, problems=["not-allowed", "away"])
def list_tokens(request: Request) -> Response:
    """GET /api/tokens."""
    with read_session(engine_of(request)) as session:
        found = session.exec(Token.of_person(person_id_of(request))).all()
    return answer(TokenList(tokens=[TokenShown(**_shown(token)) for token in found]))


@Operation(
    "Make a token for a program",
    {201: json_answer("The token, and its secret, which no other answer has.", TokenMade)},
    body={"application/json": NewToken},
    problems=[
        "bad-request", "not-allowed", "not-found", "sign-in-again", "too-many-tokens", "too-large", "away",
    ],
)  # fmt: skip
async def make_token(request: Request) -> Response:
    """POST /api/tokens."""
    body, person_id = await json_body(request, NewToken), person_id_of(request)
    now = datetime.now(UTC)
    if body.expires_at is not None and body.expires_at <= now:
        raise Problem("bad-request", "This token would never count: its time is over already.")
    if body.library is not None:
        access_of(request).check(body.library, NO_LIBRARY, Need.READS)

    def commit() -> TokenMade:
        with transaction(engine_of(request)) as session:
            require_fresh(session, request, now)
            locked_person(session, person_id)  # locked: tokens that are made at once are counted one by one
            if len(session.exec(Token.of_person(person_id)).all()) >= MAX_TOKENS:
                raise Problem("too-many-tokens", f"Revoke one first: you have {MAX_TOKENS}.")
            token, secret = tokens.make(session, person_id, body.name, body.scopes, body.library, body.expires_at, now)
            return TokenMade(**_shown(token), token=secret)

    return answer(await run_in_threadpool(commit), 201)


@Operation("Revoke a token", {204: "It opens nothing any more."}, problems=["not-allowed", "not-found", "away"])
def revoke_token(request: Request) -> Response:
    """DELETE /api/tokens/{id}."""
    absent = "There is no such token."
    person_id, id = person_id_of(request), path_id(request, absent)
    with transaction(engine_of(request)) as session:
        token = session.get(Token, id, with_for_update=True)
        if token is None or token.person_id != person_id or token.revoked_at is not None:
            raise Problem("not-found", absent)
        token.revoked_at = datetime.now(UTC)
        session.add(token)
    state_of(request).tokens.forget()
    return Response(status_code=204, headers=NO_STORE)


def _shown(token: Token) -> dict[str, object]:
    fields = token.model_dump(include={"id", "name", "scopes", "created_at", "used_at", "expires_at"})
    return {**fields, "library": token.library_id}
