"""The page to sign in: who gets it, where, and under which policy."""

from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from services.api.access import access
from services.api.app import create_app
from services.api.frontend import routes
from services.api.settings import ApiSettings
from tests.conftest import Parts

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

SIGN_IN_SCRIPT = "/static/sign-in/sign-in.js"


@pytest.fixture(scope="module")
def signed_out(module_local_parts: Parts) -> Iterator[TestClient]:
    """Of somebody whom the server does not know."""

    async def nobody(_: object) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_local_parts.items():
            patch.setenv(name, value)
        patch.setattr(routes, "identify", nobody)
        patch.setattr(access, "identify", nobody)
        with TestClient(create_app(ApiSettings()), base_url="http://localhost", follow_redirects=False) as client:
            yield client


@pytest.mark.parametrize("path", ["/sign-in", "/claim"])
async def test_the_page_to_sign_in_is_open_and_strict(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=NAVIGATION)
    assert answer.status_code == 200
    assert SIGN_IN_SCRIPT in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/settings", "/bin", "/clips/11111111-2222-4333-8444-555555555555"])
def test_a_place_of_the_page_asks_to_sign_in_and_keeps_its_address(signed_out: TestClient, path: str) -> None:
    answer = signed_out.get(path, headers=NAVIGATION)
    assert answer.status_code == 401
    assert SIGN_IN_SCRIPT in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in answer.headers["Vary"]


def test_a_device_keeps_the_page_though_nobody_is_signed_in(signed_out: TestClient) -> None:
    script = signed_out.get("/service-worker.js").text
    version = script.partition('"version": "')[2].partition('"')[0]
    answer = signed_out.get("/", params={"shell": version})
    assert answer.status_code == 200
    assert "/static/main.js" in answer.text or "/static/bundle/" in answer.text
    assert 'id="first-list"' not in answer.text


def test_headers_alone_tell_that_nobody_is_signed_in(signed_out: TestClient) -> None:
    answer = signed_out.head("/api/clips")
    assert answer.status_code == 401
    assert "dictaphone" in answer.headers["WWW-Authenticate"]
