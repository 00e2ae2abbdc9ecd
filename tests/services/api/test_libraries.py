"""Two libraries in one database: no request to one of them reads, changes or mixes in anything of the other."""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, product
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from services.api.archive.manifest import DESCRIPTION, MANIFEST
from shared.clips.models import Clip, Status
from shared.clips.waveform import Waveform
from shared.db.engine import open_engine, read_session, transaction
from shared.search.index import ClipTag, SearchEntry
from shared.settings import DatabaseSettings
from shared.transcripts.models import Source, Transcript
from shared.uploads.models import Piece, Upload
from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem
from tests.services.api.openapi.test_document import routes_and_methods
from tests.tus import BODY, DEFERRED, SPOKEN, metadata

OTHER = "somebody-elses"
SECRET = "Quagmire"
"""Stands in every text of the other library, and in no request."""

NOW = datetime.now(UTC)
"""Too young for maintenance, which empties bins and finishes recordings of all libraries."""

SOUND = recording()


@dataclass
class OtherLibrary:
    """A library with a bit of everything, which none of our requests belongs to."""

    engine: Engine
    done: uuid.UUID = field(default_factory=uuid.uuid4)
    binned: uuid.UUID = field(default_factory=uuid.uuid4)
    recording: uuid.UUID = field(default_factory=uuid.uuid4)
    file: uuid.UUID = field(default_factory=uuid.uuid4)
    """The clip that an upload is to become: its id is in no row of a clip yet."""
    upload_ids: list[uuid.UUID] = field(default_factory=list)

    @property
    def clip_ids(self) -> list[uuid.UUID]:
        return [self.done, self.binned, self.recording, self.file]

    def fill(self) -> None:
        about: dict[str, Any] = {"name": SECRET, "mime": "audio/webm", "now": NOW, "library_id": OTHER}
        stored: dict[str, Any] = {"bytes": len(SOUND), "sha256": "0" * 64}
        with transaction(self.engine) as session:
            for id in (self.done, self.binned):
                clip = Clip.new_upload(id, **about, **stored, audio_key=f"{OTHER}/{id}/0", duration_ms=500)
                clip.status, clip.prepared_at, clip.text = Status.DONE, NOW, f"{SECRET} said so"
                clip.tags = [SECRET]
                clip.deleted_at = NOW if id == self.binned else None
                session.add(clip)
                session.flush()
                session.add(Waveform(clip_id=id, peaks=[13]))
                session.add(Transcript(clip_id=id, source=Source.PERSON, text=SECRET, created_at=NOW))
                self._add_upload(session, id, 0, len(SOUND), len(SOUND))
            session.add(Clip.new_recording(self.recording, **about, recorded_at=NOW))
            session.flush()
            for segment in (0, 1):
                self._add_upload(session, self.recording, segment, None, 100)
            self._add_upload(session, self.file, 0, 200, 100)
            self._add_upload(session, self.file, 3, None, 100)

    def _add_upload(self, session: Session, clip_id: uuid.UUID, segment: int, length: int | None, arrived: int) -> None:
        upload = Upload(
            id=uuid.uuid4(),
            library_id=OTHER,
            clip_id=clip_id,
            segment=segment,
            is_recording=length is None,
            name=SECRET,
            mime="audio/webm",
            recorded_at=NOW,
            length=length,
            created_at=datetime.now(UTC),
        )
        session.add(upload)
        session.flush()
        session.add(Piece(upload_id=upload.id, start=0, end=arrived, key=f"{OTHER}/{upload.id}", sha256="0" * 64))
        self.upload_ids.append(upload.id)

    def rows(self) -> dict[str, Any]:
        """All that the other library has."""
        with read_session(self.engine) as session:
            clips = session.exec(select(Clip).where(Clip.library_id == OTHER)).all()
            ids = {clip.id for clip in clips}
            uploads = session.exec(select(Upload).where(Upload.library_id == OTHER)).all()
            upload_ids = {upload.id for upload in uploads}
            tables = (Piece, Waveform, Transcript, SearchEntry, ClipTag)
            found = [*clips, *uploads, *chain.from_iterable(session.exec(select(table)) for table in tables)]
        rows: dict[str, Any] = {}
        for row in found:
            values = row.model_dump()
            is_ours = values.get("clip_id") in ids or values.get("upload_id") in upload_ids
            if is_ours or values.get("library_id") == OTHER:
                key = [values.get(name) for name in ("id", "clip_id", "upload_id", "start", "key")]
                rows[f"{type(row).__name__} {key}"] = values
        return rows


@pytest.fixture(scope="module")
def other(module_parts: Parts) -> Iterator[OtherLibrary]:
    engine = open_engine(DatabaseSettings.model_validate({"database_url": module_parts["DATABASE_URL"]}))
    library = OtherLibrary(engine)
    library.fill()
    yield library
    engine.dispose()


