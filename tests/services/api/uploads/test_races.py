"""The last byte of a file, and another request at the same moment: the second waits for the lock of the first."""

import hashlib
import io
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import Access
from services.api.access.principal import LOCAL, Need
from services.api.background.maintenance import Maintenance
from services.api.background.outbox_relay import OutboxRelay
from services.api.http.body import ReceivedBody
from services.api.http.errors import Problem
from services.api.people.modes import SignInMode
from services.api.people.sign_ins import SignIns
from services.api.people.tokens import Tokens
from services.api.settings import ApiSettings
from services.api.state import ClipTransaction, State
from services.api.uploads import routes
from services.api.uploads.append import UploadStatus, UploadWriter
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session, transaction
from shared.libraries import HOME
from shared.storage.files import FileStore
from shared.uploads.models import FILE_LIFETIME, Piece, Upload

FIRST, LAST = b"01234", b"56789"

BLOCKED_S = 0.5
"""Seconds in which another thread reaches the lock that is held."""

ACCESS = Access(LOCAL, Need.WRITES, None)


@dataclass
class Server:
    """The state of an api process without its sockets; the first commit of a clip can be delayed."""

    state: State
    maintenance: Maintenance
    threads: ThreadPoolExecutor
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def begin(self, length: int | None) -> Upload:
        upload = Upload(
            id=uuid.uuid4(), clip_id=uuid.uuid4(), is_recording=False, name="a", mime="audio/webm",
            recorded_at=datetime.now(UTC), length=length, created_at=datetime.now(UTC),
            library_id=HOME,
        )  # fmt: skip
        with transaction(self.state.engine) as session:
            session.add(upload)
        return upload

    def patch(self, upload: Upload, start: int, data: bytes, length: int | None = None) -> int:
        body = ReceivedBody(io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest(), "")
        return UploadWriter(self.state, UploadStatus.load(self.state, ACCESS, upload.id), length, None).append(
            start, body
        )

    def delete(self, upload: Upload) -> Response:
        app = SimpleNamespace(state=SimpleNamespace(dictaphone=self.state))
        scope = {"type": "http", "method": "DELETE", "path": "/", "headers": [(b"tus-resumable", b"1.0.0")]}
        return routes.delete(
            Request({**scope, "path_params": {"id": str(upload.id)}, "app": app, "state": {"access": ACCESS}})
        )

    def put(self, upload: Upload) -> None:
        with self.state.transaction() as change:
            clip = Clip.new_upload(
                upload.clip_id,
                name="b",
                mime="audio/webm",
                bytes=3,
                sha256="x",
                audio_key="home/k",
                now=change.now,
                library_id=HOME,
            )
            change.save(clip)

    def race(self, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Future[Any], Future[Any]]:
        """Run the second while the first has saved a clip and not committed it."""
        early = self.threads.submit(first)
        assert self.reached.wait(10)
        late = self.threads.submit(second)
        threading.Event().wait(BLOCKED_S)
        self.released.set()
        for each in (early, late):
            each.exception(10)
        return early, late

    def found(self, upload: Upload) -> tuple[Clip | None, Upload, list[Piece]]:
        with read_session(self.state.engine) as session:
            pieces = session.exec(select(Piece).where(Piece.upload_id == upload.id)).all()
            return session.get(Clip, upload.clip_id), session.get_one(Upload, upload.id), list(pieces)


@pytest.fixture
def server(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    settings = ApiSettings(database_url=SecretStr(postgres_url), data_dir=tmp_path)
    engine, store = open_engine(settings), FileStore(tmp_path / "objects")
    relay = cast("OutboxRelay", SimpleNamespace(wake=lambda: None))
    maintenance = Maintenance(engine, store, relay.wake, silence=timedelta(minutes=15), bin_keeps=timedelta(days=30))
    with ThreadPoolExecutor(2) as threads:
        state = State(settings, engine, store, relay, tmp_path, SignIns(engine), SignInMode(settings), Tokens(engine))
        server = Server(state, maintenance, threads)
        record = ClipTransaction.save

        def held(change: ClipTransaction, clip: Clip, *jobs: str) -> None:
            record(change, clip, *jobs)
            change.session.flush()
            if not server.reached.is_set():
                server.reached.set()
                server.released.wait(10)

        monkeypatch.setattr(ClipTransaction, "save", held)
        yield server
        server.released.set()
    engine.dispose()


def is_whole(server: Server, upload: Upload) -> bool:
    """Whether all confirmed bytes are stored, now and after the sweeps of a week."""
    now = datetime.now(UTC)
    server.maintenance.expire_uploads(now + FILE_LIFETIME + timedelta(hours=1))
    server.maintenance.compare_store(now + timedelta(days=2))
    clip, row, pieces = server.found(upload)
    sound = b"".join(b"".join(server.state.store.read(piece.key)) for piece in sorted(pieces, key=lambda p: p.start))
    return clip is not None and row.ended_at is None and sound == FIRST + LAST


def test_aborting_a_file_while_its_last_byte_arrives(server: Server) -> None:
    upload = server.begin(10)
    server.patch(upload, 0, FIRST)
    patch, delete = server.race(lambda: server.patch(upload, 5, LAST), lambda: server.delete(upload))
    assert patch.result() == 10
    assert "is a clip now" in str(delete.exception())
    assert is_whole(server, upload)


def test_expiry_while_the_last_byte_arrives(server: Server) -> None:
    upload = server.begin(10)
    server.patch(upload, 0, FIRST)
    week = datetime.now(UTC) + FILE_LIFETIME + timedelta(minutes=1)
    patch, sweep = server.race(lambda: server.patch(upload, 5, LAST), lambda: server.maintenance.expire_uploads(week))
    assert (patch.result(), sweep.result()) == (10, 0)
    assert is_whole(server, upload)


def test_two_declarations_of_the_length_at_once(server: Server) -> None:
    upload = server.begin(None)
    server.patch(upload, 0, FIRST + LAST)
    told = server.race(lambda: server.patch(upload, 10, b"", 10), lambda: server.patch(upload, 10, b"", 10))
    assert [each.result() for each in told] == [10, 10]
    assert is_whole(server, upload)


def test_a_put_of_the_same_id_while_the_last_byte_arrives(server: Server) -> None:
    upload = server.begin(10)
    server.patch(upload, 0, FIRST)
    put, patch = server.race(lambda: server.put(upload), lambda: server.patch(upload, 5, LAST))
    assert put.exception() is None
    assert isinstance(patch.exception(), Problem)
    assert "nothing is overwritten" in str(patch.exception())
    _, _, pieces = server.found(upload)
    assert len(pieces) == len(list(server.state.store.list_objects())) == 1, "what was refused is not left behind"
