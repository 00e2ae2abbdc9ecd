"""A database, a store, and maintenance that does not run: tests call its tasks with instants of their own."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from services.api.background.maintenance import Maintenance
from services.api.settings import ApiSettings
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session, transaction
from shared.libraries import HOME
from shared.outbox.writer import save_and_announce
from shared.storage.factory import open_store
from shared.storage.keys import file_key, recording_key
from shared.storage.store import ObjectMissing, Store
from shared.uploads.models import Piece, Upload
from tests.conftest import Parts

SILENCE = timedelta(minutes=15)
BIN_KEEPS = timedelta(days=30)
DAY = timedelta(days=1)


@dataclass
class MaintenanceSetup:
    """A database, a store, and maintenance that does not run: tests call the tasks with their own instants."""

    engine: Engine
    store: Store
    maintenance: Maintenance
    now: datetime

    def put(self, clip_id: uuid.UUID) -> str:
        return self.store_object(file_key(HOME, clip_id, 0, 5, 5))

    def store_object(self, key: str, content: bytes = b"sound") -> str:
        self.store.put(key, io.BytesIO(content), len(content), "audio/webm")
        return key

    def has(self, key: str) -> bool:
        try:
            return self.store.size(key) == 5
        except ObjectMissing:
            return False

    def save(self, clip: Clip) -> Clip:
        with transaction(self.engine) as session:
            save_and_announce(session, clip, now=self.now)
        return clip

    def clip(self) -> Clip:
        """A clip whose audio is one object."""
        id = uuid.uuid4()
        return self.save(
            Clip.new_upload(
                id,
                name="a",
                mime="audio/webm",
                bytes=5,
                sha256="",
                audio_key=self.put(id),
                now=self.now,
                library_id=HOME,
            )
        )

    def upload(self, clip_id: uuid.UUID, *, is_recording: bool, length: int | None = None) -> str:
        """An upload with one piece, of five bytes; returns the piece's key."""
        id = uuid.uuid4()
        key = self.store_object(
            recording_key(HOME, clip_id, 0, 0, 5) if is_recording else file_key(HOME, clip_id, 0, 5, length)
        )
        with transaction(self.engine) as session:
            session.add(
                Upload(
                    id=id, clip_id=clip_id, is_recording=is_recording, name="a", mime="audio/webm",
                    recorded_at=self.now, created_at=self.now, length=length,
                    library_id=HOME,
                )
            )  # fmt: skip
            session.flush()
            session.add(Piece(upload_id=id, start=0, end=5, key=key, sha256=""))
        return key

    def recording(self) -> tuple[Clip, str]:
        id = uuid.uuid4()
        clip = self.save(
            Clip.new_recording(id, name="r", mime="audio/webm", recorded_at=self.now, now=self.now, library_id=HOME)
        )
        return clip, self.upload(id, is_recording=True)

    def read(self, clip: Clip) -> Clip | None:
        with read_session(self.engine) as session:
            return session.get(Clip, clip.id)

    def uploads(self) -> list[Upload]:
        with read_session(self.engine) as session:
            return list(session.exec(select(Upload)))


@pytest.fixture
def setup(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[MaintenanceSetup]:
    for name, value in parts.items():
        monkeypatch.setenv(name, value)
    settings = ApiSettings()
    engine, store = open_engine(settings), open_store(settings)
    maintenance = Maintenance(engine, store, lambda: None, silence=SILENCE, bin_keeps=BIN_KEEPS)
    yield MaintenanceSetup(engine, store, maintenance, datetime.now(UTC))
    engine.dispose()
