"""After a rollback: rows, promises and reports of a newer release, unknown to this one, cost nobody else."""

import asyncio
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, Uuid, bindparam, text

from shared.db.engine import open_engine
from shared.settings import DatabaseSettings
from tests import tus
from tests.conftest import Parts
from tests.recordings import recording
from tests.services.api.clips.test_routes import put_clip
from tests.shared.outbox.test_publisher import Arrived

SOON_S = 20
"""Seconds in which anything must have arrived."""

NEWER_GAPS = [
    {"at_ms": 10, "length_ms": 20, "cause": "underwater", "depth_m": 3},
    {"from_ms": 10, "to_ms": 20},
    "a string",
]
NEWER_REMARKS = [
    {"kind": "windy", "force": 7},
    {"kind": "Two Words"},
    {"kind": "quiet", "at_ms": "now"},
    {"heard": [1]},
]


@pytest.fixture
def engine(module_parts: Parts) -> Iterator[Engine]:
    engine = open_engine(DatabaseSettings(database_url=SecretStr(module_parts["DATABASE_URL"])))
    yield engine
    engine.dispose()


@pytest.fixture
def arrived(module_parts: Parts) -> Iterator[Arrived]:
    with redis.Redis.from_url(module_parts["REDIS_URL"], decode_responses=True) as client:
        yield Arrived(client)


def write(engine: Engine, statement: str, id: str, **values: Any) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        typed = text(statement).bindparams(bindparam("id", type_=Uuid()))
        connection.execute(typed, {"id": uuid.UUID(id), **values})


def touch(engine: Engine, id: str, topic: str = "event") -> None:
    """Promise something about a clip, as another machine does."""
    statement = "INSERT INTO outbox (topic, clip_id, created_at) VALUES (:topic, :id, CURRENT_TIMESTAMP)"
    write(engine, statement, id, topic=topic)


async def newer_clip(client: httpx.AsyncClient, engine: Engine) -> str:
    """A clip as a newer release may leave it."""
    id: str = (await put_clip(client, "newer"))["id"]
    statement = (
        "UPDATE clip SET status = 'summarizing', gaps = :gaps, tags = :tags, remarks = :remarks, language = 'tlh', "
        "language_set = 'tlh', text = 'nuqneH', prepared_at = CURRENT_TIMESTAMP, version = version + 1 WHERE id = :id"
    )
    newer = {"gaps": NEWER_GAPS, "tags": ["work", {"name": "x"}], "remarks": NEWER_REMARKS}
    write(engine, statement, id, **{column: json.dumps(value) for column, value in newer.items()})
    word = {"start_ms": 0, "end_ms": 9, "text": "nuqneH"}
    passages = [word | {"words": [{"at": 1}, word]}, {"tokens": [1, 2]}]
    for source in ("machine", "committee"):
        statement = (
            "INSERT INTO transcript (clip_id, source, text, passages, created_at) "
            "VALUES (:id, :source, 'nuqneH', :passages, CURRENT_TIMESTAMP)"
        )
        write(engine, statement, id, source=source, passages=json.dumps(passages))
    write(engine, "INSERT INTO waveform (clip_id, peaks) VALUES (:id, '{\"left\": [1]}')", id)
    return id


async def test_every_route_bears_a_clip_of_a_newer_release(client: httpx.AsyncClient, engine: Engine) -> None:
    id, other = await newer_clip(client, engine), (await put_clip(client, "ours"))["id"]
    listed = {clip["id"]: clip for clip in (await client.get("/api/clips")).raise_for_status().json()["clips"]}
    assert {id, other} <= listed.keys()
    assert listed[id]["status"] == "summarizing", "a page of the newer release knows what that is"
    assert [each["kind"] for each in listed[id]["remarks"]] == ["windy"]
    assert listed[id]["gaps"] == [{"at_ms": 10, "length_ms": 20, "cause": "underwater"}]
    assert listed[id]["tags"] == ["work"]
    found = (await client.get("/api/clips", params={"q": "newer"})).raise_for_status().json()
    assert [clip["id"] for clip in found["clips"]] == [id]
    assert (await client.get(f"/api/clips/{id}")).json() == listed[id]
    for form in ("txt", "srt", "vtt", "md", "json"):
        assert "nuqneH" in (await client.get(f"/api/clips/{id}/transcript.{form}")).raise_for_status().text
    revisions = (await client.get(f"/api/clips/{id}/revisions")).raise_for_status().json()["revisions"]
    assert [revision["source"] for revision in revisions] == ["committee", "machine"]
    newest = (await client.get(f"/api/clips/{id}/revisions/{revisions[0]['id']}")).raise_for_status().json()
    assert newest["text"] == "nuqneH"
    assert (await client.get(f"/api/clips/{id}/waveform")).status_code == 404
    assert (await client.get(f"/api/clips/{id}/audio")).status_code in {200, 307}
    exported = zipfile.ZipFile(io.BytesIO((await client.get("/api/library.zip")).raise_for_status().content))
    descriptions = [json.loads(exported.read(name)) for name in exported.namelist() if name.endswith("clip.json")]
    (description,) = [each for each in descriptions if each["id"] == id]
    assert (description["status"], description["language_set"]) == ("summarizing", "tlh")
    assert [revision["source"] for revision in description["revisions"]] == ["machine", "committee"]


