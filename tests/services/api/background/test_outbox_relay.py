"""The outbox relay of a live API: whatever happens to Redis, committed rows arrive there, in order."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import redis
from pydantic import SecretStr
from sqlmodel import select, update

from services.api.background.outbox_relay import OutboxRelay
from services.api.settings import ApiSettings
from shared.clips.models import Clip
from shared.clips.renditions import Form, Rendition
from shared.db.engine import open_engine, read_session, transaction
from shared.libraries import HOME
from shared.outbox.models import OutboxRow
from shared.outbox.publisher import OutboxPublisher, publish_batch
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import CAPTION, NOTIFICATIONS, TRANSCRIBE
from tests import tus
from tests.conftest import Parts, StartStack
from tests.servers.server import free_port
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey
from tests.services.api.clips.test_routes import put_clip
from tests.shared.outbox.test_publisher import Arrived

SOON_S = 20
"""Seconds in which anything must have arrived; the sweep waits ten, and the machine may be busy."""

AT_ONCE_S = 1.0
"""Seconds for what must not wait for a poll (two seconds) or a sweep (five)."""


async def until(holds: Callable[[], bool], seconds: float = SOON_S) -> float:
    """Wait until it holds; return how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def arrived(parts: Parts) -> Iterator[Arrived]:
    with redis.Redis.from_url(parts["REDIS_URL"], decode_responses=True) as client:
        yield Arrived(client)


@pytest.fixture
def api(start_stack: StartStack, parts: Parts) -> Stack:
    return start_stack(parts, "api")


async def test_what_was_put_while_redis_was_down_arrives_in_order(
    client: httpx.AsyncClient, arrived: Arrived, valkey: Valkey
) -> None:
    before = await put_clip(client, "before")
    await until(lambda: arrived.events() == ["before"], AT_ONCE_S)
    valkey.kill()
    began = time.monotonic()
    clips = [await put_clip(client, f"meanwhile {number}", number) for number in range(5)]
    assert time.monotonic() - began < 2, "a request waited for Redis"
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["database"], ready.json()["store"]) == (200, "ok", "ok")
    async with asyncio.timeout(SOON_S):
        while (redis_is := (await client.get("/readyz")).json()["redis"]) == "ok":
            await asyncio.sleep(0.02)
    assert redis_is == "does not answer (ConnectionError)", "everybody may read this: no address, and no secret"
    valkey.start()
    await until(lambda: len(arrived.events()) == 5)
    assert arrived.events() == [clip["name"] for clip in clips]
    await until(lambda: len(arrived.jobs()) >= 5)
    # Redis forgot the first one's job with all else, and on a slow machine the sweep has noticed by now.
    assert [id for id in arrived.jobs() if id != before["id"]] == [clip["id"] for clip in clips]


async def test_each_change_of_a_clip_is_announced(client: httpx.AsyncClient, arrived: Arrived) -> None:
    clip = await put_clip(client, "before")
    changes: list[dict[str, object]] = [{"text": "one"}, {"text": "two"}, {"name": "after"}, {"tags": ["work"]}]
    versions = [1]
    for change in changes:
        answer = await client.patch(f"/api/clips/{clip['id']}", json=change)
        versions.append(answer.json()["version"])
        await until(lambda: [event["version"] for event in arrived.clips()] == versions)


async def test_requests_do_not_wait_for_a_hanging_redis(
    client: httpx.AsyncClient, arrived: Arrived, valkey: Valkey
) -> None:
    await put_clip(client, "before")
    await until(lambda: arrived.events() == ["before"], AT_ONCE_S)
    valkey.pause()
    began = time.monotonic()
    for number in range(5):
        await put_clip(client, f"meanwhile {number}", number)
    assert time.monotonic() - began < 2
    valkey.resume()
    await until(lambda: set(arrived.events()) == {"before", *(f"meanwhile {number}" for number in range(5))})


