"""Which sites and hosts may send a request, which headers each answer has, and the page's policy."""

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import WEBM, assert_problem
from tests.tus import BODY, DEFERRED, metadata

FRIEND = "https://app.example.com"


# SQLite and files will do: nothing here touches the parts.
pytestmark = pytest.mark.parametrize("module_parts", ["local"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    settings = {"ALLOWED_ORIGINS": f"{FRIEND}, http://localhost:3000", "SIGN_IN": "off"}
    with Stack({**module_parts, **settings}, ["api"], migrate=False) as api:
        yield api


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "http://127.0.0.1"}, False),
        ({"Origin": "OURS"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OURS"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": FRIEND}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://APP.example.com"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://app.example.com"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"{FRIEND}.evil.example"}, False),
    ],
    ids=str,
)
async def test_only_our_own_pages_change_anything(
    client: httpx.AsyncClient, api: Stack, headers: dict[str, str], allowed: bool
) -> None:
    headers = {name: value.replace("OURS", api.api_url) for name, value in headers.items()}
    by_id, by_name = f"/api/clips/{uuid.uuid4()}", f"/clips/{uuid.uuid4()}"
    put = await client.put(by_id, params={"name": "a"}, content=recording(), headers={**WEBM, **headers})
    others = [
        await client.put(by_name, content=recording(), headers={**WEBM, **headers}),
        await client.patch(by_id, json={"name": "b"}, headers=headers),
        await client.post(f"{by_id}/transcription", headers=headers),
        await client.delete(by_id, headers=headers),
        await client.post(f"{by_id}/restore", headers=headers),
        await client.delete(by_name, headers=headers),
    ]
    if allowed:
        assert [put.status_code, *(other.status_code for other in others)] == [201, 201, 200, 202, 204, 200, 204]
    else:
        for response in (put, *others):
            assert "another site" in assert_problem(response, 403, "cross-site")
        assert (await client.get(by_id)).status_code == 404


LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/api/clips?q=word", "/%61pi/tags", "/api/library.zip", "/clips/a", "/audio/a"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "audio"}, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": FRIEND}, True),
        ({"Sec-Fetch-Site": "cross-site", **LINK}, True),
        ({"Sec-Fetch-Site": "none", **LINK}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "audio"}, True),
        ({}, True),
    ],
    ids=str,
)
async def test_clips_are_read_by_our_own_pages_and_by_links(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], *, allowed: bool
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code == 403) is not allowed
    if method == "GET" and not allowed:
        assert_problem(answer, 403, "cross-site")
    assert "Access-Control-Allow-Origin" not in answer.headers or headers.get("Origin") == FRIEND


async def test_what_holds_nobodys_clips_is_open(client: httpx.AsyncClient) -> None:
    for path in ("/", "/healthz", "/static/app-icons/icon.svg"):
        assert (await client.get(path, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_an_allowed_origin_gets_cors_headers(client: httpx.AsyncClient) -> None:
    asked = {"Origin": FRIEND, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    preflight = await client.options("/api/clips/1", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    response = await client.get("/api/clips", headers={"Origin": FRIEND})
    assert response.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "ETag" in response.headers["Access-Control-Expose-Headers"]
    asked["Origin"] = "https://evil.example"
    assert "Access-Control-Allow-Origin" not in (await client.options("/api/clips/1", headers=asked)).headers


@pytest.mark.parametrize("path", ["/api/clips", "/nowhere", "/healthz", "/openapi.json", "/metrics", "/clips/nobody"])
async def test_every_answer_has_the_default_headers(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert len(response.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123.DEF", True), ("short", False), ("a b c d e f", False), ("x" * 65, False)]
)
async def test_a_harmless_request_id_of_the_client_is_kept(client: httpx.AsyncClient, given: str, kept: bool) -> None:
    response = await client.get("/healthz", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) is kept


async def test_metrics_count_routes_and_not_names(client: httpx.AsyncClient) -> None:
    await client.get("/clips/a-very-private-name")
    text = (await client.get("/metrics")).text
    assert 'dictaphone_requests_total{method="GET",route="/clips/{name:path}",status="404"}' in text
    assert "private" not in text


async def test_health_names_each_part(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).text == "ok"
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["database"], ready.json()["store"]) == (200, "ok", "ok")


async def test_the_page_runs_nothing_but_our_own_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "microphone=(self), display-capture=(self), camera=()" in page.headers["Permissions-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    script = await client.get("/static/shared/api.js")
    assert script.status_code == 200
    assert "javascript" in script.headers["Content-Type"]
    assert script.headers["Cache-Control"] == "no-cache"
    again = await client.get("/static/shared/api.js", headers={"If-None-Match": script.headers["ETag"]})
    assert again.status_code == 304


async def test_an_allowed_origin_may_record(client: httpx.AsyncClient) -> None:
    cross = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "tus-resumable,upload-offset,upload-checksum,content-type,recorded-ms",
    }
    preflight = await client.options("/api/uploads/1", headers={**cross, **asked})
    assert preflight.status_code == 200, preflight.text
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    begun = await client.post("/api/uploads", headers={**cross, **DEFERRED, "Upload-Metadata": metadata(segment=0)})
    assert begun.status_code == 201
    shown = set(begun.headers["Access-Control-Expose-Headers"].split(", "))
    assert {name for name in begun.headers if name.startswith(("tus-", "upload-", "location"))} <= {
        name.lower() for name in shown
    }
    refusal = await client.patch(
        begun.headers["Location"], content=b"a", headers={**cross, **BODY, "Upload-Offset": "5"}
    )
    assert refusal.headers["Upload-Offset"] == "0"
    assert {"Upload-Offset", "Upload-Expires", "Upload-Length"} <= shown
    assert refusal.headers["Access-Control-Allow-Origin"] == FRIEND
    assert (await client.options("/api/uploads", headers=cross)).headers["Tus-Version"] == "1.0.0"
    stranger = await client.post("/api/uploads", headers={**DEFERRED, "Origin": "https://evil.example"})
    assert_problem(stranger, 403, "cross-site")


@pytest.mark.parametrize("origin", ["http://[", "http://", "://", "http://[::1", "http://a:b:c"])
async def test_an_origin_that_cannot_be_read_is_another_site(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.put("/clips/a", content=recording(), headers={**WEBM, "Origin": origin})
    assert_problem(response, 403, "cross-site")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[::1]evil", "localhost.evil"]
)
async def test_an_unknown_host_is_rejected(client: httpx.AsyncClient, host: str) -> None:
    pretended = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert_problem(await client.get("/api/clips", headers=pretended), 421, "unknown-host")
    assert_problem(
        await client.put("/clips/a", content=recording(), headers={**WEBM, **pretended}), 421, "unknown-host"
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST:99", "app.example.com"])
async def test_the_hosts_of_this_server_are_accepted(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/api/clips", headers={"Host": host})).status_code == 200


async def test_an_unexpected_error_is_a_problem_with_headers_and_metrics(
    client: httpx.AsyncClient, module_parts: Parts
) -> None:
    def set_updated_at(at: str) -> None:
        with contextlib.closing(sqlite3.connect(module_parts["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
            database.execute("UPDATE clip SET updated_at = ?", [at])
            database.commit()

    clip = (await client.put("/clips/a", content=recording(), headers=WEBM)).json()["id"]
    set_updated_at("at no time")
    try:
        response = await client.get(f"/api/clips/{clip}")
        assert_problem(response, 500, "internal")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Request-ID"]
        assert 'route="/api/clips/{id}",status="500"' in (await client.get("/metrics")).text
    finally:
        set_updated_at("2026-11-30 00:00:00")
