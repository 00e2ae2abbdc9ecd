"""Tokens: what programs come in with, what each may do, and when it opens nothing any more."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select, update
from starlette.testclient import TestClient

from services.api.people import attempts, tokens
from services.api.people.secrets import digest
from services.api.people.sign_ins import CACHE_S
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.people.models import Person
from shared.people.sign_ins import SignIn
from shared.people.tokens import Token
from tests.recordings import recording
from tests.services.api.accounts.conftest import PAGE, Server, problem

SOUND = recording()
NOWHERE = "/api/clips/11111111-1111-4111-8111-111111111111"


@pytest.fixture
def owner(server: Server) -> TestClient:
    return server.claimed()


def made(owner: TestClient, *scopes: str, **said: Any) -> dict[str, Any]:
    answer = owner.post("/api/tokens", json={"name": "Backup", "scopes": scopes, **said})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    result: dict[str, Any] = answer.json()
    return result


def program(server: Server, token: str, *, basic: str | None = None, address: str = "203.0.113.9") -> TestClient:
    """A program: no cookie, and no header that browsers send."""
    sent = f"Bearer {token}" if basic is None else "Basic " + base64.b64encode(f"{basic}:{token}".encode()).decode()
    client = TestClient(server.client.app, base_url=PAGE, headers={"Authorization": sent}, client=(address, 40000))
    client.headers.pop("user-agent")
    return client


def stored(server: Server) -> Token:
    with read_session(server.state.engine) as session:
        return session.exec(select(Token)).one()


def test_a_token_is_shown_once_and_kept_as_a_hash(server: Server, owner: TestClient) -> None:
    token = made(owner, "write")
    secret = token.pop("token")
    assert secret.startswith("dict_")
    assert len(secret) == 48
    assert token["scopes"] == ["read", "write"]
    assert token["library"] is None
    assert token["used_at"] is None
    shown = owner.get("/api/tokens")
    assert shown.json() == {"tokens": [token]}
    assert secret not in shown.text
    assert stored(server).secret_sha256 == digest(secret)
    assert secret not in server.log.getvalue()


@pytest.mark.parametrize("basic", [None, "", "ada", "anybody at all"])
def test_a_program_comes_in_by_bearer_and_by_basic(server: Server, owner: TestClient, basic: str | None) -> None:
    visitor = program(server, made(owner, "read")["token"], basic=basic)
    assert visitor.get("/api/clips").status_code == 200
    said = visitor.get("/api/session").json()
    assert (said["how"], said["person"]["name"], said["session"]) == ("token", "Ada", None)


def test_a_token_does_what_its_scopes_say_and_never_what_an_owner_alone_does(server: Server, owner: TestClient) -> None:
    may = {scope: program(server, made(owner, scope)["token"], basic="x") for scope in ("read", "write", "delete")}
    answers = {
        scope: (
            visitor.get("/api/clips").status_code,
            visitor.put("/clips/a", content=SOUND).status_code,
            visitor.delete("/clips/a").status_code,
            visitor.delete("/api/bin").status_code,
        )
        for scope, visitor in may.items()
    }
    assert answers == {"read": (200, 403, 403, 403), "write": (200, 201, 403, 403), "delete": (200, 403, 204, 403)}


def test_a_token_looks_after_no_account_and_makes_no_other_one(server: Server, owner: TestClient) -> None:
    token = made(owner, "write", "delete")
    visitor = program(server, token["token"])
    for answer in (
        visitor.get("/api/tokens"),
        visitor.post("/api/tokens", json={"name": "b", "scopes": []}),
        visitor.delete(f"/api/tokens/{token['id']}"),
        visitor.get("/api/sessions"),
        visitor.delete("/api/sessions"),
        visitor.get("/api/passkeys"),
        visitor.put("/api/password", json={"password": "otter violin harbour candle"}),
        visitor.patch("/api/person", json={"name": "Eve"}),
        visitor.post("/api/device-link"),
    ):
        assert (answer.status_code, problem(answer)) == (403, "not-allowed"), answer.request.url
    assert owner.get("/api/tokens").json()["tokens"][0]["id"] == token["id"]


def test_a_token_of_one_library_opens_no_other_one(server: Server, owner: TestClient) -> None:
    visitor = program(server, made(owner, "read", library=HOME)["token"])
    assert visitor.get("/api/clips").status_code == 200
    assert [each["id"] for each in visitor.get("/api/session").json()["libraries"]] == [HOME]
    answer = owner.post("/api/tokens", json={"name": "a", "scopes": ["read"], "library": "of-others"})
    assert (answer.status_code, problem(answer)) == (404, "not-found")


def test_a_revoked_token_opens_nothing_at_once(server: Server, owner: TestClient) -> None:
    token = made(owner, "read")
    visitor = program(server, token["token"])
    assert visitor.get("/api/clips").status_code == 200
    assert owner.delete(f"/api/tokens/{token['id']}").status_code == 204
    answer = visitor.get("/api/clips")
    assert (answer.status_code, problem(answer)) == (401, "sign-in")
    assert owner.get("/api/tokens").json() == {"tokens": []}
    assert owner.delete(f"/api/tokens/{token['id']}").status_code == 404
    assert owner.delete("/api/tokens/no-id").status_code == 404


async def test_another_process_believes_a_revoked_token_for_some_seconds(server: Server, owner: TestClient) -> None:
    token, now = made(owner, "read"), [100.0]
    other = tokens.Tokens(server.state.engine, clock=lambda: now[0])
    assert await other.find(token["token"])
    owner.delete(f"/api/tokens/{token['id']}")
    now[0] += CACHE_S
    assert await other.find(token["token"]) is None
    assert CACHE_S <= 15


@pytest.mark.parametrize("ended", ["expired", "blocked"])
def test_a_token_ends_with_its_time_and_with_its_person(server: Server, owner: TestClient, ended: str) -> None:
    now = datetime.now(UTC)
    visitor = program(server, made(owner, "read", expires_at=(now + timedelta(days=1)).isoformat())["token"])
    assert visitor.get("/api/clips").status_code == 200
    with transaction(server.state.engine) as session:
        session.exec(
            update(Token).values(expires_at=now) if ended == "expired" else update(Person).values(blocked_at=now)
        )
    server.state.tokens.forget()
    assert visitor.get("/api/clips").status_code == 401


def test_its_last_use_is_noted_once_a_minute(server: Server, owner: TestClient) -> None:
    visitor = program(server, made(owner, "read")["token"])
    noted = []
    for passed in (None, timedelta(seconds=30), timedelta(minutes=2)):
        if passed:
            with transaction(server.state.engine) as session:
                session.exec(update(Token).values(used_at=datetime.now(UTC) - passed))
        server.state.tokens.forget()
        visitor.get("/api/clips")
        noted.append(datetime.now(UTC) - (stored(server).used_at or datetime.min.replace(tzinfo=UTC)))
    assert [age < timedelta(seconds=20) for age in noted] == [True, False, True]


def test_wrong_tokens_of_an_address_are_limited_and_a_right_one_is_none(server: Server, owner: TestClient) -> None:
    right = made(owner, "read")["token"]
    wrong = program(server, "dict_" + "A" * 43)
    statuses = [wrong.get("/api/clips").status_code for _ in range(attempts.TOKENS_OF_ADDRESS.tries)]
    assert set(statuses) == {401}
    answer = wrong.get("/api/clips")
    assert (answer.status_code, problem(answer)) == (429, "too-many")
    assert program(server, right).get("/api/clips").status_code == 200
    assert program(server, "dict_" + "A" * 43, address="203.0.113.10").get("/api/clips").status_code == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Bearer dict", "Basic", "Basic %%%", "Basic 4Q==", "Basic " + "A" * 9_000,
     "Digest dict_a", "Basic " + base64.b64encode(b"user:a proxy's password").decode()],
)  # fmt: skip
def test_what_is_no_token_is_nobody_and_counts_as_no_try(server: Server, owner: TestClient, header: str) -> None:
    visitor = TestClient(server.client.app, base_url=PAGE, headers={"Authorization": header})
    for _ in range(attempts.TOKENS_OF_ADDRESS.tries + 1):
        answer = visitor.get("/api/clips")
        assert (answer.status_code, problem(answer)) == (401, "sign-in")
    assert owner.get("/api/clips", headers={"Authorization": header}).status_code == 200, "the cookie counts"


def test_the_seeds_clients_are_asked_for_basic_and_browsers_never(server: Server, owner: TestClient) -> None:
    client = TestClient(server.client.app, base_url=PAGE)
    seed = [("GET", "/clips/a"), ("PUT", "/clips/a"), ("DELETE", "/clips/a"), ("GET", "/audio/a"), ("PUT", "/audio/a")]
    for method, path in seed:
        answer = client.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith('Basic realm="dictaphone"'), (method, path)
        page = client.request(method, path, headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})
        assert page.headers["www-authenticate"] == 'Bearer realm="dictaphone"', (method, path)
    assert client.get(NOWHERE).headers["www-authenticate"] == 'Bearer realm="dictaphone"'


def test_another_sites_page_cannot_use_what_a_browser_keeps_of_basic(server: Server, owner: TestClient) -> None:
    """A browser sends a password of Basic by itself, with every request: the proof of the page's site stays."""
    visitor = program(server, made(owner, "write", "delete")["token"], basic="ada")
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    for method, path in (("PUT", "/clips/a"), ("DELETE", "/clips/a"), ("GET", "/audio/a"), ("POST", "/api/uploads")):
        answer = visitor.request(method, path, headers=foreign)
        assert (answer.status_code, problem(answer)) == (403, "cross-site")