async def test_jobs_that_redis_lost_are_queued_again(
    start_stack: StartStack, server_parts: Parts, valkey: Valkey
) -> None:
    api = start_stack(server_parts, "api")
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        clips = [await put_clip(client, f"clip {number}", number) for number in range(3)]
        finished = await put_clip(client, "in the bin", 3)
        with redis.Redis.from_url(server_parts["REDIS_URL"], decode_responses=True) as connection:
            arrived = Arrived(connection)
            await until(lambda: len(arrived.jobs()) == 4, AT_ONCE_S)
            await client.delete(f"/api/clips/{finished['id']}")
            with valkey.client() as admin:
                admin.flushall()
            assert arrived.jobs() == []
            await until(lambda: len(arrived.jobs()) == 3)
            assert set(arrived.jobs()) == {clip["id"] for clip in clips}
        unchanged = await client.get(f"/api/clips/{clips[0]['id']}")
        assert unchanged.json() == clips[0], "nothing that a browser sees has changed"


class WakeServer(HTTPServer):
    """A transcriber that only records the paths of the wake-up requests."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                paths.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", free_port()), Handler)


@pytest.fixture
def wake_server() -> Iterator[WakeServer]:
    with WakeServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_job_wakes_the_transcriber_and_an_event_does_not(
    start_stack: StartStack, local_parts: Parts, wake_server: WakeServer, valkey: Valkey
) -> None:
    api = start_stack(local_parts, "api", WAKE_URL=f"http://127.0.0.1:{wake_server.server_port}/wake")
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        clip = await put_clip(client)
        await until(lambda: wake_server.paths == ["/wake"], AT_ONCE_S)
        with redis.Redis.from_url(local_parts["REDIS_URL"], decode_responses=True) as connection:
            arrived = Arrived(connection)
            await client.patch(f"/api/clips/{clip['id']}", json={"name": "renamed"})
            await until(lambda: arrived.events() == ["Minutes", "renamed"], AT_ONCE_S)
            assert wake_server.paths == ["/wake"]
        # The job is still there: a transcriber that missed the first wake-up is woken again.
        await until(lambda: len(wake_server.paths) > 1)


@pytest.mark.parametrize("switch", ["on", "off"])
async def test_a_new_recording_notifies_the_captions_worker_if_captions_are_on(
    start_stack: StartStack, local_parts: Parts, wake_server: WakeServer, switch: str
) -> None:
    wake_url = f"http://127.0.0.1:{wake_server.server_port}/wake"
    api = start_stack(local_parts, "api", LIVE_CAPTIONS=switch, WAKE_URL=wake_url)
    with (
        redis.Redis.from_url(local_parts["REDIS_URL"], decode_responses=True) as connection,
        connection.pubsub(ignore_subscribe_messages=True) as line,
    ):
        line.subscribe(NOTIFICATIONS)
        async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
            await tus.Upload.begun(client)
            arrived = Arrived(connection)
            await until(lambda: arrived.events() == ["Minutes"], AT_ONCE_S)
            await asyncio.sleep(AT_ONCE_S / 2)
        notices = [line.get_message(timeout=0.1) for _ in range(3)]
    assert [notice["data"] for notice in notices if notice] == ([CAPTION] if switch == "on" else [])
    assert wake_server.paths == (["/wake"] if switch == "on" else [])


async def test_a_restarted_api_sends_what_another_one_left(
    start_stack: StartStack, parts: Parts, arrived: Arrived, valkey: Valkey
) -> None:
    api = start_stack(parts, "api")
    valkey.kill()
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        await put_clip(client, "left")
    api.kill("api")
    valkey.start()
    api.start("api")
    await until(lambda: (arrived.events(), len(arrived.jobs())) == (["left"], 1), AT_ONCE_S)


async def test_stopping_sends_what_was_just_committed(start_stack: StartStack, local_parts: Parts) -> None:
    with redis.Redis.from_url(local_parts["REDIS_URL"], decode_responses=True) as connection:
        api = start_stack(local_parts, "api")
        async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
            for number in range(20):
                await put_clip(client, f"clip {number}")
        api.stop("api")
        assert Arrived(connection).events() == [f"clip {number}" for number in range(20)]
        assert len(Arrived(connection).jobs()) == 20


@pytest.mark.parametrize(("jobs_left", "asked_again"), [(0, 3), (2, 3), (3, 0), (5, 0)])
def test_no_more_jobs_are_queued_than_there_are_clips(
    database_url: str, redis_url: str, jobs_left: int, asked_again: int
) -> None:
    settings = ApiSettings(database_url=SecretStr(database_url), redis_url=SecretStr(redis_url))
    engine, publisher, now = open_engine(settings, 1), OutboxPublisher(redis_url), datetime.now(UTC)
    with transaction(engine) as session:
        for number in range(3):
            at = now - timedelta(hours=1)
            clip = Clip.new_upload(
                uuid.uuid4(), name=f"{number}", mime="a/b", bytes=1, sha256="", audio_key="", now=at, library_id=HOME
            )
            save_and_announce(session, clip, now=at)
        session.add_all([OutboxRow(topic=TRANSCRIBE, clip_id=clip.id, created_at=now) for _ in range(jobs_left)])
    while publish_batch(engine, publisher):
        pass
    relay = OutboxRelay(engine, publisher, "")
    relay._requeue_clips_without_job(now)
    relay._requeue_clips_without_job(now + timedelta(seconds=20))
    with read_session(engine) as session:
        assert len(session.exec(select(OutboxRow)).all()) == asked_again * (2 if not jobs_left else 1)
    publisher.close()
    engine.dispose()


def test_renditions_whose_job_is_lost_are_sent_again(database_url: str, redis_url: str) -> None:
    """Their worker was killed, or an older release set the row of the outbox apart."""
    settings = ApiSettings(database_url=SecretStr(database_url), redis_url=SecretStr(redis_url))
    engine, publisher, now = open_engine(settings, 1), OutboxPublisher(redis_url), datetime.now(UTC)
    waits, leased, unprepared, deleted, made = (uuid.uuid4() for _ in range(5))
    with transaction(engine) as session:
        for id in (waits, leased, unprepared, deleted, made):
            clip = Clip.new_upload(
                id, name="a", mime="a/b", bytes=1, sha256="", audio_key="k", now=now, library_id=HOME
            )
            clip.prepared_at = None if id == unprepared else now
            clip.deleted_at = now if id == deleted else None
            session.add(clip)
            session.flush()
            at = now + timedelta(seconds=20) if id == leased else now - timedelta(minutes=1)
            key = "k" if id == made else ""
            session.add(Rendition(clip_id=id, form=Form.M4A, key=key, source_key=key, wanted_at=at))
        session.add(Rendition(clip_id=waits, form="ogg9", wanted_at=now - timedelta(minutes=1)))
    relay = OutboxRelay(engine, publisher, "")

    def sent(later: timedelta = timedelta()) -> list[uuid.UUID]:
        relay._requeue_renditions_without_job(now + later)
        return [row.clip_id for row in publish_batch(engine, publisher)]

    assert sent() == [waits]
    assert sent(timedelta(seconds=11)) == [], "its job waits in the queue"
    assert sorted(sent(timedelta(minutes=11))) == sorted([waits, leased])
    relay._requeue_clips_without_job(now + timedelta(seconds=11))
    with read_session(engine) as session:
        asked = {row.clip_id for row in session.exec(select(OutboxRow))}
    assert waits in asked, "clips are not taken for queued because renditions wait"
    publisher.close()
    engine.dispose()


async def test_a_start_tries_all_dead_letters_even_if_redis_comes_later(
    sqlite_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ApiSettings(database_url=SecretStr(sqlite_url), redis_url=SecretStr(redis_url))
    engine, now = open_engine(settings), datetime.now(UTC)
    with transaction(engine) as session:
        clip = Clip.new_upload(
            uuid.uuid4(), name="a", mime="a/b", bytes=1, sha256="", audio_key="", now=now, library_id=HOME
        )
        save_and_announce(session, clip, now=now)
        session.flush()
        session.exec(update(OutboxRow).values(dead_at=now - timedelta(minutes=1), dead_reason="of a newer release"))
    relay = OutboxRelay(engine, OutboxPublisher(redis_url), "")
    send, outage = relay._send, iter([redis.ConnectionError("it starts, too")])

    def send_later() -> None:
        for error in outage:
            raise error
        send()

    def is_empty() -> bool:
        relay.wake()
        with read_session(engine) as session:
            return not session.exec(select(OutboxRow)).all()

    monkeypatch.setattr(relay, "_send", send_later)
    relay.start()
    try:
        await until(is_empty, 5)
    finally:
        relay.stop()
        engine.dispose()
