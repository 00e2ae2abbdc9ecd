"""Somebody goes away in the middle: the client, the API by kill -9, or the API because it is asked to stop."""

import asyncio
import json

import httpx

from tests.faults.conftest import Stored
from tests.recordings import WEBM_HEAD, recording
from tests.servers.stack import Stack
from tests.services.api.background.test_outbox_relay import until
from tests.services.api.clips.test_routes import WEBM
from tests.wire import Wire

BODY = WEBM_HEAD + bytes(3 * 1024**2)


async def half_sent(api: Stack, path: bytes) -> Wire:
    """A PUT of which the API has received one half."""
    wire = await Wire.open(api.api_url)
    await wire.begin("PUT", path, len(BODY), Content_Type="audio/webm")
    await wire.send(BODY[: len(BODY) // 2])
    return wire


async def nothing_is_left(client: httpx.AsyncClient, stored: Stored) -> None:
    assert (await client.get("/api/clips")).json()["clips"] == []
    assert (await client.get("/api/clips", params={"deleted": "true"})).json()["clips"] == []
    assert stored.objects() == []
    assert stored.leftovers() == []


async def test_a_client_that_goes_away_leaves_nothing(api: Stack, client: httpx.AsyncClient, stored: Stored) -> None:
    wire = await half_sent(api, b"/clips/gone")
    # The API works on it: what comes after is answered, and the half is not.
    assert (await client.get("/healthz")).status_code == 200
    wire.vanish()
    await until(lambda: "/clips/gone" in api.log("api"))
    await nothing_is_left(client, stored)
    log = api.log("api")
    assert "Traceback" not in log, "somebody who goes away is no fault of ours"
    assert '"level": "error"' not in log


async def test_a_body_shorter_than_it_was_said_to_be_is_no_clip(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    wire = await half_sent(api, b"/clips/short")
    await wire.close()
    await until(lambda: "/clips/short" in api.log("api"))
    await nothing_is_left(client, stored)


async def test_kill_9_in_the_middle_leaves_nothing_and_the_next_one_carries_on(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    wires = [await half_sent(api, b"/clips/killed-%d" % number) for number in range(4)]
    api.kill("api")
    for wire in wires:
        wire.vanish()
    api.start("api")
    await nothing_is_left(client, stored)
    assert (await client.put("/clips/killed", content=recording(), headers=WEBM)).status_code == 201
    assert len(stored.objects()) == 1


async def test_a_stop_waits_for_what_is_being_saved(api: Stack, client: httpx.AsyncClient, stored: Stored) -> None:
    wire = await half_sent(api, b"/clips/drained")
    # The health check is behind the half: when it is answered, the API has begun with that one.
    assert (await client.get("/healthz")).status_code == 200
    stopping = asyncio.create_task(asyncio.to_thread(api.stop, "api"))
    async with asyncio.timeout(10):
        while True:
            try:
                (await Wire.open(api.api_url)).vanish()
            except ConnectionRefusedError:
                break
            await asyncio.sleep(0.02)
    assert not stopping.done(), "it has closed its door, and still works"
    await wire.send(BODY[len(BODY) // 2 :])
    answer = await wire.answer()
    assert (answer.status, json.loads(answer.body)["bytes"]) == (201, len(BODY))
    wire.vanish()
    await stopping
    api.start("api")
    heard = await client.get("/clips/drained", headers={"Sec-Fetch-Dest": "empty"})
    assert heard.content == BODY
    assert "Traceback" not in api.log("api")
