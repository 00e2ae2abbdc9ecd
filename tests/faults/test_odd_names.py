"""Odd names, sent as bytes: each is stored and found again as itself, or refused in words; none is mixed up."""

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.clips.test_names import ODD
from tests.wire import Answer, Wire


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    with Stack(module_parts, ["api"], migrate=False) as stack:
        yield stack


@pytest.fixture
async def wire(api: Stack) -> AsyncIterator[Wire]:
    wire = await Wire.open(api.api_url)
    yield wire
    await wire.close()


async def put(wire: Wire, target: bytes, number: int = 0) -> Answer:
    return await wire.ask("PUT", target, recording(number), Content_Type="audio/webm")


async def heard(wire: Wire, target: bytes) -> bytes:
    answer = await wire.ask("GET", target, Sec_Fetch_Dest="empty")
    assert answer.status == 200, answer.body
    return answer.body


def encoded(name: str, *, safe: str = "") -> bytes:
    return b"/clips/" + quote(name, safe=safe).encode()


async def test_all_of_them_side_by_side_and_none_mixed_up(wire: Wire) -> None:
    for number, name in enumerate(ODD):
        answer = await put(wire, encoded(name), number)
        assert answer.status == 201, (name, answer.body)
        assert json.loads(answer.body)["name"] == name
    for number, name in enumerate(ODD):
        assert await heard(wire, encoded(name)) == recording(number), name
        assert await heard(wire, encoded(name, safe="/:@!$&'()*+,;=")) == recording(number), name
    assert (await wire.ask("DELETE", encoded(ODD[0]))).status == 204
    assert (await wire.ask("HEAD", encoded(ODD[0]))).status == 404
    for number, name in enumerate(ODD[1:], start=1):
        assert await heard(wire, encoded(name)) == recording(number), f"{name} went with {ODD[0]}"


async def test_dots_are_a_name_and_lead_nowhere(wire: Wire) -> None:
    """As no client library sends them: unnormalised."""
    spellings = {b"/clips/..": "..", b"/clips/../x": "../x", b"/clips/%2e%2e%2fy": "../y", b"/clips/./": "./"}
    for number, (target, name) in enumerate(spellings.items()):
        answer = await put(wire, target, number)
        assert (answer.status, json.loads(answer.body)["name"]) == (201, name)
    for number, target in enumerate(spellings):
        assert await heard(wire, target) == recording(number)
    assert await heard(wire, b"/clips/%2e%2e") == recording(0), "another spelling of the same name"
    assert await heard(wire, b"/clips/..%2Fy") == recording(2)


async def test_forms_of_one_name_are_one_name(wire: Wire) -> None:
    await put(wire, encoded("cafe\u0301"), 1)
    assert await heard(wire, encoded("café")) == recording(1)
    await put(wire, encoded("café"), 2)
    assert await heard(wire, encoded("cafe\u0301")) == recording(2)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (b"/clips/", "at least one visible character"),
        (b"/clips/%20", "at least one visible character"),
        (b"/clips/%ff%fe", "percent-encoded UTF-8"),
        (b"/clips/a%c3", "percent-encoded UTF-8"),
        (b"/clips/%ed%a0%80", "percent-encoded UTF-8"),
        (b"/clips/a%00b", "control characters"),
        (b"/clips/a%0a", "control characters"),
        (b"/clips/a%0d%0aX-Evil:%201", "nothing at this address"),
        (b"/clips/" + b"x" * 256, "at most 255 characters"),
        (b"/clips/" + b"%F0%9F%8E%99" * 256, "at most 255 characters"),
        (b"/clips/" + b"x" * 12_000, "at most 255 characters"),
    ],
    ids=lambda value: f"{value[:20]}({len(value)})",
)
async def test_what_is_no_name_is_refused_in_words(wire: Wire, target: bytes, words: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = await wire.ask(method, target, recording() if method == "PUT" else b"", Content_Type="audio/webm")
        assert answer.status in {400, 404}, (method, answer.body)
        assert words in json.loads(answer.body)["detail"]


@pytest.mark.parametrize("target", [b"/clips/\xc3\xa9", b"/clips/\xff", b"/clips/a b"], ids=ascii)
async def test_bytes_that_belong_into_no_address_are_refused(api: Stack, target: bytes) -> None:
    wire = await Wire.open(api.api_url)
    answer = await put(wire, target)
    assert answer.status == 400
    wire.vanish()
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        assert (await client.get("/healthz")).status_code == 200
    assert "Traceback" not in api.log("api")


async def test_the_query_is_not_of_the_name(wire: Wire) -> None:
    await put(wire, encoded("why? #1"), 5)
    assert await heard(wire, b"/clips/why%3F%20%231?download") == recording(5)
    assert (await wire.ask("GET", b"/clips/why? #1")).status in {400, 404}
