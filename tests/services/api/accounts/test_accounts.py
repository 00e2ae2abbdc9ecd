"""Signing in and out, and what a person does about their own account."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from services.api.people import attempts, sign_ins
from services.api.people.secrets import digest
from shared.db.engine import read_session, transaction
from shared.people.models import Passkey, Person
from shared.people.sign_ins import SignIn
from tests.authenticator import PRESENT, Authenticator
from tests.services.api.accounts.conftest import PAGE, PASSWORD, Server, problem

NEW = "otter violin harbour candle"


def sign_in(browser: TestClient, name: str = "Ada", password: str = PASSWORD) -> int:
    return browser.post("/api/sign-in/password", json={"name": name, "password": password}).status_code


def age(server: Server, delta: timedelta) -> None:
    """Make every session as old as if it was opened, and used last, so long ago."""
    at = datetime.now(UTC) - delta
    with transaction(server.state.engine) as session:
        values = {"created_at": at, "used_at": at, "expires_at": at + sign_ins.LIFETIME}
        session.exec(update(SignIn).values(**values))
    server.state.sign_ins.forget()


def add_passkey(browser: TestClient, device: Authenticator, name: str | None = None) -> str:
    begun = browser.post("/api/passkeys/begin").json()
    body = {"ceremony": begun["ceremony"], "credential": device.create(begun["options"]), "name": name}
    answer = browser.post("/api/passkeys", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["passkeys"][-1]["id"])


# -- password ----------------------------------------------------------------------------------------------------


def test_name_and_password_sign_in_and_a_wrong_one_does_not(server: Server) -> None:
    server.claimed()
    browser = server.browser()
    assert sign_in(browser, "ada") == sign_in(browser, "ＡＤＡ") == 200
    assert browser.get("/api/session").json()["has_password"] is True
    answers = [
        server.browser().post("/api/sign-in/password", json={"name": name, "password": password})
        for name, password in (("Ada", "another password"), ("Nobody", PASSWORD), ("Ada", ""), ("", "x" * 5_000))
    ]
    assert {(answer.status_code, problem(answer)) for answer in answers} == {(401, "wrong-credentials")}
    assert len({answer.text for answer in answers}) == 1


def test_who_is_blocked_is_out_at_once_and_comes_in_no_more(server: Server, device: Authenticator) -> None:
    browser = server.claimed()
    add_passkey(browser, device)
    with transaction(server.state.engine) as session:
        session.exec(update(Person).values(blocked_at=datetime.now(UTC)))
    server.state.sign_ins.forget()
    assert browser.get("/api/session").status_code == 401
    assert sign_in(browser) == 401
    begun = browser.post("/api/sign-in/passkey/begin").json()
    answer = {"ceremony": begun["ceremony"], "credential": device.get(begun["options"])}
    assert problem(browser.post("/api/sign-in/passkey/finish", json=answer)) == "wrong-credentials"


def test_guesses_from_an_address_are_limited_and_a_right_one_is_none(server: Server) -> None:
    server.claimed()
    browser = server.browser()
    for _ in range(3):
        assert sign_in(browser) == 200
    for _ in range(attempts.PASSWORDS_OF_ADDRESS.tries):
        assert sign_in(browser, password="no") == 401
    answer = browser.post("/api/sign-in/password", json={"name": "Ada", "password": PASSWORD})
    assert (answer.status_code, problem(answer)) == (429, "too-many")
    assert int(answer.headers["retry-after"]) > 0


def test_guesses_of_strangers_stop_no_browser_that_is_known(server: Server) -> None:
    known = server.claimed()
    now = datetime.now(UTC)
    for moment in (now, now + attempts.PASSWORDS_OF_ACCOUNT.window):  # the test may run across a border of windows
        for _ in range(attempts.PASSWORDS_OF_ACCOUNT.tries):
            attempts.take(server.state.engine, attempts.PASSWORDS_OF_ACCOUNT, "ada", moment)
    assert sign_in(server.browser()) == 429
    age(server, timedelta(days=91))
    assert known.get("/api/session").status_code == 401, "it has expired"
    assert sign_in(known) == 200, "and is known all the same"


def test_a_new_password_ends_all_other_sessions(server: Server) -> None:
    browser, other = server.claimed(), server.browser()
    assert sign_in(other) == 200
    wrong = browser.put("/api/password", json={"password": NEW, "current": "wrong"})
    assert (wrong.status_code, problem(wrong)) == (401, "wrong-credentials")
    assert problem(browser.put("/api/password", json={"password": "short", "current": PASSWORD})) == "bad-password"
    assert browser.put("/api/password", json={"password": NEW, "current": PASSWORD}).status_code == 204
    assert browser.get("/api/session").status_code == 200
    assert other.get("/api/session").status_code == 401
    assert (sign_in(other), sign_in(other, password=NEW)) == (401, 200)


# -- passkeys ----------------------------------------------------------------------------------------------------


def test_a_passkey_is_added_used_and_removed(server: Server, device: Authenticator) -> None:
    browser = server.claimed()
    id = add_passkey(browser, device, "My phone")
    shown = browser.get("/api/passkeys").json()["passkeys"]
    assert [(each["id"], each["name"], each["server"], each["used_at"]) for each in shown] == [
        (id, "My phone", "dictaphone.example.com", None)
    ]
    begun = browser.post("/api/passkeys/begin").json()
    assert len(begun["options"]["excludeCredentials"]) == 1
    other = server.browser()
    begun = other.post("/api/sign-in/passkey/begin").json()
    assert not begun["options"].get("allowCredentials")
    answer = {"ceremony": begun["ceremony"], "credential": device.get(begun["options"])}
    assert other.post("/api/sign-in/passkey/finish", json=answer).status_code == 200
    repeated = server.browser().post("/api/sign-in/passkey/finish", json=answer)
    assert problem(repeated) == "wrong-code", "each ceremony counts once"
    assert browser.get("/api/passkeys").json()["passkeys"][0]["used_at"] is not None
    assert browser.delete(f"/api/passkeys/{id}").status_code == 204
    assert browser.delete(f"/api/passkeys/{id}").status_code == 404
    assert browser.delete("/api/passkeys/x").status_code == 404
    begun = other.post("/api/sign-in/passkey/begin").json()
    answer = {"ceremony": begun["ceremony"], "credential": device.get(begun["options"])}
    assert problem(other.post("/api/sign-in/passkey/finish", json=answer)) == "wrong-credentials"


def test_the_last_way_in_stays(server: Server, device: Authenticator) -> None:
    browser = server.claimed()
    id = add_passkey(browser, device)
    with transaction(server.state.engine) as session:
        session.exec(update(Person).values(password_hash=None))
    assert problem(browser.delete(f"/api/passkeys/{id}")) == "last-way-in"
    assert browser.put("/api/password", json={"password": NEW}).status_code == 204
    assert browser.delete(f"/api/passkeys/{id}").status_code == 204


@pytest.mark.parametrize("fault", ["page", "flags", "counter", "signature", "challenge", "handle", "server", "garbage"])
def test_a_passkey_that_answers_wrongly_opens_nothing(server: Server, device: Authenticator, fault: str) -> None:
    browser = server.claimed()
    device.counter = 5
    add_passkey(browser, device)
    begun = browser.post("/api/sign-in/passkey/begin").json()
    options = begun["options"]
    match fault:
        case "page":
            device.origin = "https://evil.dictaphone.example.com"
        case "flags":
            device.flags = PRESENT
        case "counter":
            device.counter = 2
        case "challenge":
            options = browser.post("/api/sign-in/passkey/begin").json()["options"]
        case "handle":
            device.keys = {id: (key, rp_id, b"x" * 16) for id, (key, rp_id, _) in device.keys.items()}
        case "server":
            with transaction(server.state.engine) as session:
                session.exec(update(Passkey).values(rp_id="other.example.com"))
    credential = device.get(options)
    if fault == "signature":
        credential["response"]["signature"] = credential["response"]["signature"][:-8] + "AAAAAAAA"
    if fault == "garbage":
        credential = {"rawId": 5, "response": {"clientDataJSON": "e30"}, "id": None}
    body = {"ceremony": begun["ceremony"], "credential": credential}
    answer = server.browser().post("/api/sign-in/passkey/finish", json=body)
    assert (answer.status_code, problem(answer)) == (401, "wrong-credentials")


def test_what_opens_the_server_is_changed_by_who_has_just_signed_in(server: Server, device: Authenticator) -> None:
    browser = server.claimed()
    id = add_passkey(browser, device)
    age(server, timedelta(minutes=16))
    assert problem(browser.post("/api/passkeys/begin")) == "sign-in-again"
    assert problem(browser.delete(f"/api/passkeys/{id}")) == "sign-in-again"
    assert problem(browser.put("/api/password", json={"password": NEW})) == "sign-in-again"
    assert sign_in(browser) == 200
    assert browser.post("/api/passkeys/begin").status_code == 200


# -- sessions ----------------------------------------------------------------------------------------------------


def test_a_session_slides_and_expires(server: Server) -> None:
    browser = server.claimed()
    age(server, timedelta(days=89))
    assert browser.get("/api/clips").status_code == 200
    with read_session(server.state.engine) as session:
        left = session.exec(select(SignIn.expires_at)).one() - datetime.now(UTC)
    assert left > timedelta(days=89)
    assert "max-age=7776000" in browser.get("/api/session").headers["set-cookie"].lower()
    age(server, timedelta(days=90, seconds=1))
    assert browser.get("/api/clips").status_code == 401


def test_a_sign_in_ends_the_session_before_in_this_browser(server: Server) -> None:
    browser = server.claimed()
    old = browser.cookies["__Host-dictaphone"]
    assert sign_in(browser) == 200
    assert browser.cookies["__Host-dictaphone"] != old
    assert server.client.get("/api/clips", headers={"Cookie": f"__Host-dictaphone={old}"}).status_code == 401
    assert len(browser.get("/api/sessions").json()["sessions"]) == 1


def test_devices_are_listed_and_ended(server: Server) -> None:
    browser = server.claimed()
    phone = server.browser("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1")
    third = server.browser("curl/8.14")
    assert sign_in(phone) == sign_in(third) == 200
    devices = browser.get("/api/sessions").json()["sessions"]
    assert {(each["device"], each["how"], each["current"]) for each in devices} == {
        ("Firefox, Linux", "claim", True), ("Safari, iPhone", "password", False), ("curl", "password", False),
    }  # fmt: skip
    phone_id = next(each["id"] for each in devices if each["device"] == "Safari, iPhone")
    assert browser.delete(f"/api/sessions/{phone_id}").status_code == 204
    assert phone.get("/api/clips").status_code == 401
    assert third.get("/api/clips").status_code == 200
    assert browser.delete("/api/sessions").status_code == 204
    assert third.get("/api/clips").status_code == 401
    assert browser.delete("/api/sessions/00000000-0000-4000-8000-000000000000").status_code == 404
    assert browser.delete("/api/session").status_code == 204
    assert "__Host-dictaphone" not in browser.cookies
    assert browser.get("/api/clips").status_code == 401


def test_a_link_signs_in_the_next_device_once(server: Server) -> None:
    browser = server.claimed()
    answer = browser.post("/api/device-link")
    link = answer.json()
    assert answer.status_code == 201
    assert link["svg"].startswith("<svg")
    secret = re.fullmatch(rf"{PAGE}/sign-in#device=([\w-]{{43}})", link["url"])
    assert secret
    phone = server.browser()
    assert phone.post("/api/sign-in/device", json={"secret": secret[1]}).status_code == 200
    assert phone.get("/api/session").json()["person"]["name"] == "Ada"
    assert problem(server.browser().post("/api/sign-in/device", json={"secret": secret[1]})) == "wrong-code"
    assert timedelta(minutes=9) < datetime.fromisoformat(link["expires"]) - datetime.now(UTC) < timedelta(minutes=10)


def test_a_person_changes_their_name_but_not_to_another_ones(server: Server) -> None:
    browser = server.claimed()
    with transaction(server.state.engine) as session:
        session.add(Person.of("Grace", datetime.now(UTC)))
    assert browser.patch("/api/person", json={"name": "Ada L."}).json()["person"]["name"] == "Ada L."
    assert problem(browser.patch("/api/person", json={"name": "GRACE"})) == "name-taken"
    assert sign_in(server.browser(), "ada l.") == 200


def test_a_person_sees_and_ends_nothing_of_another_one(server: Server, device: Authenticator) -> None:
    browser = server.claimed()
    passkey = add_passkey(browser, device)
    session_id = browser.get("/api/session").json()["session"]
    with transaction(server.state.engine) as session:
        grace = Person.of("Grace", datetime.now(UTC))
        session.add(grace)
        session.flush()
        secret = sign_ins.begin(session, grace.id, "password", "", datetime.now(UTC))
    other = server.browser()
    other.cookies.set("__Host-dictaphone", secret, domain="dictaphone.example.com", path="/")
    assert other.get("/api/session").json()["libraries"] == []
    assert other.get("/api/passkeys").json() == {"passkeys": []}
    assert other.delete(f"/api/passkeys/{passkey}").status_code == 404
    assert other.delete(f"/api/sessions/{session_id}").status_code == 404
    assert other.get("/api/clips").status_code == 404
    other.delete("/api/sessions")
    assert browser.get("/api/session").status_code == 200


def test_no_secret_is_in_the_log_or_the_database(server: Server, device: Authenticator) -> None:
    code, browser = server.code(), server.claimed()
    add_passkey(browser, device)
    link = browser.post("/api/device-link").json()["url"].partition("=")[2]
    sign_in(browser, password="a wrong password")
    cookie = browser.cookies["__Host-dictaphone"]
    lines = server.log.getvalue()
    assert lines.count(code) == 1, "the link of the claim, and nowhere else"
    for secret in (PASSWORD, "a wrong password", link, cookie, digest(cookie), "$argon2"):
        assert secret not in lines
    with read_session(server.state.engine) as session:
        assert session.exec(select(SignIn).where(col(SignIn.secret_sha256) == cookie)).all() == []
        assert session.exec(select(SignIn.secret_sha256).where(col(SignIn.ended_at).is_(None))).all() == [
            digest(cookie)
        ]
