"""The bucket is away, or hangs: nothing is promised that is not kept, and all is well when it is back."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.conftest import Parts
from tests.faults.conftest import Stored
from tests.recordings import WEBM_HEAD, recording
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import WEBM, assert_problem, put_clip

pytestmark = pytest.mark.parametrize("parts", ["servers"], indirect=True)

IN_PARTS = WEBM_HEAD + bytes(20 * 1024**2)
"""So large that it goes to the bucket in several parts."""


async def names(client: httpx.AsyncClient) -> list[str]:
    return [clip["name"] for clip in (await client.get("/api/clips")).json()["clips"]]


async def test_a_bucket_that_is_away_is_a_refusal_and_no_ghost(client: httpx.AsyncClient, seaweedfs: SeaweedFS) -> None:
    kept = await put_clip(client, "before")
    seaweedfs.kill()
    for body in (recording(1), IN_PARTS):
        response = await client.put("/clips/meanwhile", content=body, headers=WEBM)
        assert "store does not answer" in assert_problem(response, 503, "away")
        assert response.headers["Retry-After"]
    audio = await client.get(f"/api/clips/{kept['id']}/audio", headers={"Sec-Fetch-Dest": "empty"})
    assert_problem(audio, 503, "away")
    assert await names(client) == ["before"]
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "ok")
    assert ready.json()["store"].startswith("does not answer (")
    assert (await client.get("/healthz")).status_code == 200
    seaweedfs.start()
    assert (await client.put("/clips/meanwhile", content=recording(1), headers=WEBM)).status_code == 201
    audio = await client.get(f"/api/clips/{kept['id']}/audio", headers={"Sec-Fetch-Dest": "empty"})
    assert audio.content == recording(0)
    assert await names(client) == ["meanwhile", "before"]


async def hung(client: httpx.AsyncClient, seaweedfs: SeaweedFS, bodies: list[bytes]) -> list["asyncio.Task[Any]"]:
    """Start a PUT of each body while the bucket hangs; return when all of them wait for it."""
    seaweedfs.pause()
    waiting = [
        asyncio.create_task(client.put(f"/clips/hung {number}", content=body, headers=WEBM))
        for number, body in enumerate(bodies)
    ]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    assert "before" in await names(client)
    assert (await client.get("/healthz")).status_code == 200
    assert time.monotonic() - began < 2, "a request that needs no bucket waited for it"
    assert not any(task.done() for task in waiting)
    return waiting


async def test_a_bucket_that_dies_during_a_put_leaves_no_ghost(
    client: httpx.AsyncClient, seaweedfs: SeaweedFS, stored: Stored
) -> None:
    await put_clip(client, "before")
    waiting = await hung(client, seaweedfs, [recording(1), IN_PARTS])
    seaweedfs.kill()
    for response in await asyncio.gather(*waiting):
        assert_problem(response, 503, "away")
    assert await names(client) == ["before"]
    seaweedfs.start()
    for number, body in enumerate([recording(1), IN_PARTS]):
        assert (await client.put(f"/clips/hung {number}", content=body, headers=WEBM)).status_code == 201
    assert stored.leftovers() == []


async def test_a_crowd_that_waits_for_the_bucket_keeps_nobody_else_waiting_and_is_served_in_the_end(
    api: Stack, client: httpx.AsyncClient, seaweedfs: SeaweedFS
) -> None:
    await put_clip(client, "before")
    waiting = await hung(client, seaweedfs, [recording(number) for number in range(48)])
    seaweedfs.resume()
    assert {response.status_code for response in await asyncio.gather(*waiting)} == {201}
    assert len(await names(client)) == 49
    for number in range(0, 48, 7):
        audio = await client.get(f"/clips/hung {number}", headers={"Sec-Fetch-Dest": "empty"})
        assert audio.content == recording(number)


async def test_audio_that_is_gone_from_the_bucket_is_said_to_be_gone(
    client: httpx.AsyncClient, seaweedfs: SeaweedFS, parts: Parts
) -> None:
    clip = await put_clip(client)
    for key in seaweedfs.keys(parts["BUCKET_NAME"]):
        seaweedfs.client.delete_object(Bucket=parts["BUCKET_NAME"], Key=key)
    audio = await client.get(f"/api/clips/{clip['id']}/audio", headers={"Sec-Fetch-Dest": "empty"})
    assert "missing from the store" in assert_problem(audio, 404, "audio-missing")