async def test_a_person_works_with_a_clip_of_a_newer_release(client: httpx.AsyncClient, engine: Engine) -> None:
    id = await newer_clip(client, engine)
    renamed = await client.patch(f"/api/clips/{id}", json={"name": "Renamed"})
    assert (renamed.status_code, renamed.json()["status"]) == (200, "summarizing")
    with engine.connect() as connection:
        typed = text("SELECT gaps FROM clip WHERE id = :id").bindparams(bindparam("id", type_=Uuid()))
        stored = connection.execute(typed, {"id": uuid.UUID(id)}).scalar_one()
    assert (json.loads(stored) if isinstance(stored, str) else stored) == NEWER_GAPS, "what is not known stays"
    assert (await client.delete(f"/api/clips/{id}")).status_code == 204
    assert (await client.post(f"/api/clips/{id}/restore")).status_code == 200
    again = await client.post(f"/api/clips/{id}/transcription")
    assert (again.status_code, again.json()["status"]) == (202, "pending"), "a person's wish is one that we know"


async def test_a_library_of_a_newer_release_is_taken_in(client: httpx.AsyncClient, engine: Engine) -> None:
    id = await newer_clip(client, engine)
    exported = (await client.get("/api/library.zip", params={"id": id})).raise_for_status().content
    write(engine, "DELETE FROM clip WHERE id = :id", id)
    taken = (await client.post("/api/library", content=exported, headers={"Content-Type": "application/zip"})).json()
    assert not taken.get("refused"), taken
    clip = (await client.get(f"/api/clips/{id}")).raise_for_status().json()
    assert (clip["status"], clip["text"], clip["gaps"][0]["cause"]) == ("done", "nuqneH", "underwater")


async def test_a_recorder_of_a_newer_release_ends_its_recording(client: httpx.AsyncClient) -> None:
    upload = await tus.Upload.begun(client)
    await upload.sent(0, recording(), Upload_Length=str(len(recording())))
    gap = {"at_ms": 1, "length_ms": 2, "cause": "underwater"}
    finished = await upload.finish(gaps=[gap | {"depth_m": 3}], weather="fine")
    assert (finished.status_code, finished.json()["gaps"]) == (200, [gap])


async def test_one_promise_that_nobody_understands_holds_up_no_other(
    client: httpx.AsyncClient, engine: Engine, arrived: Arrived
) -> None:
    id = await newer_clip(client, engine)
    touch(engine, id)
    touch(engine, id, "summarize")
    other = await put_clip(client, "behind it")
    async with asyncio.timeout(SOON_S):
        while other["id"] not in arrived.jobs() or "summarizing" not in [clip["status"] for clip in arrived.clips()]:
            await asyncio.sleep(0.05)
        while (ready := await client.get("/readyz")).json()["outbox"] == "ok":
            await asyncio.sleep(0.1)
    assert ready.status_code == 200
    parts = {"database": "ok", "store": "ok", "redis": "ok", "outbox": "1 rows set apart", "threads": "ok"}
    assert ready.json() == parts
    with engine.connect() as connection:
        ((topic, reason),) = connection.execute(text("SELECT topic, dead_reason FROM outbox WHERE dead_at IS NOT NULL"))
    assert (topic, reason) == ("summarize", "the topic 'summarize' is unknown to this release")
    metrics = (await client.get("/metrics")).text
    assert 'dictaphone_outbox_dead_letters_total{reason="unknown topic"} 1.0' in metrics
    assert "dictaphone_outbox_set_apart 1.0" in metrics
