"""When nobody need sign in, over the whole api; and the way back in from the command line."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from services.api.people.names import page_address
from tests.servers.stack import PYTHON, ROOT
from tests.services.api.accounts.conftest import PAGE, PASSWORD, Server, problem

HERE = "http://localhost:8080"
PAGE_HERE = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}


def local_browser(server: Server, **headers: str) -> TestClient:
    return TestClient(server.client.app, base_url=HERE, client=("127.0.0.1", 40000), headers={**PAGE_HERE, **headers})


def test_on_ones_own_machine_nobody_signs_in_until_the_server_is_claimed(start: Callable[..., Server]) -> None:
    server = start(PUBLIC_URL="")
    browser = local_browser(server)
    assert browser.get("/api/clips").status_code == 200
    me = browser.get("/api/session").json()
    assert (me["how"], me["person"], me["library"]) == ("local", None, "home")
    assert browser.get("/api/sign-in").json() == {"on": False, "claimed": False, "ways": ["passkey", "password"]}
    assert "Claim" not in server.log.getvalue()
    assert problem(browser.put("/api/password", json={"password": PASSWORD})) == "not-allowed"
    # Through a proxy everybody signs in, and the first who asks finds a link in the log.
    proxied = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https", "Origin": "https://localhost"}
    assert browser.get("/api/clips", headers=proxied).status_code == 401
    assert browser.get("/api/sign-in", headers=proxied).json()["on"] is True
    code = re.findall(r"Claim this server: http://localhost:8080/claim#([\w-]{22})", server.log.getvalue())[-1]
    claimed = browser.post("/api/claim", json={"code": code, "name": "Ada", "password": PASSWORD})
    assert claimed.status_code == 201
    cookie = claimed.headers["set-cookie"]
    assert cookie.startswith("dictaphone-loopback=")
    assert "secure" not in cookie.lower()
    assert browser.get("/api/session").json()["how"] == "session"
    assert local_browser(server).get("/api/clips").status_code == 401, "now it has people, whom it tells apart"


def test_the_cookie_of_loopback_counts_nowhere_else(server: Server) -> None:
    cookie = server.claimed().cookies["__Host-dictaphone"]
    assert server.client.get("/api/clips", headers={"Cookie": f"__Host-dictaphone={cookie}"}).status_code == 200
    assert server.client.get("/api/clips", headers={"Cookie": f"dictaphone-loopback={cookie}"}).status_code == 401


def test_sign_in_off_is_off_and_said_at_each_start(start: Callable[..., Server]) -> None:
    server = start(SIGN_IN="off")
    assert server.browser().get("/api/clips").status_code == 200
    assert "SIGN_IN=off: whoever reaches this server" in server.log.getvalue()
    assert "Claim this server" not in server.log.getvalue()


def claim_command(database_url: str, *arguments: str) -> Any:
    environment = {**PYTHON, "DATABASE_URL": database_url, "PUBLIC_URL": PAGE}
    command = [sys.executable, "-m", "services.api.claim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)


def test_the_command_prints_a_link_and_is_the_way_back_in(server: Server, database_url: str) -> None:
    assert page_address(server.state.settings) == PAGE
    printed = claim_command(database_url)
    link = re.fullmatch(rf"Claim this server, within 60 minutes: {PAGE}/claim#([\w-]{{22}})\n", printed.stdout)
    assert link, printed
    body = {"code": link[1], "name": "Ada", "password": PASSWORD}
    assert server.browser().post("/api/claim", json=body).status_code == 201
    again = claim_command(database_url).stdout
    link = re.fullmatch(rf"Come back in as Ada, within 60 minutes: {PAGE}/claim#([\w-]{{22}})\n", again)
    assert link, again
    assert server.client.post("/api/claim/look", json={"code": link[1]}).json() == {"person": "Ada"}
    nobody = claim_command(database_url, "--name", "Eve")
    assert (nobody.returncode, nobody.stderr) == (1, "Nobody here has the name 'Eve'.\n")
