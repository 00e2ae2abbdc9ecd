"""Postgres is restarted, killed and away: between requests nobody notices, during one it is a refusal and no loss."""

import asyncio
import json
import uuid

import httpx
import pytest
import redis

from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.postgres import Postgres
from tests.servers.stack import Stack
from tests.services.api.background.test_outbox_relay import until
from tests.services.api.clips.test_routes import WEBM, assert_problem, put_clip
from tests.shared.outbox.test_publisher import Arrived

pytestmark = pytest.mark.parametrize("parts", ["servers"], indirect=True)


async def test_a_restart_between_requests_is_not_noticed(client: httpx.AsyncClient, postgres: Postgres) -> None:
    for number in range(3):
        # Several connections are in the pool, and all of them die.
        await asyncio.gather(*(put_clip(client, f"clip {number}.{each}", each) for each in range(8)))
        await asyncio.to_thread(postgres.restart)
        assert (await client.get("/api/clips")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_a_database_that_is_away_is_one_line_and_counted(
    client: httpx.AsyncClient, postgres: Postgres, api: Stack
) -> None:
    clip = await put_clip(client)
    for outage in (1, 2):
        await asyncio.to_thread(postgres.kill)
        for _ in range(6):
            assert_problem(await client.get(f"/api/clips/{clip['id']}"), 503, "away")
        await asyncio.to_thread(postgres.start)
        assert (await client.get(f"/api/clips/{clip['id']}")).status_code == 200
        lines = [json.loads(line) for line in api.log("api").splitlines() if '"database"' in line]
        assert [line["event"] for line in lines] == ["unavailable", "available again"] * outage
        assert lines[-1]["failures"] >= 6
        assert '"request failed"' not in api.log("api")
    assert 'dictaphone_failures_total{part="database"}' in (await client.get("/metrics")).text


async def test_a_kill_during_requests_loses_nothing_that_was_confirmed(
    client: httpx.AsyncClient, postgres: Postgres, parts: Parts
) -> None:
    confirmed: dict[str, int] = {}
    refusals = 0
    stopping = asyncio.Event()

    async def record(number: int) -> None:
        """As the page does: the same PUT again until it is confirmed."""
        nonlocal refusals
        while not stopping.is_set():
            id = uuid.uuid4()
            while True:
                response = await client.put(
                    f"/api/clips/{id}", params={"name": str(id)}, content=recording(number), headers=WEBM
                )
                if response.is_success:
                    break
                assert_problem(response, 503, "away")
                assert response.headers["Retry-After"]
                refusals += 1
                await asyncio.sleep(0.1)
            confirmed[str(id)] = number

    people = [asyncio.create_task(record(number)) for number in range(6)]
    await until(lambda: len(confirmed) > 20)
    await asyncio.to_thread(postgres.kill)
    await until(lambda: refusals > 6)
    assert (await client.get("/readyz")).json()["database"].startswith("does not answer (")
    assert_problem(await client.get("/api/clips"), 503, "away")
    assert (await client.get("/healthz")).status_code == 200
    before = len(confirmed)
    await asyncio.to_thread(postgres.start)
    await until(lambda: len(confirmed) > before + 20)
    stopping.set()
    await asyncio.gather(*people)

    found: dict[str, int] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/clips", params={"limit": 200, "cursor": cursor})).json()
        found |= {clip["id"]: clip["version"] for clip in page["clips"]}
        cursor = page["next"]
    assert found == dict.fromkeys(confirmed, 1)
    for id, number in list(confirmed.items())[::10]:
        audio = await client.get(f"/api/clips/{id}/audio", headers={"Sec-Fetch-Dest": "empty"})
        assert audio.content == recording(number)
    with redis.Redis.from_url(parts["REDIS_URL"], decode_responses=True) as connection:
        arrived = Arrived(connection)
        await until(lambda: set(arrived.jobs()) == set(confirmed))


async def test_an_api_that_starts_before_its_database_waits_for_it(
    api: Stack, client: httpx.AsyncClient, postgres: Postgres
) -> None:
    await asyncio.to_thread(postgres.stop)
    await asyncio.to_thread(api.stop, "api")
    api["api"].launch()
    async with asyncio.timeout(20):
        while True:
            try:
                ready = await client.get("/readyz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                break
    assert ready.status_code == 503
    await asyncio.to_thread(postgres.start)
    await asyncio.to_thread(api["api"].wait_until_ready)
    await put_clip(client)
