"""Deletion for good: one clip of the bin, or all of them, with every trace; and what the library holds."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func
from sqlmodel import col, select

from services.api.background.erasure import erase
from services.api.settings import ApiSettings
from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.outbox.models import OutboxRow
from shared.search.index import SearchEntry
from shared.storage.factory import open_store
from shared.storage.store import ObjectMissing, Store
from shared.transcripts.models import Transcript
from tests.conftest import Parts
from tests.recordings import recording
from tests.services.api.clips.test_routes import assert_problem, put_clip
from tests.shared.conftest import engine_at


@pytest.fixture
def engine(module_parts: Parts) -> Iterator[Engine]:
    engine = engine_at(module_parts["DATABASE_URL"])
    yield engine
    engine.dispose()


def audio_key(engine: Engine, id: str) -> str:
    with read_session(engine) as session:
        return session.exec(select(Clip.audio_key).where(col(Clip.id) == uuid.UUID(id))).one()


async def deleted(client: httpx.AsyncClient, name: str = "Minutes") -> dict[str, Any]:
    clip = await put_clip(client, name)
    await client.patch(f"/api/clips/{clip['id']}", json={"text": "Said and done.", "notes": "a note", "tags": ["a"]})
    assert (await client.delete(f"/api/clips/{clip['id']}")).status_code == 204
    return clip


def store_at(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that these parts lead to."""
    for name, value in parts.items():
        monkeypatch.setenv(name, value)
    return open_store(ApiSettings())


async def test_a_clip_of_the_bin_is_deleted_for_good_with_every_trace(
    client: httpx.AsyncClient, engine: Engine, module_parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(module_parts, monkeypatch)
    clip, other = await deleted(client), await deleted(client)
    key, other_key = audio_key(engine, clip["id"]), audio_key(engine, other["id"])
    url = f"/api/clips/{clip['id']}"
    assert (await client.delete(f"{url}?forever=true")).status_code == 204
    for gone in (url, f"{url}/audio", f"{url}/transcript.json", f"{url}/revisions"):
        assert_problem(await client.get(gone), 404, "not-found")
    assert_problem(await client.delete(f"{url}?forever=true"), 404, "not-found")
    assert_problem(await client.post(f"{url}/restore"), 404, "not-found")
    with pytest.raises(ObjectMissing):
        store.size(key)
    assert store.size(other_key) == len(recording())
    with read_session(engine) as session:
        for table in (Transcript, SearchEntry, OutboxRow):
            of_clip = select(func.count()).where(col(table.clip_id) == uuid.UUID(clip["id"]))
            assert session.exec(of_clip).one() == 0, table
    again = await put_clip(client, "the id is free")
    assert again["id"] != clip["id"]


async def test_a_clip_that_somebody_changes_at_this_moment_is_deleted_after_that(
    client: httpx.AsyncClient, engine: Engine, module_parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(module_parts, monkeypatch)
    id = uuid.UUID((await deleted(client))["id"])
    chosen = select(Clip).where(col(Clip.id) == id, col(Clip.deleted_at).is_not(None))
    with ThreadPoolExecutor() as threads:
        with transaction(engine) as session:
            session.exec(select(Clip).where(col(Clip.id) == id).with_for_update()).one().notes = "at this moment"
            session.flush()
            erased = threads.submit(erase, engine, store, chosen, datetime.now(UTC), skips_locked=False)
            with pytest.raises(TimeoutError):
                erased.result(0.5)
        assert erased.result(20) == 1


async def test_a_clip_that_is_not_in_the_bin_is_never_deleted_for_good(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    clip = await put_clip(client)
    url = f"/api/clips/{clip['id']}"
    assert "move it there first" in assert_problem(await client.delete(f"{url}?forever=true"), 409, "not-in-bin")
    assert_problem(await client.delete(f"{url}?forever=perhaps"), 400, "bad-request")
    await client.delete(url)
    stale = await client.delete(f"{url}?forever=true", headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "stale")
    assert (await client.post(f"{url}/restore")).status_code == 200
    assert_problem(await client.delete(f"{url}?forever=true"), 409, "not-in-bin")
    assert (await client.get(f"{url}/audio", headers={"Sec-Fetch-Dest": "empty"})).content == recording()


async def test_the_bin_is_emptied_and_the_library_stays(client: httpx.AsyncClient, engine: Engine) -> None:
    kept, _, _ = await put_clip(client, "kept"), await deleted(client), await deleted(client)
    before = (await client.get("/api/storage")).json()
    assert before["bin"]["clips"] >= 2
    assert before["bin"]["bytes"] == before["bin"]["clips"] * len(recording())
    answer = (await client.delete("/api/bin")).json()
    assert answer == {"clips": before["bin"]["clips"], "left": 0}
    assert (await client.delete("/api/bin")).json() == {"clips": 0, "left": 0}
    after = (await client.get("/api/storage")).json()
    assert after == {**before, "bin": {"clips": 0, "bytes": 0}}
    assert (await client.get(f"/api/clips/{kept['id']}")).status_code == 200
    assert (await client.get("/api/clips", params={"deleted": "true"})).json()["clips"] == []


async def test_about_names_the_limits(client: httpx.AsyncClient) -> None:
    about = (await client.get("/api/about")).json()
    assert about["version"]
    limits = {"upload_bytes": 2 * 1024**3, "audio_hours": 24, "bin_days": 30}
    assert {name: about["limits"][name] for name in limits} == limits


async def test_what_a_recording_holds_so_far_counts(client: httpx.AsyncClient, engine: Engine) -> None:
    with transaction(engine) as session:
        for clip in session.exec(select(Clip)):
            session.delete(clip)
    await put_clip(client, duration_ms=1500)
    await put_clip(client, duration_ms=500)
    storage = (await client.get("/api/storage")).json()
    assert storage == {
        "clips": 2, "bytes": 2 * len(recording()), "duration_ms": 2000, "bin": {"clips": 0, "bytes": 0}
    }  # fmt: skip
