"""Clips by name, as clients of the seed use them, and the answers with audio."""

import uuid
from urllib.parse import quote

import httpx
import pytest

from services.api.clips.audio import SANDBOX_POLICY
from tests.conftest import Parts
from tests.recordings import CONTAINERS, recording
from tests.services.api.clips.test_routes import WEBM, assert_problem
from tests.wire import Wire

PLAYED = {"Sec-Fetch-Dest": "audio"}
FETCHED = {"Sec-Fetch-Dest": "empty"}


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"café/{uuid.uuid4()}"


@pytest.fixture
def path(name: str) -> str:
    return f"/clips/{quote(name, safe='')}"


async def get_audio(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    """GET as a player does: a redirect to the bucket is followed."""
    response = await client.get(path, headers={**PLAYED, **headers})
    if response.status_code == 307:
        # What a bucket answers is the bucket's; nothing of ours goes along.
        async with httpx.AsyncClient(verify=False) as player:
            return await player.get(response.headers["Location"], headers=headers)
    return response


async def test_the_seed_s_own_calls(client: httpx.AsyncClient, name: str, path: str) -> None:
    put = await client.put(path, content=recording(), headers=WEBM)
    assert put.is_success
    clip = put.json()
    assert (clip["name"], clip["text"], clip["mime"]) == (name, None, "audio/webm;codecs=opus")
    assert str(uuid.UUID(clip["id"])) == clip["id"]
    heard = await get_audio(client, path)
    assert (heard.status_code, heard.content) == (200, recording())
    assert heard.headers["Content-Type"] == "audio/webm;codecs=opus"
    head = await client.head(path)
    assert (head.status_code, head.content, int(head.headers["Content-Length"])) == (200, b"", len(recording()))
    assert head.headers["Accept-Ranges"] == "bytes"
    for _ in range(2):
        assert (await client.delete(path)).status_code == 204
    assert_problem(await client.get(path), 404, "not-found")
    assert (await client.head(path)).status_code == 404


async def test_audio_is_another_name_for_clips(client: httpx.AsyncClient, name: str) -> None:
    await client.put(f"/audio/{quote(name)}", content=recording(4), headers=WEBM)
    assert (await get_audio(client, f"/clips/{quote(name, safe='')}")).content == recording(4)
    assert (await client.delete(f"/clips/{quote(name)}")).status_code == 204
    assert (await client.get(f"/audio/{quote(name)}")).status_code == 404


async def test_a_put_under_a_taken_name_bins_the_clip_that_had_it(client: httpx.AsyncClient, path: str) -> None:
    first = (await client.put(path, content=recording(0), headers=WEBM)).json()
    second = (await client.put(path, content=recording(1), headers=WEBM)).json()
    assert first["id"] != second["id"]
    assert (await get_audio(client, path)).content == recording(1)
    binned = (await client.get(f"/api/clips/{first['id']}")).json()
    assert binned["deleted_at"] is not None
    assert (await client.get(f"/api/clips/{first['id']}/audio", headers=FETCHED)).content == recording(0)
    await client.post(f"/api/clips/{first['id']}/restore")
    assert (await client.delete(path)).status_code == 204
    for id in (first["id"], second["id"]):
        assert (await client.get(f"/api/clips/{id}")).json()["deleted_at"] is not None, "all of the name are deleted"


@pytest.mark.parametrize("container", CONTAINERS)
async def test_each_container_is_served_as_what_it_is(client: httpx.AsyncClient, path: str, container: str) -> None:
    body = recording(0, container)
    put = await client.put(path, content=body, headers={"Content-Type": ""})
    assert put.json()["mime"] == CONTAINERS[container][1]
    heard = await client.get(path, headers=FETCHED)
    assert (heard.headers["Content-Type"], heard.content) == (CONTAINERS[container][1], body)


# -- ranges, tags and what makes it inert ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
)
@pytest.mark.parametrize("via", [PLAYED, FETCHED], ids=["player", "script"])
async def test_a_range_is_answered_with_that_part(
    client: httpx.AsyncClient, path: str, via: dict[str, str], asked: str, start: int, end: int | None
) -> None:
    await client.put(path, content=recording(), headers=WEBM)
    response = await get_audio(client, path, **via, Range=asked)
    part = recording()[start:end]
    first = start % len(recording())
    assert (response.status_code, response.content) == (206, part)
    assert response.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(recording())}"


