"""A server on which people sign in, in the tests' own process."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import structlog
from starlette.testclient import TestClient

from services.api.app import create_app
from services.api.settings import ApiSettings
from services.api.state import State
from tests.authenticator import Authenticator

PAGE = "https://dictaphone.example.com"
PASSWORD = "heron lantern quarry mosaic"
SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": PAGE}


@dataclass
class Server:
    """The api, its log, and browsers that visit it."""

    client: TestClient
    log: io.StringIO

    @property
    def state(self) -> State:
        state: State = self.client.app.state.dictaphone  # type: ignore[attr-defined]
        return state

    def code(self) -> str:
        """The newest code of a claim in the log."""
        found = re.findall(rf"Claim this server: {PAGE}/claim#([\w-]{{22}})\b", self.log.getvalue())
        assert found, self.log.getvalue()
        return str(found[-1])

    def browser(self, agent: str = "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/145.0") -> TestClient:
        """A browser of its own, with its own cookies."""
        headers = {**SAME_SITE, "user-agent": agent}
        return TestClient(self.client.app, base_url=PAGE, headers=headers, client=("203.0.113.5", 40000))

    def claimed(self, name: str = "Ada") -> TestClient:
        """The browser of the owner, by a password."""
        browser = self.browser()
        body = {"code": self.code(), "name": name, "password": PASSWORD}
        answer = browser.post("/api/claim", json=body)
        assert answer.status_code == 201, answer.text
        return browser


@pytest.fixture
def start(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Server]]:
    """Start the api with settings: `start(SIGN_IN="off")`; its database and its Redis are this test's own."""
    log, before = io.StringIO(), structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
        logger_factory=structlog.PrintLoggerFactory(log),
        cache_logger_on_first_use=False,
    )
    with ExitStack() as held:

        def start(**settings: str) -> Server:
            parts = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}
            for name, value in {**parts, "PUBLIC_URL": PAGE, **settings}.items():
                monkeypatch.setenv(name, value)
            client = TestClient(create_app(ApiSettings()), base_url=PAGE, headers=SAME_SITE)
            return Server(held.enter_context(client), log)

        yield start
    structlog.configure(**before)


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """An unclaimed server; the link is in its log."""
    server = start()
    assert server.client.get("/api/sign-in").json()["claimed"] is False
    return server


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(PAGE)


def problem(answer: httpx2.Response) -> str:
    """The slug of an error."""
    return str(answer.json()["type"]).rpartition(":")[2]
