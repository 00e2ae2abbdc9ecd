"""Many at once: two under one name, and a whole class that presses Stop."""

import asyncio
import hashlib
import json

import httpx

from tests.faults.conftest import Stored
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import WEBM
from tests.wire import Wire


async def test_of_two_puts_of_one_name_the_later_is_heard_and_the_other_is_kept(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    for round in range(5):
        path = f"/clips/round {round}"
        both = await asyncio.gather(*(client.put(path, content=recording(number), headers=WEBM) for number in range(2)))
        assert [response.status_code for response in both] == [201, 201]
        heard = (await client.get(path, headers={"Sec-Fetch-Dest": "empty"})).content
        clips = [(await client.get(f"/api/clips/{response.json()['id']}")).json() for response in both]
        (kept,) = [number for number, clip in enumerate(clips) if clip["deleted_at"] is None]
        assert heard == recording(kept)
        for number, clip in enumerate(clips):
            audio = await client.get(f"/api/clips/{clip['id']}/audio", headers={"Sec-Fetch-Dest": "empty"})
            assert audio.content == recording(number), "the other one is in the bin, with its audio"
    assert len(stored.objects()) == 10


async def test_two_hundred_puts_at_once_are_two_hundred_clips(api: Stack, client: httpx.AsyncClient) -> None:
    """On two hundred connections, each of which is there before the first byte is sent."""
    wires = await asyncio.gather(*(Wire.open(api.api_url) for _ in range(200)))
    bodies = [recording() + number.to_bytes(4, "big") for number in range(200)]
    answers = await asyncio.gather(
        *(
            wire.ask("PUT", f"/clips/crowd/{number}".encode(), bodies[number], Content_Type="audio/webm")
            for number, wire in enumerate(wires)
        )
    )
    assert [answer.status for answer in answers] == [201] * 200
    assert len({json.loads(answer.body)["id"] for answer in answers}) == 200
    heard = [
        hashlib.sha256((await wires[0].ask("GET", f"/clips/crowd/{number}".encode(), Sec_Fetch_Dest="empty")).body)
        for number in range(0, 200, 9)
    ]
    assert [digest.digest() for digest in heard] == [hashlib.sha256(body).digest() for body in bodies[::9]]
    await asyncio.gather(*(wire.close() for wire in wires))
    page = (await client.get("/api/clips", params={"limit": 200, "q": "crowd/"})).json()
    assert {clip["name"] for clip in page["clips"]} == {f"crowd/{number}" for number in range(200)}
    assert page["next"] is None