async def test_ranges_that_cannot_be_given(client: httpx.AsyncClient, path: str) -> None:
    await client.put(path, content=recording(), headers=WEBM)
    behind = await client.get(path, headers={**FETCHED, "Range": "bytes=999999-"})
    assert_problem(behind, 416, "bad-range")
    assert behind.headers["Content-Range"] == f"bytes */{len(recording())}"
    for unknown in ("bytes=9-3", "bytes=0-1,4-5", "pages=1-2", f"bytes={'9' * 6000}-"):
        assert (await client.get(path, headers={**FETCHED, "Range": unknown})).status_code == 200
    head = await client.head(path, headers={"Range": "bytes=0-9"})
    assert (head.status_code, int(head.headers["Content-Length"])) == (200, len(recording())), "Range is for GET alone"


async def test_etags_answer_304_and_if_range(client: httpx.AsyncClient, path: str) -> None:
    await client.put(path, content=recording(), headers=WEBM)
    etag = (await client.head(path)).headers["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        response = await client.get(path, headers={"If-None-Match": known})
        assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", etag)
    part = {**FETCHED, "Range": "bytes=0-9"}
    assert (await client.get(path, headers={**part, "If-Range": etag})).status_code == 206
    for stale in ('"other"', f"W/{etag}", "Sun, 22 Nov 2026 21:30:00 GMT"):
        assert (await client.get(path, headers={**part, "If-Range": stale})).content == recording()


async def test_uploaded_bytes_are_served_in_a_sandbox(client: httpx.AsyncClient, path: str) -> None:
    """A page behind the first bytes of a recording is accepted as audio, and no browser runs it."""
    page = b"ID3\x04\x00\x00\x00\x00\x00\x00<!DOCTYPE html><script>alert(document.domain)</script>"
    assert (await client.put(path, content=page, headers={"Content-Type": "audio/mpeg"})).status_code == 201
    for headers in (FETCHED, {}):
        response = await get_audio(client, path, **headers)
        assert response.content == page
        assert response.headers["Content-Type"] == "audio/mpeg"
    response = await client.get(path, headers=FETCHED)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == SANDBOX_POLICY
    assert response.headers["Content-Disposition"].startswith("inline; filename*=UTF-8''caf%C3%A9-")
    download = await client.get(path, params={"download": ""}, headers=FETCHED)
    assert download.headers["Content-Disposition"].startswith("attachment; ")


async def test_a_player_is_sent_to_the_bucket_and_a_script_is_not(
    client: httpx.AsyncClient, path: str, module_parts: Parts
) -> None:
    await client.put(path, content=recording(), headers=WEBM)
    assert (await client.get(path, headers=FETCHED)).status_code == 200
    response = await client.get(path, headers=PLAYED)
    if "BUCKET_NAME" in module_parts:
        assert response.status_code == 307
        assert response.headers["Location"].startswith(module_parts["AWS_ENDPOINT_URL_S3"])
        assert response.headers["Cache-Control"] == "private, no-cache"
    else:
        assert response.status_code == 200


async def test_bytes_that_are_no_utf_8_are_refused(client: httpx.AsyncClient) -> None:
    for target in (b"/clips/%ff", b"/clips/a%c3", b"/audio/%ed%a0%80"):
        wire = await Wire.open(str(client.base_url))
        answer = await wire.ask("PUT", target, recording(), Content_Type="audio/webm")
        await wire.close()
        assert answer.status == 400
        assert b"percent-encoded UTF-8" in answer.body


async def test_if_match_names_the_audio_that_may_be_replaced(client: httpx.AsyncClient) -> None:
    path = f"/clips/{uuid.uuid4()}"
    assert_problem(await client.put(path, content=recording(), headers={**WEBM, "If-Match": "*"}), 412, "stale")
    await client.put(path, content=recording(1), headers=WEBM)
    etag = (await client.head(path)).headers["ETag"]
    assert_problem(await client.put(path, content=recording(2), headers={**WEBM, "If-Match": '"99"'}), 412, "stale")
    assert_problem(await client.delete(path, headers={"If-Match": '"99"'}), 412, "stale")
    assert (await client.head(path)).headers["ETag"] == etag
    assert (await client.put(path, content=recording(2), headers={**WEBM, "If-Match": etag})).status_code == 201
    assert_problem(await client.delete(path, headers={"If-Match": etag}), 412, "stale")