@dataclass(frozen=True)
class Sent:
    """A request of our library; `HERE` in its path is the last upload that it was given."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


def archive(id: uuid.UUID, segment: int) -> bytes:
    """An exported library whose one clip has this id."""
    instant = NOW.isoformat()
    sound = {"mime": "audio/webm", "bytes": len(SOUND), "sha256": hashlib.sha256(SOUND).hexdigest()}
    original = {"segment": segment, "is_recording": False, "name": "ours", "recorded_at": instant}
    described = {
        "id": str(id), "name": "ours", "created_at": instant, "duration_ms": 500, "segments": 1, "gaps": [],
        "status": "done", "text": "ours", "edited_at": None, "language": None, "language_set": None, "recognizer": None,
        "error": None, "tags": [], "prepared": True, "audio": {"file": "audio.webm", **sound},
        "originals": [{"file": "audio.webm", **sound, **original}], "peaks": None, "revisions": [],
    }  # fmt: skip
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as file:
        file.writestr("clip/audio.webm", SOUND)
        file.writestr(f"clip/{DESCRIPTION}", json.dumps(described))
        manifest = {"format": "dictaphone library", "version": 1, "clips": 1, "made_at": instant}
        file.writestr(MANIFEST, json.dumps(manifest))
    return zipped.getvalue()


@st.composite
def requests(draw: st.DrawFn, library: OtherLibrary, routes: Sequence[tuple[str, str]]) -> Sent:
    """A request to any route that names what is the other library's."""
    path, method = draw(st.sampled_from(routes))
    clip_id, segment = draw(st.sampled_from(library.clip_ids)), draw(st.integers(0, 4))
    length = draw(st.sampled_from([{}, {"Upload-Length": "200"}]))
    content = draw(st.sampled_from([b"", b"c" * 100, b"d" * 200]))
    match path, method:
        case "/api/uploads", "post":
            about: dict[str, Any] = {"clip_id": clip_id, "name": "ours", "filetype": "audio/webm"}
            about |= {"segment": segment} if draw(st.booleans()) else {}
            return Sent("POST", path, {**BODY, **(length or DEFERRED), "Upload-Metadata": metadata(**about)}, content)
        case "/api/uploads/{id}", _:
            id = draw(st.sampled_from([*map(str, library.upload_ids), "HERE"]))
            headers = {**BODY, **length, "Upload-Offset": draw(st.sampled_from(["0", "100"]))}
            headers |= {"X-HTTP-Method-Override": "PATCH"} if method == "post" else {}
            return Sent(method.upper(), f"/api/uploads/{id}", headers, content if method in {"patch", "post"} else b"")
        case "/api/library", "post":
            return Sent("POST", path, {"Content-Type": "application/zip"}, archive(clip_id, segment))
        case "/api/clips/{id}", "put":
            return Sent("PUT", f"/api/clips/{clip_id}?name=ours", content=SOUND)
        case "/api/clips/{id}", "patch":
            return Sent("PATCH", f"/api/clips/{clip_id}", content=b'{"name": "ours", "text": "ours"}')
        case "/api/clips/{id}/finish", "post":
            body = draw(st.sampled_from([b"", b'{"segments": 1, "duration_ms": 1}']))
            return Sent("POST", f"/api/clips/{clip_id}/finish", content=body)
        case "/api/clips/{id}/audio", _:
            return Sent("GET", f"/api/clips/{clip_id}/audio?segment={segment}", {"Sec-Fetch-Dest": "empty"})
        case "/clips/{name}" | "/audio/{name}", _:
            name = draw(st.sampled_from(["ours", SECRET])) if method != "put" else "ours"
            return Sent(method.upper(), path.replace("{name}", name), content=SOUND if method == "put" else b"")
        case "/api/clips", _:
            queries = ["", "?q=said", "?q=quag", "?deleted=1", "?sort=name", "?tag=ours", "?status=done&sort=longest"]
            return Sent("GET", f"{path}{draw(st.sampled_from(queries))}")
        case _:
            named = path.replace("{id}", str(clip_id)).replace("{form}", "json")
            return Sent(method.upper(), named, dict(SPOKEN))


UNREAD = {"/metrics", "/static", "/service-worker.js", "/", "/openapi.json", "/websocket"}
"""Routes that name nobody's clips."""


@pytest.fixture(scope="module")
def routes() -> Sequence[tuple[str, str]]:
    return sorted((path, method) for path, method in routes_and_methods() if path not in UNREAD)


def test_two_libraries_never_meet(api: Stack, other: OtherLibrary, routes: Sequence[tuple[str, str]]) -> None:
    """Requests to all routes; after each run of them, the other library is what it was."""
    before = other.rows()
    assert len(before) >= 20

    @settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(requests(other, routes), min_size=1, max_size=8))
    def run(run: list[Sent]) -> None:
        here = str(uuid.uuid4())
        for sent in run:
            path = sent.path.replace("HERE", here)
            answer = client.request(sent.method, path, headers=sent.headers, content=sent.content)
            assert answer.status_code < 500, f"{sent.method} {path}: {answer.text}"
            told = answer.content + str(answer.headers).encode()
            assert SECRET.encode() not in told, f"{sent.method} {path}"
            assert OTHER.encode() not in told, f"{sent.method} {path}"
            here = answer.headers.get("Location", here).rpartition("/")[2]
        assert other.rows() == before

    with httpx.Client(base_url=api.api_url, timeout=30) as client:
        run()


def test_a_creation_with_another_librarys_clip_id_is_refused_or_is_an_upload_of_its_own(
    api: Stack, other: OtherLibrary
) -> None:
    untouched = OtherLibrary(other.engine)
    untouched.fill()
    before = untouched.rows()
    with httpx.Client(base_url=api.api_url) as client:
        for id, segment in product(untouched.clip_ids, (0, 2)):
            about = metadata(clip_id=id, segment=segment, name="ours", filetype="audio/webm")
            headers = {**BODY, **DEFERRED, "Upload-Metadata": about}
            created = client.post("/api/uploads", headers=headers, content=b"o")
            if created.status_code == 201:
                assert created.headers["Upload-Offset"] == "1"
            else:
                assert_problem(created, 409, "id-taken")
    assert untouched.rows() == before
