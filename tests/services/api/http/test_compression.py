"""Compressed answers: which, in which coding, and with which entity tag."""

import gzip
import uuid

import brotli
import httpx
import pytest

from tests.services.api.clips.test_routes import put_clip

pytestmark = pytest.mark.parametrize("module_parts", ["local"], indirect=True, scope="module")

WORDS = "Was gesagt wurde, steht hier. " * 2_000


async def raw(client: httpx.AsyncClient, url: str, accept: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it was sent."""
    async with client.stream("GET", url, headers={"Accept-Encoding": accept, **headers}) as response:
        return response, b"".join([block async for block in response.aiter_raw()])


@pytest.fixture
async def url(client: httpx.AsyncClient) -> str:
    clip = await put_clip(client)
    url = f"/api/clips/{clip['id']}"
    await client.patch(url, json={"text": WORDS})
    return url


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("identity", None),
    ],
)
async def test_json_is_sent_in_the_best_coding(
    client: httpx.AsyncClient, url: str, accept: str, coding: str | None
) -> None:
    response, body = await raw(client, url, accept)
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["Content-Length"] == str(len(body))
    decode = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert WORDS in decode(body).decode()
    assert coding is None or len(body) < 2_000
    assert response.headers["ETag"] == ('"2"' if coding is None else f'"2-{coding}"')


async def test_the_tag_of_a_compressed_clip_names_its_version(client: httpx.AsyncClient, url: str) -> None:
    for tag in ('"2"', '"2-br"', 'W/"2-br"'):
        same, _ = await raw(client, url, "br", **{"If-None-Match": tag})
        assert same.status_code == 304
        assert same.headers["ETag"] == tag.removeprefix("W/")
        assert same.headers["Vary"] == "Accept-Encoding", "a head of 304 says what that of 200 says"
    changed = await client.patch(url, json={"name": "a"}, headers={"If-Match": '"2-br"'})
    assert changed.status_code == 200, changed.text
    stale = await client.patch(url, json={"name": "b"}, headers={"If-Match": '"2-br"'})
    assert stale.status_code == 412
    assert (await raw(client, url, "br", **{"If-None-Match": '"2-br"'}))[0].status_code == 200


async def test_short_answers_sound_and_zips_stay_as_they_are(client: httpx.AsyncClient, url: str) -> None:
    for address in (f"/api/clips/{uuid.uuid4()}", f"{url}/audio", "/api/library.zip"):
        response, _ = await raw(client, address, "gzip, br", **{"Sec-Fetch-Dest": "empty"})
        assert "Content-Encoding" not in response.headers, address
    part, body = await raw(client, f"{url}/audio", "gzip, br", Range="bytes=0-9")
    assert (part.status_code, len(body)) == (206, 10)


async def test_transcripts_are_compressed_too(client: httpx.AsyncClient, url: str) -> None:
    for form in ("txt", "json"):
        response, body = await raw(client, f"{url}/transcript.{form}", "br")
        assert response.headers["Content-Encoding"] == "br", form
        assert len(body) < 4_000


async def test_the_service_worker_is_compressed(client: httpx.AsyncClient) -> None:
    """Every first visit fetches it, with the list of all files in it."""
    response, body = await raw(client, "/service-worker.js", "br")
    assert response.headers["Content-Encoding"] == "br"
    assert len(body) < 5_000
    assert brotli.decompress(body).startswith(b"const SHELL = ")
