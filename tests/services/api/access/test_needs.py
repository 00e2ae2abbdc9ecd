"""The needs of the routes: each is declared, and none is met by somebody who may not have it."""

from itertools import product

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api.access.access import Access
from services.api.access.needs import needs_of, open_to_all, reads
from services.api.access.principal import LOCAL, NEEDS_OF_ROLE, How, Need, Principal
from services.api.app import ROUTES
from services.api.http.errors import Problem
from shared.libraries import HOME
from shared.people.roles import Role

SHARED = "shared-one"

OF_A_LIBRARY = set(Need) - {Need.OPEN, Need.KNOWN}


async def handler(_: Request) -> Response:
    return Response()


def test_every_route_says_what_it_needs() -> None:
    needs = {(path, method): need for path, method, _, need in needs_of(ROUTES)}
    assert len(needs) > 40
    opened = {path for (path, _), need in needs.items() if need is Need.OPEN}
    ways_in = ("/api/sign-in", "/api/claim")
    others = {path for path in opened if path.startswith("/api/") and not path.startswith(ways_in)}
    assert others == {"/api/about", "/api/uploads"}


def test_reading_needs_reading_and_deleting_needs_more_than_writing() -> None:
    usual = {"GET": Need.READS, "WEBSOCKET": Need.READS, "DELETE": Need.DELETES}
    unusual = {
        ("/api/bin", "DELETE"): Need.OWNS,
        # Whoever sends an upload asks how far it is, and gives it up.
        ("/api/uploads/{id}", "HEAD"): Need.WRITES,
        ("/api/uploads/{id}", "DELETE"): Need.WRITES,
    }
    for path, method, _, need in needs_of(ROUTES):
        if need is Need.KNOWN or path.startswith(("/api/sign-in", "/api/claim")):
            continue  # of no library
        expected = unusual.get((path, method), usual.get(method, Need.WRITES))
        assert need in {expected, Need.OPEN} if method in {"GET", "OPTIONS"} else need is expected, (path, method)


def test_a_route_that_does_not_say_it_is_refused() -> None:
    with pytest.raises(TypeError, match="GET /new does not say what it needs"):
        list(needs_of([Route("/new", handler)]))
    assert [need for *_, need in needs_of([Route("/a", open_to_all(handler)), Route("/b", reads(handler))])] == [
        Need.OPEN, Need.READS,
    ]  # fmt: skip


def test_a_role_gives_what_it_gives_and_a_library_of_others_is_not_there() -> None:
    for role, need in product(Role, OF_A_LIBRARY):
        access = Access(Principal(How.SESSION, {SHARED: role, "own": Role.OWNER}, "own"), need, SHARED)
        if need in NEEDS_OF_ROLE[role]:
            assert access.library == SHARED
        else:
            assert refusal(access) == "not-allowed"
        assert refusal(Access(access.principal, need, HOME)) == "not-found"
        assert Access(access.principal, need, None).library == "own"


def test_a_token_gives_no_more_than_it_grants() -> None:
    principal = Principal(How.TOKEN, {HOME: Role.OWNER}, HOME, granted=frozenset({Need.WRITES}))
    assert refusal(Access(principal, Need.READS, None)) == "not-found"
    granted = Principal(How.TOKEN, {HOME: Role.OWNER}, HOME, granted=frozenset({Need.READS}))
    assert refusal(Access(granted, Need.DELETES, None)) == "not-allowed"
    assert Access(granted, Need.READS, None).libraries == [HOME]


def test_the_one_person_of_a_server_without_sign_in_may_do_all_of_it() -> None:
    assert all(LOCAL.may(need, HOME) for need in OF_A_LIBRARY)
    assert not LOCAL.may(Need.READS, SHARED)


def refusal(access: Access) -> str:
    with pytest.raises(Problem) as caught:
        assert access.library
    return caught.value.slug
