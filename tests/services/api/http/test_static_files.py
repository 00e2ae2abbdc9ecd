"""Static files: compressed on the wire, revalidated, and the same as in the folder."""

import gzip
from collections.abc import Iterator

import brotli
import httpx
import pytest

from services.api.frontend.version import STATIC
from tests.conftest import Parts
from tests.servers.stack import Stack

local_only = pytest.mark.parametrize("module_parts", ["local"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    with Stack(module_parts, ["api"], migrate=False) as api:
        yield api


def fetch(api: Stack, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The response, and its body before it is decompressed."""
    with httpx.stream("GET", f"{api.api_url}{path}", headers=headers) as response:
        return response, b"".join(response.iter_raw())


@local_only
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("BR", "br"),
        ("identity", None),
        ("br;q=0", None),
        ("br;q=0, gzip", "gzip"),
        ("br; Q=0.000 ,gzip;q=0.1", "gzip"),
        ("br;q=0.1, gzip;q=1.0", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("*", "br"),
        ("*;q=0", None),
        ("*, br;q=0", "gzip"),
        ("br;q=nonsense, gzip", "gzip"),
        ("identity;q=1, br;q=0.2", None),
    ],
)
def test_a_script_comes_in_the_best_coding_that_is_taken(api: Stack, accepted: str, coding: str | None) -> None:
    response, body = fetch(api, "/static/shared/api.js", **{"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"].startswith("text/javascript")
    written = (STATIC / "shared/api.js").read_text()
    opened = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding](body)
    assert opened.decode() == written


@local_only
def test_each_coding_has_a_tag_of_its_own(api: Stack) -> None:
    tags = set()
    for coding in ("br", "gzip", "identity"):
        response, _ = fetch(api, "/", **{"Accept-Encoding": coding})
        tag = response.headers["etag"]
        tags.add(tag)
        again, body = fetch(api, "/static/main.js", **{"Accept-Encoding": coding, "If-None-Match": tag})
        assert (again.status_code, bool(body)) == (200, True), "the tag of another file"
    assert len(tags) == 3
    for path in ("/", "/static/shared/page.css"):
        response, _ = fetch(api, path, **{"Accept-Encoding": "br"})
        tag = response.headers["etag"]
        for said in (tag, f"W/{tag}"):
            again, body = fetch(api, path, **{"Accept-Encoding": "br", "If-None-Match": said})
            assert (again.status_code, body, again.headers["etag"]) == (304, b"", tag)


@local_only
def test_a_picture_comes_as_it_is(api: Stack) -> None:
    response, body = fetch(api, "/static/app-icons/icon-192.png", **{"Accept-Encoding": "br"})
    assert "content-encoding" not in response.headers
    assert body == (STATIC / "app-icons/icon-192.png").read_bytes()
