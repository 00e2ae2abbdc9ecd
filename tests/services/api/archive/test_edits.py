"""Every export is taken by our own import, with every revision, whatever people and machines did to the clips."""

import asyncio
import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from services.api.archive.manifest import DESCRIPTION
from services.api.transcripts.revisions import Rewrite, restore_text, save_text
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.transcripts.models import Source, Transcript
from shared.transcripts.retention import MAX_REVISIONS
from tests.conftest import Parts, StartStack
from tests.services.api.archive.test_archive import SOUND, exported, imported
from tests.shared.conftest import engine_at

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PEOPLE = [None, uuid.uuid4(), uuid.uuid4()]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.sampled_from(
    ["a" * 3_000, "\ufdfa" * 500, '\x01\x7f"\\\n' * 100, "🎙" * 700]
)
STEPS = st.one_of(
    st.tuples(st.just("save"), TEXTS, st.sampled_from(PEOPLE), st.integers(0, 900)),
    st.tuples(st.just("hear"), TEXTS, st.just(None), st.integers(0, 900)),
    st.tuples(st.just("restore"), st.just(""), st.just(None), st.integers(0, 900)),
    st.tuples(st.just("tag"), TEXTS, st.just(None), st.just(0)),
)


def take(session: Session, clip: Clip, step: Any, now: datetime) -> None:
    """Do to a clip what a route or a worker does."""
    kind, text, sitting, _ = step
    if kind == "save" and text != clip.text:
        save_text(session, clip, Rewrite.of(clip, text), sitting, now)
    elif kind == "restore":
        if first := session.exec(select(Transcript).where(col(Transcript.clip_id) == clip.id).limit(1)).first():
            restore_text(session, clip, Rewrite.of(clip, first.text), first.language, now)
    elif kind == "tag":
        clip.set_tags([f"t{len(text)}"], now)
    elif kind == "hear":
        clip.request_transcription(now)
        clip.prepared_at = now
        clip.claim(TRANSCRIBE, now, timedelta(minutes=1))
        word = {"start_ms": 0, "end_ms": 5, "text": text}
        voice = {"language": "de", "speaker": "A"} if len(text) % 2 else {}
        said = clip.finish_transcription(
            text=text,
            language="en",
            recognizer="ear",
            passages=[{**word, **voice, "words": [word]}],
            duration_ms=5,
            now=now,
        )
        session.add(said)
    save_and_announce(session, clip, now=now)


def history(engine: Engine) -> dict[uuid.UUID, Any]:
    """Text, tags and revisions of every clip."""
    clips: dict[uuid.UUID, Any] = {}
    with Session(engine) as session:
        for clip in session.exec(select(Clip)):
            fields = ("name", "text", "edited_at", "tags", "language", "attempt")
            clips[clip.id] = [{name: getattr(clip, name) for name in fields}]
        for revision in session.exec(select(Transcript).order_by(col(Transcript.id))):
            clips[revision.clip_id].append(revision.model_dump(exclude={"id", "clip_id", "sitting"}))
    return clips


@pytest.mark.parametrize("outward", [True, False])
async def test_every_export_of_edited_clips_is_imported_whole(
    local_parts: Parts, server_parts: Parts, start_stack: StartStack, outward: bool
) -> None:
    first, second = (local_parts, server_parts) if outward else (server_parts, local_parts)
    old = start_stack(first, "api")
    engine = engine_at(first["DATABASE_URL"])
    histories: list[list[Any]] = []

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(STEPS, max_size=12))
    def collect(steps: list[Any]) -> None:
        histories.append(steps)

    collect()
    async with httpx.AsyncClient(base_url=old.api_url, timeout=60) as api:
        for number, steps in enumerate(histories):
            id = uuid.uuid4()
            (await api.put(f"/api/clips/{id}", params={"name": f"Clip {number}"}, content=SOUND)).raise_for_status()
            now = NOW
            for step in steps:
                now += timedelta(seconds=step[3])
                with transaction(engine) as session:
                    take(session, session.get_one(Clip, id), step, now)
    archive = await exported(old)
    new = start_stack(second, "api")
    assert await imported(new, archive) == {"taken": len(histories), "known": 0, "refused": []}
    other = engine_at(second["DATABASE_URL"])
    assert history(other) == history(engine)
    again = await exported(new)
    assert descriptions(again).keys() == descriptions(archive).keys()
    for name, said in descriptions(archive).items():
        assert json.loads(descriptions(again)[name])["revisions"] == json.loads(said)["revisions"]
    engine.dispose()
    other.dispose()


def descriptions(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(DESCRIPTION)}


async def test_what_a_release_without_sittings_left_is_exported_and_imported_in_little_memory(
    local_parts: Parts, server_parts: Parts, start_stack: StartStack, full_length: bool
) -> None:
    """A revision each five seconds, for two hours if there is time: the others are served meanwhile."""
    old, id = start_stack(local_parts, "api"), uuid.uuid4()
    saves, text = 1_440 if full_length else 400, "so we go on and on with it. " * 1_800
    engine = engine_at(local_parts["DATABASE_URL"])
    async with httpx.AsyncClient(base_url=old.api_url, timeout=60) as api:
        (await api.put(f"/api/clips/{id}", params={"name": "Typed"}, content=SOUND)).raise_for_status()
        with transaction(engine) as session:
            clip = session.get_one(Clip, id)
            take(session, clip, ("hear", text, None, 0), NOW)
            for number in range(saves):
                at = NOW + timedelta(seconds=5 * number)
                session.add(Transcript(clip_id=id, source=Source.PERSON, text=f"{text}{number}", created_at=at))
            clip.edit(f"{text}{saves - 1}", NOW)
    engine.dispose()
    archive, export_s, export_bytes = await watched(old.api_url, old.pid("api"), exported(old))
    new = start_stack(server_parts, "api")
    result, import_s, import_bytes = await watched(new.api_url, new.pid("api"), imported(new, archive))
    assert result == {"taken": 1, "known": 0, "refused": []}
    async with httpx.AsyncClient(base_url=new.api_url, timeout=60) as api:
        revisions = (await api.get(f"/api/clips/{id}/revisions")).json()["revisions"]
        assert len(revisions) == MAX_REVISIONS
        assert (revisions[0]["current"], revisions[-1]["source"]) == (True, "machine")
    assert max(export_s, import_s) < 1, "seconds: a tenth on a machine that does nothing else"
    assert max(export_bytes, import_bytes) < 100_000_000


async def watched(url: str, pid: int, work: Any) -> tuple[Any, float, int]:
    """The result of the work, the longest that /healthz took meanwhile, and by how much the process grew."""
    process, working = psutil.Process(pid), asyncio.ensure_future(work)
    before = max_bytes = process.memory_info().rss
    slowest_s = 0.0
    async with httpx.AsyncClient(base_url=url, timeout=60) as api:
        while not working.done():
            started = time.monotonic()
            (await api.get("/healthz")).raise_for_status()
            slowest_s = max(slowest_s, time.monotonic() - started)
            max_bytes = max(max_bytes, process.memory_info().rss)
            await asyncio.sleep(0.005)
    return await working, slowest_s, max_bytes - before