def test_a_recording_that_a_token_has_begun_ends_with_it(server: Server, owner: TestClient) -> None:
    """An upload key would outlive it."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1", "Upload-Metadata": "filetype YXVkaW8vd2VibQ=="}
    assert "Upload-Key" in owner.post("/api/uploads", headers=headers).headers
    answer = program(server, made(owner, "write")["token"]).post("/api/uploads", headers=headers)
    assert answer.status_code == 201
    assert "Upload-Key" not in answer.headers


def test_a_navigation_with_a_wrong_token_gets_the_page_to_sign_in(server: Server, owner: TestClient) -> None:
    answer = program(server, "dict_" + "A" * 43).get("/")
    assert answer.status_code == 401
    assert "text/html" in answer.headers["content-type"]


def test_making_one_needs_a_sign_in_of_the_last_minutes_and_sense(server: Server, owner: TestClient) -> None:
    now = datetime.now(UTC)
    for said in (
        {"name": ""}, {"scopes": ["own"]}, {"scopes": ["read"] * 9}, {"expires_at": now.isoformat()},
        {"expires_at": "2030-01-01T00:00:00"}, {"secret": "a"},
    ):  # fmt: skip
        answer = owner.post("/api/tokens", json={"name": "a", "scopes": ["read"], **said})
        assert (answer.status_code, problem(answer)) == (400, "bad-request"), said
    with transaction(server.state.engine) as session:
        session.exec(update(SignIn).values(created_at=now - timedelta(minutes=16)))
    answer = owner.post("/api/tokens", json={"name": "a", "scopes": ["read"]})
    assert (answer.status_code, problem(answer)) == (403, "sign-in-again")


def test_nobody_has_tokens_without_end(server: Server, owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.accounts.token_routes.MAX_TOKENS", 2)
    first = made(owner)
    made(owner)
    answer = owner.post("/api/tokens", json={"name": "a", "scopes": []})
    assert (answer.status_code, problem(answer)) == (409, "too-many-tokens")
    owner.delete(f"/api/tokens/{first['id']}")
    made(owner)
