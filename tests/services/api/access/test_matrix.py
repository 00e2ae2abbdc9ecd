"""Every route for everybody who may come: each cell of the matrix is asked, and a new route without a request fails."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import httpx2
import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from services.api.access import access
from services.api.access.needs import CLOSE_SIGNED_OUT, needs_of
from services.api.access.principal import How, Need, Principal
from services.api.app import ROUTES, create_app
from services.api.settings import ApiSettings
from shared.clips.models import Clip, Status
from shared.clips.waveform import Waveform
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.people.roles import Role
from shared.storage.keys import file_key
from shared.transcripts.models import Source, Transcript
from shared.uploads.models import Upload
from tests.conftest import Parts
from tests.recordings import recording
from tests.tus import BODY, DEFERRED, metadata

OWN = "own-one"

NOW = datetime.now(UTC)

PEOPLE: dict[str, Principal | None] = {
    "nobody": None,
    "stranger": Principal(How.SESSION, {OWN: Role.OWNER}, OWN),
    **{str(role): Principal(How.SESSION, {OWN: Role.OWNER, HOME: role}, OWN) for role in Role},
    **{
        f"token {need.name.lower()}": Principal(
            How.TOKEN, {HOME: Role.OWNER}, HOME, granted=frozenset({Need.READS, need})
        )
        for need in (Need.READS, Need.WRITES, Need.DELETES)
    },
}
"""Who asks. Every one but nobody has a library of their own; the question is about HOME."""

ALLOWED = {
    name: {Need.OPEN} if principal is None else {Need.OPEN, *(need for need in Need if principal.may(need, HOME))}
    for name, principal in PEOPLE.items()
}


@dataclass(frozen=True)
class Cell:
    """A request that a route answers with success, if whoever sends it may have it."""

    path: str
    query: str = ""
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    success: tuple[int, ...] = (200,)


@dataclass(frozen=True)
class Things:
    """What the requests of one cell are about: made anew for each, since some of them delete it."""

    clip: uuid.UUID
    other: uuid.UUID
    binned: uuid.UUID
    recording: uuid.UUID
    upload: uuid.UUID
    _: KW_ONLY
    revision: int


SOUND = recording()
IN_HOME = f"library={HOME}"
TUS_CREATION = {**DEFERRED, "Upload-Metadata": metadata(name="a", filetype="audio/webm", segment=0)}


def requests(things: Things) -> dict[tuple[str, str], Cell]:
    """A request for each route that is not open to everybody."""
    clip, new = f"/api/clips/{things.clip}", uuid.uuid4()
    upload = f"/api/uploads/{things.upload}"
    return {
        ("/api/clips", "GET"): Cell("/api/clips", IN_HOME),
        ("/api/tags", "GET"): Cell("/api/tags", IN_HOME),
        ("/api/bin", "DELETE"): Cell("/api/bin", IN_HOME),
        ("/api/storage", "GET"): Cell("/api/storage", IN_HOME),
        ("/api/media-type", "POST"): Cell("/api/media-type", IN_HOME, content=SOUND),
        ("/api/clips/join", "POST"): Cell(
            "/api/clips/join", json={"ids": [str(things.clip), str(things.other)], "id": str(new)}, success=(201,)
        ),
        ("/api/clips/{id}", "GET"): Cell(clip),
        ("/api/clips/{id}", "PUT"): Cell(f"/api/clips/{new}", f"name=a&{IN_HOME}", content=SOUND, success=(201,)),
        ("/api/clips/{id}", "PATCH"): Cell(clip, json={"name": "b"}),
        ("/api/clips/{id}", "DELETE"): Cell(clip, success=(204,)),
        ("/api/clips/{id}/restore", "POST"): Cell(f"/api/clips/{things.binned}/restore"),
        ("/api/clips/{id}/transcription", "POST"): Cell(f"{clip}/transcription", success=(202,)),
        ("/api/clips/{id}/audio", "GET"): Cell(f"{clip}/audio"),
        ("/api/clips/{id}/transcript.{form}", "GET"): Cell(f"{clip}/transcript.txt"),
        ("/api/clips/{id}/revisions", "GET"): Cell(f"{clip}/revisions"),
        ("/api/clips/{id}/revisions/{revision}", "GET"): Cell(f"{clip}/revisions/{things.revision}"),
        ("/api/clips/{id}/revisions/{revision}/restore", "POST"): Cell(f"{clip}/revisions/{things.revision}/restore"),
        ("/api/clips/{id}/finish", "POST"): Cell(f"/api/clips/{things.recording}/finish"),
        ("/api/clips/{id}/waveform", "GET"): Cell(f"{clip}/waveform"),
        ("/api/clips/{id}/cuts", "PUT"): Cell(f"{clip}/cuts", json={"cuts": [[0, 100]]}),
        ("/api/clips/{id}/split", "POST"): Cell(
            f"{clip}/split", json={"id": str(new), "at_ms": 250}, success=(201,)
        ),
        ("/api/library.zip", "GET"): Cell("/api/library.zip", f"id={things.clip}&{IN_HOME}"),
        ("/api/library", "POST"): Cell("/api/library", IN_HOME, content=b"no zip", success=(422,)),
        ("/api/uploads", "POST"): Cell("/api/uploads", IN_HOME, headers=TUS_CREATION, success=(201,)),
        ("/api/uploads/{id}", "HEAD"): Cell(upload, headers=BODY),
        ("/api/uploads/{id}", "PATCH"): Cell(
            upload, headers=BODY | {"Upload-Offset": "0"}, content=SOUND, success=(204,)
        ),
        ("/api/uploads/{id}", "DELETE"): Cell(upload, headers=BODY, success=(204,)),
        ("/api/uploads/{id}", "POST"): Cell(upload, headers=BODY | {"X-HTTP-Method-Override": "HEAD"}),
        ("/clips/{name:path}", "PUT"): Cell("/clips/a", IN_HOME, content=SOUND, success=(201,)),
        ("/clips/{name:path}", "DELETE"): Cell("/clips/a", IN_HOME, success=(204,)),
        ("/audio/{name:path}", "GET"): Cell(f"/audio/{things.clip}", IN_HOME),
        ("/audio/{name:path}", "PUT"): Cell("/audio/a", IN_HOME, content=SOUND, success=(201,)),
        ("/audio/{name:path}", "DELETE"): Cell("/audio/a", IN_HOME, success=(204,)),
        ("/websocket", "GET"): Cell("/websocket", IN_HOME, success=(426,)),
    }  # fmt: skip


@dataclass
class Server:
    """The api in this process, with a word about who asks."""

    client: TestClient
    untouched: Things = field(init=False)
    """What only refused requests are about."""

    def __post_init__(self) -> None:
        self.untouched = self.things()

    def things(self) -> Things:
        """Two clips with sound and words, one in the bin, and a recording that goes on."""
        state = self.client.app.state.dictaphone  # type: ignore[attr-defined]
        ids = [uuid.uuid4() for _ in range(4)]
        clip_ids, recording_id = ids[:3], ids[3]
        upload = Upload(
            id=uuid.uuid4(), library_id=HOME, clip_id=recording_id, is_recording=True, name="r", mime="audio/webm",
            recorded_at=NOW, created_at=NOW,
        )  # fmt: skip
        with transaction(state.engine) as session:
            for id in clip_ids:
                key = file_key(HOME, id, 0, len(SOUND), len(SOUND))
                state.store.put(key, io.BytesIO(SOUND), len(SOUND), "audio/webm")
                clip = Clip.new_upload(
                    id, name=str(id), mime="audio/webm; codecs=opus", bytes=len(SOUND), sha256="0" * 64, audio_key=key,
                    duration_ms=500, now=NOW, library_id=HOME,
                )  # fmt: skip
                clip.status, clip.prepared_at, clip.text = Status.DONE, NOW, "some words"
                clip.deleted_at = NOW if id == clip_ids[2] else None
                session.add(clip)
                session.flush()
                session.add(Waveform(clip_id=id, peaks=[13]))
            revision = Transcript(clip_id=clip_ids[0], source=Source.PERSON, text="some words", created_at=NOW)
            recording = Clip.new_recording(
                recording_id, name="r", mime="audio/webm", recorded_at=NOW, now=datetime.now(UTC), library_id=HOME
            )
            session.add_all([revision, recording, upload])
            session.flush()
            return Things(ids[0], ids[1], ids[2], ids[3], upload.id, revision=revision.id or 0)

    def ask(self, person: str, method: str, cell: Cell) -> httpx2.Response:
        path = f"{cell.path}?{cell.query}" if cell.query else cell.path
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Person": person, **cell.headers}
        return self.client.request(method, path, headers=headers, json=cell.json, content=cell.content)


@pytest.fixture(scope="module")
def server(module_local_parts: Parts) -> Iterator[Server]:
    async def identify(connection: HTTPConnection) -> Principal | None:
        return PEOPLE[connection.headers["person"]]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_local_parts.items():
            patch.setenv(name, value)
        patch.setattr(access, "identify", identify)
        with TestClient(create_app(ApiSettings()), base_url="http://localhost", follow_redirects=False) as client:
            yield Server(client)


# What is open to everybody, and what one does about oneself, is asked in tests/services/api/accounts.
ELSEWHERE = {Need.OPEN, Need.KNOWN}
CELLS = sorted({(path, method, need) for path, method, _, need in needs_of(ROUTES) if need not in ELSEWHERE}, key=str)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize(("path", "method", "need"), CELLS, ids=lambda each: getattr(each, "name", str(each)))
def test_a_route_answers_those_who_may_and_no_others(
    server: Server, path: str, method: str, need: Need, person: str
) -> None:
    if method == "WEBSOCKET":
        with server.client.websocket_connect(path, headers={"Person": "nobody", "Host": "localhost"}) as socket:
            assert socket.receive()["code"] == CLOSE_SIGNED_OUT
        return
    is_allowed = need in ALLOWED[person]
    # What is in the bin may be erased by then: one of these requests empties it.
    is_new = is_allowed or path.endswith("/restore")
    cell = requests(server.things() if is_new else server.untouched)[path, method]
    answer = server.ask(person, method, cell)
    if is_allowed:
        assert answer.status_code in cell.success, answer.text
    else:
        status = 401 if PEOPLE[person] is None else 403 if Need.READS in ALLOWED[person] else 404
        assert answer.status_code == status, answer.text


def test_what_reading_shows_is_not_there_for_a_stranger(server: Server) -> None:
    """No answer to a stranger differs from the one about a clip that is nowhere."""
    here, nowhere = requests(server.untouched), requests(Things(*(uuid.uuid4() for _ in range(5)), revision=1))
    for (path, method, _), person in product(CELLS, ["stranger"]):
        if "{id}" in path and (path, method) in here:
            answers = [server.ask(person, method, cells[path, method]) for cells in (here, nowhere)]
            assert answers[0].status_code == answers[1].status_code, f"{method} {path}"
            assert answers[0].content == answers[1].content, f"{method} {path}"
