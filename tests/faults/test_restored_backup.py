"""The procedure of `docs/restore.md`, whole: a dump, more recordings, the dump restored, and months of maintenance."""

import asyncio
import hashlib
import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import make_url
from sqlmodel import col, select

from services.api.background.maintenance import COMPARISON, DAILY, Maintenance
from services.api.settings import ApiSettings
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session, transaction
from shared.maintenance_runs import MaintenanceRun
from shared.storage.factory import open_store
from shared.uploads.models import Piece
from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.postgres import Postgres
from tests.servers.stack import Stack
from tests.tus import FETCH, Upload

QUIET = {"LIVE_CAPTIONS": "off"}
PREPARED_S = 40
PIECES = 3


@dataclass
class Recordings:
    """What people recorded: the bytes of each segment, by clip."""

    client: httpx.AsyncClient
    segments: dict[uuid.UUID, list[bytes]] = field(default_factory=dict)
    numbers: int = 0

    def sound(self) -> bytes:
        self.numbers += 1
        return recording(self.numbers)

    async def put(self) -> None:
        id, content = uuid.uuid4(), self.sound()
        answer = await self.client.put(
            f"/api/clips/{id}", params={"name": "file"}, content=content, headers={"Content-Type": "audio/webm"}
        )
        answer.raise_for_status()
        self.segments[id] = [content]

    async def record(self, segments: int) -> None:
        id = uuid.uuid4()
        self.segments[id] = [self.sound() for _ in range(segments)]
        for number, content in enumerate(self.segments[id]):
            upload = await Upload.begun(self.client, clip_id=id, segment=number)
            await self.send(upload, content, 0, PIECES)
        assert (await upload.finish(segments)).is_success

    async def send(self, upload: Upload, content: bytes, first: int, last: int) -> None:
        """Send some of the pieces of a segment; the last one tells the length."""
        cuts = [len(content) * number // PIECES for number in range(PIECES + 1)]
        for start, end in list(pairwise(cuts))[first:last]:
            more = {"Upload_Length": str(len(content))} if end == len(content) else {}
            await upload.sent(start, content[start:end], **more)

    async def prepared(self) -> None:
        """Wait until every clip that is finished was joined, and heard."""
        async with asyncio.timeout(PREPARED_S):
            for id in self.segments:
                while (await self.client.get(f"/api/clips/{id}")).json()["status"] in {"pending", "transcribing"}:
                    await asyncio.sleep(0.1)


@dataclass
class Database:
    """Dumps and restores, by the commands that operators use."""

    url: str
    dump_path: Path
    postgres: Postgres | None

    def dump(self) -> None:
        if self.postgres:
            self.postgres.dump(make_url(self.url).database or "", self.dump_path)
        else:
            with sqlite3.connect(self._path) as connection:
                connection.execute("VACUUM INTO ?", (str(self.dump_path),))
            connection.close()

    def restore(self) -> None:
        if self.postgres:
            self.postgres.restore(make_url(self.url).database or "", self.dump_path)
        else:
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(self.dump_path, self._path)

    @property
    def _path(self) -> Path:
        return Path(make_url(self.url).database or "")


def age(settings: ApiSettings, by: timedelta) -> None:
    """Let the database be older, as one from a dump of yesterday is."""
    engine = open_engine(settings)
    with transaction(engine) as session:
        for row in [*session.exec(select(Clip)), *session.exec(select(MaintenanceRun))]:
            if isinstance(row, Clip):
                row.updated_at -= by
            else:
                row.done_at -= by
    engine.dispose()


def stored_segments(settings: ApiSettings) -> Mapping[uuid.UUID, list[bytes]]:
    """The originals of all clips, as rows and store have them now."""
    engine, store = open_engine(settings), open_store(settings)
    segments: dict[uuid.UUID, list[bytes]] = {}
    with read_session(engine) as session:
        for clip in session.exec(select(Clip)).all():
            by_upload: dict[uuid.UUID, bytes] = {}
            for upload, piece in session.exec(Piece.of_clip(clip.library_id, clip.id)):
                content = b"".join(store.read(piece.key))
                assert hashlib.sha256(content).hexdigest() == piece.sha256
                by_upload[upload.id] = by_upload.get(upload.id, b"") + content
            if not by_upload:
                by_upload[clip.id] = b"".join(store.read(clip.audio_key))
            segments[clip.id] = list(by_upload.values())
    engine.dispose()
    return segments


def maintain(settings: ApiSettings, begin: datetime, days: int) -> None:
    """Run every task each day, as the thread of a server does that was started after the restore."""
    engine, store = open_engine(settings), open_store(settings)
    maintenance = Maintenance(
        engine, store, lambda: None, silence=timedelta(minutes=15), bin_keeps=timedelta(days=settings.bin_days)
    )
    maintenance.look_for_restore(begin)
    for day in range(days + 1):
        now = begin + timedelta(days=day)
        assert maintenance.claim(COMPARISON, DAILY, now)
        maintenance.compare_store(now)
        maintenance.empty_bin(now)
        maintenance.expire_uploads(now)
        maintenance.finish_stalled_recordings(now + timedelta(minutes=16))
    engine.dispose()


async def test_after_the_restore_of_an_older_database_every_clip_is_back_and_no_byte_is_lost(
    request: pytest.FixtureRequest, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noticed = REGISTRY.get_sample_value("dictaphone_restores_noticed_total") or 0
    server = request.getfixturevalue("postgres") if "BUCKET_NAME" in parts else None
    database = Database(parts["DATABASE_URL"], tmp_path / "clips.dump", server)
    with Stack({**parts, **QUIET}, ["api", "transcriber"], migrate=False) as stack:
        async with httpx.AsyncClient(base_url=stack.api_url, verify=False, timeout=30) as client:
            made = Recordings(client)
            await made.put()
            await made.record(2)
            await made.prepared()
            running = await Upload.begun(client, segment=0)
            made.segments[uuid.UUID(running.clip_id)] = [content := made.sound()]
            await made.send(running, content, 0, 1)
            file_id = uuid.uuid4()
            file = await Upload.begun(client, len(file_content := made.sound()), clip_id=file_id, is_file=True)
            await file.sent(0, file_content[:100])
            database.dump()
            known = set(made.segments)
            await made.send(running, content, 1, PIECES)
            assert (await running.finish()).is_success
            await file.sent(100, file_content[100:])
            made.segments[file_id] = [file_content]
            await made.put()
            await made.record(1)
            await made.record(2)
            await made.prepared()
    database.restore()
    for name, value in parts.items():
        monkeypatch.setenv(name, value)
    settings = ApiSettings()
    age(settings, DAILY)
    begin = datetime.now(UTC) + timedelta(hours=2)
    maintain(settings, begin, days=2)
    assert stored_segments(settings) == made.segments
    assert REGISTRY.get_sample_value("dictaphone_restores_noticed_total") == noticed + 1
    with Stack({**parts, **QUIET}, ["api"], migrate=False) as stack:
        async with httpx.AsyncClient(base_url=stack.api_url, verify=False, timeout=30) as client:
            binned = (await client.get("/api/clips", params={"deleted": "true"})).json()["clips"]
            assert {uuid.UUID(clip["id"]) for clip in binned} == made.segments.keys() - known - {file_id}
            for clip in binned:
                assert clip["found_at"] == clip["deleted_at"]
                heard = await client.get(f"/api/clips/{clip['id']}/audio", headers=FETCH)
                assert heard.is_success, "it can be heard in the bin"
                assert (await client.post(f"/api/clips/{clip['id']}/restore")).is_success
    maintain(settings, begin + timedelta(days=3), days=3 * settings.bin_days)
    assert stored_segments(settings) == made.segments
    with Stack({**parts, **QUIET}, ["api", "transcriber"], migrate=False) as stack:
        async with httpx.AsyncClient(base_url=stack.api_url, verify=False, timeout=30) as client:
            made.client = client
            await made.prepared()
            for id, segments in made.segments.items():
                clip = (await client.get(f"/api/clips/{id}")).json()
                assert clip["duration_ms"] > 400 * len(segments), clip
    engine = open_engine(settings)
    with read_session(engine) as session:
        assert session.exec(select(Clip.id).where(col(Clip.deleted_at).is_not(None))).all() == []
    engine.dispose()
