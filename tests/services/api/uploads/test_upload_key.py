"""The key of a recording: it goes on and ends after the session of its person has, and opens nothing else."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx2
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from services.api.access import access
from services.api.access.principal import How, Principal
from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.people.libraries import Member
from shared.people.models import Person
from shared.people.roles import Role
from tests.conftest import Parts
from tests.tus import BODY, DEFERRED, metadata

NOW = datetime.now(UTC)


class Server(SimpleNamespace):
    client: TestClient
    engine: Engine
    ann: uuid.UUID
    who: Principal | None

    def record(self, clip_id: uuid.UUID, key: dict[str, str] | None = None, segment: int = 0) -> httpx2.Response:
        said = metadata(clip_id=clip_id, name="a", filetype="audio/webm", segment=segment)
        return self.client.post("/api/uploads", headers={**DEFERRED, "Upload-Metadata": said, **(key or {})})


@pytest.fixture
def server(local_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in local_parts.items():
        monkeypatch.setenv(name, value)
    app = create_app(ApiSettings())
    with TestClient(app, base_url="http://localhost") as client:
        engine = app.state.dictaphone.engine
        ann = Person.of("Ann", NOW)
        with transaction(engine) as session:
            session.add(ann)
            session.flush()
            session.add(Member(library_id=HOME, person_id=ann.id, role=Role.OWNER, created_at=NOW))
            ann_id = ann.id
        who = Principal(How.SESSION, {HOME: Role.OWNER}, HOME, person_id=ann_id)
        server = Server(client=client, engine=engine, ann=ann_id, who=who)

        async def identify(_: object) -> Principal | None:
            return server.who

        monkeypatch.setattr(access, "identify", identify)
        yield server


def begin(server: Server) -> tuple[uuid.UUID, str, dict[str, str]]:
    clip_id = uuid.uuid4()
    answer = server.record(clip_id)
    assert answer.status_code == 201
    return clip_id, answer.headers["Location"], {"Upload-Key": answer.headers["Upload-Key"]}


def test_a_recording_goes_on_and_ends_after_its_session(server: Server) -> None:
    clip_id, url, key = begin(server)
    server.who = None
    assert server.client.patch(url, headers=BODY | {"Upload-Offset": "0"}, content=b"one").status_code == 401
    sent = BODY | {"Upload-Offset": "0", "Upload-Length": "3"} | key
    assert server.client.patch(url, headers=sent, content=b"one").status_code == 204
    assert server.client.head(url, headers=BODY | key).headers["Upload-Offset"] == "3"
    second = server.record(clip_id, key, 1)
    assert second.status_code == 201
    ended = BODY | {"Upload-Offset": "0", "Upload-Length": "3"} | key
    assert server.client.patch(second.headers["Location"], headers=ended, content=b"two").status_code == 204
    finish = f"/api/clips/{clip_id}/finish"
    assert server.client.post(finish, headers=key, json={"segments": 2, "duration_ms": 1}).status_code == 200


def test_a_key_opens_nothing_but_its_recording(server: Server) -> None:
    clip_id, url, _ = begin(server)
    _, _, other_key = begin(server)
    server.who = None
    sent = BODY | {"Upload-Offset": "0"} | other_key
    assert server.client.patch(url, headers=sent, content=b"one").status_code == 401
    assert server.client.post(f"/api/clips/{clip_id}/finish", headers=other_key).status_code == 401
    assert server.record(uuid.uuid4(), other_key).status_code == 401
    for method, path in [("GET", f"/api/clips/{clip_id}"), ("GET", "/api/clips"), ("DELETE", url)]:
        assert server.client.request(method, path, headers=BODY | other_key).status_code == 401, path


def test_a_forged_key_is_nobody(server: Server) -> None:
    clip_id, url, key = begin(server)
    server.who = None
    person, _, proof = key["Upload-Key"].partition(".")
    for forged in (f"{person}.{proof[:-1]}!", f"{uuid.uuid4().hex}.{proof}", f"{person}.{'A' * 43}", "", "é"):
        sent = BODY | {"Upload-Offset": "0", "Upload-Key": forged.encode("latin-1", "ignore").decode("latin-1")}
        headers = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        assert server.client.patch(url, headers=headers, content=b"one").status_code == 401, forged
    del clip_id


@pytest.mark.parametrize("change", ["blocked_at", "removed_at"])
def test_a_key_counts_until_its_person_is_sent_away(server: Server, change: str) -> None:
    _, url, key = begin(server)
    server.who = None
    with transaction(server.engine) as session:
        person = session.get(Person, server.ann)
        setattr(person, change, NOW)
        session.add(person)
    assert server.client.patch(url, headers=BODY | {"Upload-Offset": "0"} | key, content=b"one").status_code == 401


def test_another_person_at_the_device_neither_stops_it_nor_is_told_that_it_is_gone(server: Server) -> None:
    _, url, key = begin(server)
    server.who = Principal(How.SESSION, {"own": Role.OWNER}, "own", person_id=uuid.uuid4())
    sent = BODY | {"Upload-Offset": "0"}
    assert server.client.patch(url, headers=sent | key, content=b"one").status_code == 204
    forged = {"Upload-Key": f"{server.ann.hex}.{'A' * 43}"}
    assert server.client.patch(url, headers=sent | forged, content=b"one").status_code == 401
