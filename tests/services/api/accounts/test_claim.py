"""The claim of a new server: closed from its first second, claimed once, by whoever may read the log."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select, update

from services.api.access.needs import needs_of
from services.api.access.principal import Need
from services.api.app import ROUTES
from services.api.people import attempts, claim
from services.api.people.secrets import digest
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.people.libraries import Member
from shared.people.models import Person
from shared.people.roles import Role
from shared.people.sign_ins import Ceremony
from tests.authenticator import Authenticator
from tests.services.api.accounts.conftest import PASSWORD, Server, problem


def test_a_server_that_nobody_has_claimed_is_closed(server: Server) -> None:
    for path, method, _, need in needs_of(ROUTES):
        if need is not Need.OPEN and method != "WEBSOCKET":
            answer = server.client.request(method, path.replace("{id}", "00000000-0000-4000-8000-000000000000"))
            assert answer.status_code == 401, f"{method} {path}: {answer.text}"
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get("/api/sign-in").json() == {"on": True, "claimed": False, "ways": ["passkey", "password"]}


def test_the_link_in_the_log_claims_it_by_a_password(server: Server) -> None:
    code = server.code()
    looked = server.client.post("/api/claim/look", json={"code": code})
    assert looked.json() == {"person": None}
    browser = server.claimed("  Ada   Lovelace ")
    me = browser.get("/api/session").json()
    assert me["person"]["name"] == "Ada Lovelace"
    assert (me["how"], me["library"]) == ("session", HOME)
    assert me["libraries"] == [{"id": HOME, "name": "Home", "role": "owner"}]
    assert browser.get("/api/clips").status_code == 200
    assert server.client.get("/api/clips").status_code == 401
    assert server.client.get("/api/sign-in").json()["claimed"] is True
    again = server.browser().post("/api/claim", json={"code": code, "name": "Eve", "password": PASSWORD})
    assert (again.status_code, problem(again)) == (403, "wrong-code")


def test_the_cookie_cannot_be_read_or_sent_by_others(server: Server) -> None:
    answer = server.browser().post("/api/claim", json={"code": server.code(), "name": "Ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-dictaphone=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"secure", "httponly", "samesite=lax", "path=/", "max-age=7776000"}
    assert answer.headers["cache-control"] == "no-store"


def test_a_passkey_claims_it_too(server: Server, device: Authenticator) -> None:
    code, browser = server.code(), server.browser()
    begun = browser.post("/api/claim/passkey/begin", json={"code": code, "name": "Ada"}).json()
    body = {"code": code, "name": "Ada", "ceremony": begun["ceremony"], "credential": device.create(begun["options"])}
    assert browser.post("/api/claim", json=body).status_code == 201
    assert browser.get("/api/session").json()["person"]["name"] == "Ada"
    other = server.browser()
    begun = other.post("/api/sign-in/passkey/begin").json()
    answer = {"ceremony": begun["ceremony"], "credential": device.get(begun["options"])}
    assert other.post("/api/sign-in/passkey/finish", json=answer).status_code == 200
    assert other.get("/api/clips").status_code == 200


@pytest.mark.parametrize("same_code", [True, False])
def test_of_two_who_claim_at_once_one_does(server: Server, same_code: bool) -> None:
    codes = [server.code()] * 2
    if not same_code:
        claim.announce(server.state.engine, server.state.settings, datetime.now(UTC))
        codes[1] = server.code()
        assert codes[0] != codes[1]
    browsers = [server.browser() for _ in codes]

    def use(number: int) -> int:
        body = {"code": codes[number], "name": f"Person {number}", "password": PASSWORD}
        return browsers[number].post("/api/claim", json=body).status_code

    with ThreadPoolExecutor() as pool:
        statuses = list(pool.map(use, range(2)))
    assert sorted(statuses) == [201, 403 if same_code else 409]
    with read_session(server.state.engine) as session:
        assert session.exec(select(Member.role).where(col(Member.library_id) == HOME)).all() == [Role.OWNER]
        assert len(session.exec(select(Person)).all()) == 1


def test_a_code_counts_for_an_hour_and_a_new_one_comes_when_it_is_asked_for(server: Server) -> None:
    code = server.code()
    server.client.get("/api/sign-in")
    assert server.code() == code, "one that counts is enough"
    with transaction(server.state.engine) as session:
        ceremony = session.exec(select(Ceremony).where(col(Ceremony.secret_sha256) == digest(code))).one()
        left = ceremony.expires_at - datetime.now(UTC)
        assert timedelta(minutes=58) < left <= timedelta(hours=1)
        session.exec(update(Ceremony).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    answer = server.client.post("/api/claim/look", json={"code": code})
    assert problem(answer) == "wrong-code"
    server.client.get("/api/sign-in")
    assert server.code() != code
    assert server.client.post("/api/claim/look", json={"code": server.code()}).status_code == 200


def test_wrong_codes_are_counted(server: Server) -> None:
    browser = server.browser()
    for _ in range(attempts.CODES_OF_ADDRESS.tries):
        assert problem(browser.post("/api/claim/look", json={"code": "wrong"})) == "wrong-code"
    answer = browser.post("/api/claim/look", json={"code": server.code()})
    assert (answer.status_code, problem(answer)) == (429, "too-many")
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60


def test_what_cannot_be_used_uses_up_no_code(server: Server) -> None:
    code, browser = server.code(), server.browser()
    good = {"code": code, "name": "Ada", "password": PASSWORD}
    for changed, slug in (
        ({"password": "short"}, "bad-password"),
        ({"password": "password1234"}, "bad-password"),
        ({"password": "a" * 1025}, "bad-password"),
        ({"password": None}, "bad-request"),
        ({"name": " "}, "bad-request"),
        ({"name": None}, "bad-request"),
        ({"name": "a\u202eb"}, "bad-request"),
        ({"code": "x"}, "wrong-code"),
    ):
        assert problem(browser.post("/api/claim", json=good | changed)) == slug, changed
    assert browser.post("/api/claim", json=good).status_code == 201


def test_an_owner_comes_back_in_by_another_link(server: Server) -> None:
    owner = server.claimed()
    with transaction(server.state.engine) as session:
        person = claim.owner(session)
        assert person is not None
        person.blocked_at = datetime.now(UTC)
        session.add(person)
        code = claim.new_code(session, datetime.now(UTC), person)
    browser = server.browser()
    assert browser.post("/api/claim/look", json={"code": code}).json() == {"person": "Ada"}
    new = "otter violin harbour candle"
    assert browser.post("/api/claim", json={"code": code, "password": new}).status_code == 201
    assert browser.get("/api/clips").status_code == 200
    assert browser.get("/api/session").json()["person"] == owner.get("/api/session").json()["person"]
    sign_in = {"name": "ada", "password": new}
    assert server.browser().post("/api/sign-in/password", json=sign_in).status_code == 200


def test_other_sites_sign_nobody_in(server: Server) -> None:
    body = {"code": server.code(), "name": "Ada", "password": PASSWORD}
    for path in ("/api/claim", "/api/sign-in/password", "/api/sign-in/passkey/begin", "/api/sign-in/device"):
        for headers in (
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = server.browser().post(path, json=body, headers=headers)
            assert (answer.status_code, problem(answer)) == (403, "cross-site")


def test_a_page_over_http_from_elsewhere_signs_nobody_in(start: Callable[..., Server]) -> None:
    server = start(PUBLIC_URL="", SIGN_IN="on")
    headers = {"Origin": "http://192.168.1.5:8080", "Host": "192.168.1.5:8080"}
    answer = server.browser().post("/api/sign-in/password", json={"name": "a", "password": "b"}, headers=headers)
    assert (answer.status_code, problem(answer)) == (403, "insecure-page")
    assert server.client.get("/api/sign-in", headers=headers).json()["ways"] == ["password"]
