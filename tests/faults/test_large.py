"""Large recordings: nothing of them stays in memory, on the way in or out."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import httpx
import psutil

from tests import speech
from tests.conftest import Parts, StartStack
from tests.faults.conftest import Stored
from tests.recordings import large, large_sha256
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import WEBM, assert_problem
from tests.tus import BODY, FETCH, Upload

MIB = 1024**2
LARGE_BYTES = 200 * MIB
MAX_GROWTH_BYTES = 48 * MIB
"""What 200 MB may add: pieces on their way to a bucket and the allocator's reserves, and a quarter of the whole."""


@contextlib.asynccontextmanager
async def grows_little(pid: int) -> AsyncIterator[None]:
    """Watch how much memory a process takes at most while the block runs."""
    process = psutil.Process(pid)
    before = most = process.memory_info().rss

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
    assert most - before < MAX_GROWTH_BYTES, f"{(most - before) / MIB:.0f} MiB more than the {before / MIB:.0f} before"


async def test_three_minutes_of_speech_go_in_and_come_out(client: httpx.AsyncClient) -> None:
    sound = speech.repeated(speech.samples(), 180)
    body = speech.encode(sound)
    assert len(body) > 2_500_000, "the seed refused bodies above 2.5 MB"
    response = await client.put("/clips/three minutes", content=body, headers=WEBM)
    assert (response.status_code, response.json()["bytes"]) == (201, len(body))
    assert (await client.get("/clips/three minutes", headers={"Sec-Fetch-Dest": "empty"})).content == body


async def test_two_hundred_megabytes_in_and_out_in_flat_memory(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    await client.put("/clips/small", content=speech.encode(speech.samples()), headers=WEBM)
    async with grows_little(api.pid("api")):
        response = await client.put(
            "/clips/large", content=large(LARGE_BYTES), headers={**WEBM, "Content-Length": str(LARGE_BYTES)}
        )
        assert (response.status_code, response.json()["bytes"]) == (201, LARGE_BYTES)
    assert stored.leftovers() == []
    async with grows_little(api.pid("api")):
        digest = hashlib.sha256()
        async with client.stream("GET", "/clips/large", headers={"Sec-Fetch-Dest": "empty"}) as response:
            async for block in response.aiter_bytes():
                digest.update(block)
    assert digest.hexdigest() == await large_sha256(LARGE_BYTES)


async def test_two_hundred_megabytes_of_one_patch_in_and_out_in_flat_memory(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    small, upload = await Upload.begun(client, length=5), await Upload.begun(client, length=LARGE_BYTES)
    await small.sent(0, b"small")
    headers = {**BODY, "Upload-Offset": "0", "Content-Length": str(LARGE_BYTES)}
    async with grows_little(api.pid("api")):
        sent = await client.patch(upload.url, content=large(LARGE_BYTES), headers=headers)
        assert sent.headers["Upload-Offset"] == str(LARGE_BYTES)
    assert stored.leftovers() == []
    async with grows_little(api.pid("api")):
        digest = hashlib.sha256()
        async with client.stream("GET", f"/api/clips/{upload.clip_id}/audio", headers=FETCH) as response:
            async for block in response.aiter_bytes():
                digest.update(block)
    assert digest.hexdigest() == await large_sha256(LARGE_BYTES)


async def test_more_than_the_limit_is_refused_before_and_while_it_is_sent(
    start_stack: StartStack, local_parts: Parts
) -> None:
    api = start_stack(local_parts, "api", MAX_UPLOAD_BYTES="1000000")
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        for headers in (WEBM, {**WEBM, "Content-Length": "1000001"}):
            response = await client.put("/clips/a", content=large(1_000_001), headers=headers)
            assert "at most 1,000,000 bytes" in assert_problem(response, 413, "too-large")
        assert (await client.put("/clips/a", content=large(1_000_000), headers=WEBM)).status_code == 201
        assert (await client.get("/api/clips")).json()["limits"]["upload_bytes"] == 1_000_000
