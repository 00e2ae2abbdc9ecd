"""A clip's audio in other forms, on a live API, with a worker that the test plays."""

import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlmodel import col, select

from shared.clips.models import Clip
from shared.clips.renditions import Form, Rendition, source_of
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.outbox.models import OutboxRow
from shared.settings import DatabaseSettings, StoreSettings
from shared.storage.factory import open_store
from shared.storage.keys import played_key, rendition_key
from shared.uploads.models import Piece, Upload
from tests.conftest import Parts
from tests.recordings import recording
from tests.services.api.clips.test_routes import assert_problem, put_clip

MADE = b"sound in another form" * 20
FETCH = {"Sec-Fetch-Dest": "empty"}


class Settings(DatabaseSettings, StoreSettings):
    """What a worker needs here."""


class Worker:
    """What the transcriber would do."""

    def __init__(self, parts: Parts) -> None:
        settings = Settings.model_validate({name.lower(): value for name, value in parts.items()})
        self.engine, self.store = open_engine(settings), open_store(settings)

    def change(self, id: str, change: Callable[[Clip], object]) -> None:
        with transaction(self.engine) as session:
            change(session.get_one(Clip, uuid.UUID(id)))

    def prepare(self, id: str, **values: object) -> None:
        def change(clip: Clip) -> None:
            clip.prepared_at = datetime.now(UTC)
            for name, value in values.items():
                setattr(clip, name, value)

        self.change(id, change)

    def make(self, id: str, form: Form = Form.M4A) -> str:
        key = rendition_key(HOME, uuid.UUID(id), form)
        self.store.put(key, io.BytesIO(MADE), len(MADE), "audio/mp4")
        with transaction(self.engine) as session:
            clip = session.get_one(Clip, uuid.UUID(id))
            session.get_one(Rendition, (clip.id, form)).finish(
                key=key,
                bytes=len(MADE),
                sha256=hashlib.sha256(MADE).hexdigest(),
                source_key=source_of(clip, form),
                now=datetime.now(UTC),
            )
        return key

    def fail(self, id: str, ago: timedelta = timedelta()) -> None:
        with transaction(self.engine) as session:
            rendition = session.get_one(Rendition, (uuid.UUID(id), Form.M4A))
            rendition.fail("It is too hot to render.")
            rendition.wanted_at = datetime.now(UTC) - ago

    def renditions(self, id: str) -> list[Rendition]:
        with transaction(self.engine) as session:
            return list(session.exec(Rendition.of_clip(uuid.UUID(id))))

    def jobs(self, id: str) -> int:
        """Jobs that no relay could send: there is no Redis."""
        with transaction(self.engine) as session:
            is_job = (col(OutboxRow.clip_id) == uuid.UUID(id), col(OutboxRow.topic) == "render")
            return len(session.exec(select(OutboxRow).where(*is_job)).all())


@pytest.fixture
def worker(module_parts: Parts) -> Iterator[Worker]:
    worker = Worker(module_parts)
    yield worker
    worker.engine.dispose()


def assert_making(response: httpx.Response, form: str = "m4a") -> None:
    assert response.status_code == 202, response.text
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["Cache-Control"] == "no-store"
    if response.request.method == "GET":
        assert response.json() == {
            "type": "urn:dictaphone:making",
            "title": "The clip is being made ready",
            "status": 202,
            "detail": f"The sound is being made ready as {form}. Ask again soon.",
        }


async def test_a_form_is_asked_for_once_and_answered_when_it_is_made(client: httpx.AsyncClient, worker: Worker) -> None:
    clip = await put_clip(client, "Talk.caf", 50)
    worker.prepare(clip["id"])
    url = f"/api/clips/{clip['id']}/audio?as=m4a"
    for _ in range(3):
        assert_making(await client.get(url))
    assert_making(await client.head(url))
    assert_making(await client.get(url.replace("m4a", "mp3")), "mp3")
    assert [rendition.form for rendition in worker.renditions(clip["id"])] == ["m4a", "mp3"]
    worker.make(clip["id"])
    whole = await client.get(url, headers=FETCH)
    assert (whole.status_code, whole.content) == (200, MADE)
    assert whole.headers["Content-Type"] == "audio/mp4;codecs=mp4a.40.2"
    part = await client.get(url, headers={**FETCH, "Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, MADE[5:10])
    head = await client.head(url)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(MADE)))
    again = await client.get(url, headers={**FETCH, "If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304
    saved = await client.get(f"{url}&download", headers=FETCH)
    assert saved.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Talk.m4a"
    assert (await client.get(url.partition("?")[0], headers=FETCH)).content == recording(50), "as ever without as"


async def test_a_lost_object_is_made_again(client: httpx.AsyncClient, worker: Worker) -> None:
    clip = await put_clip(client, number=51)
    worker.prepare(clip["id"])
    url = f"/api/clips/{clip['id']}/audio?as=m4a"
    for method in ("HEAD", "GET"):
        assert_making(await client.get(url))
        worker.store.delete(worker.make(clip["id"]))
        assert_making(await client.request(method, url, headers=FETCH))
        assert worker.renditions(clip["id"])[0].is_wanted


async def test_a_form_of_other_sound_is_made_again(client: httpx.AsyncClient, worker: Worker) -> None:
    clip = await put_clip(client, number=52)
    worker.prepare(clip["id"])
    url = f"/api/clips/{clip['id']}/audio?as=m4a"
    assert_making(await client.get(url))
    worker.make(clip["id"])
    worker.prepare(clip["id"], track_set=2)
    assert_making(await client.get(url))
    assert worker.renditions(clip["id"])[0].is_wanted


async def test_a_form_that_cannot_be_made_says_why_until_it_is_tried_again(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    clip = await put_clip(client, number=53)
    worker.prepare(clip["id"])
    url = f"/api/clips/{clip['id']}/audio?as=m4a"
    assert_making(await client.get(url))
    worker.fail(clip["id"])
    assert assert_problem(await client.get(url), 404, "no-rendition") == "It is too hot to render."
    worker.fail(clip["id"], timedelta(hours=1, seconds=1))
    assert_making(await client.get(url))
    worker.fail(clip["id"])
    assert (await client.post(f"/api/clips/{clip['id']}/transcription")).status_code == 202
    assert_making(await client.get(url))


async def test_what_is_in_that_form_already_is_not_made_anew(client: httpx.AsyncClient, worker: Worker) -> None:
    clip = await put_clip(client, number=54)
    url = f"/api/clips/{clip['id']}/audio?as=m4a"
    worker.prepare(clip["id"], mime="audio/mp4;codecs=mp4a.40.2")
    assert (await client.get(url, headers=FETCH)).content == recording(54)
    worker.prepare(clip["id"], has_true_clock=False)
    assert_making(await client.get(url))
    worker.prepare(clip["id"], mime="audio/mp4;codecs=alac", has_true_clock=True)
    assert_making(await client.get(url))


async def test_a_clip_that_has_no_sound_to_make_it_of_says_so(client: httpx.AsyncClient, worker: Worker) -> None:
    clip = await put_clip(client, number=55)
    url = f"/api/clips/{clip['id']}/audio?as=mp3"
    assert_making(await client.get(url), "mp3")
    assert [rendition.is_wanted for rendition in worker.renditions(clip["id"])] == [True], "the preparation asks"
    worker.change(clip["id"], lambda clip: clip.fail("It is damaged.", datetime.now(UTC)))
    forms = url, url.replace("mp3", "m4a")  # one that is wanted already, and one that nobody asked for yet
    for form in forms:
        assert assert_problem(await client.get(form), 404, "no-rendition") == "It is damaged."
    worker.change(clip["id"], lambda clip: clip.set_arrived_bytes(datetime.now(UTC), bytes=1))
    for form in forms:
        assert_problem(await client.get(form), 409, "recording")
    await client.delete(f"/api/clips/{clip['id']}")
    for form in forms:
        assert_problem(await client.get(form), 409, "in-bin")
    assert_problem(await client.get(url.replace("mp3", "wma")), 400, "bad-request")
    assert_problem(await client.get(f"/api/clips/{uuid.UUID(int=0)}/audio?as=m4a"), 404, "not-found")


async def test_the_bytes_that_came_are_what_is_downloaded(client: httpx.AsyncClient, worker: Worker) -> None:
    """The played file is another one where the uploaded one does not seek."""
    clip = await put_clip(client, number=56)
    id, url = uuid.UUID(clip["id"]), f"/api/clips/{clip['id']}/audio"
    key = played_key(HOME, id)
    worker.store.put(key, io.BytesIO(MADE), len(MADE), "audio/webm")
    with transaction(worker.engine) as session:
        row = session.get_one(Clip, id)
        upload = Upload(
            id=uuid.uuid4(), clip_id=id, is_recording=False, name="a", mime="audio/webm", length=row.bytes,
            recorded_at=row.created_at, created_at=row.created_at,
            library_id=HOME,
        )  # fmt: skip
        session.add(upload)
        session.flush()
        session.add(Piece(upload_id=upload.id, start=0, end=row.bytes, key=row.audio_key, sha256=row.sha256))
    worker.prepare(clip["id"], audio_key=key, bytes=len(MADE), sha256=hashlib.sha256(MADE).hexdigest())
    assert (await client.get(url, headers=FETCH)).content == MADE
    for query in ("?download", "?as=original", "?as=original&download"):
        response = await client.get(f"{url}{query}", headers=FETCH)
        assert response.content == recording(56)
        part = await client.get(f"{url}{query}", headers={**FETCH, "Range": "bytes=5-9"})
        assert part.content == recording(56)[5:10]
    with transaction(worker.engine) as session:
        session.get_one(Upload, upload.id).is_recording = True
    assert (await client.get(f"{url}?download", headers=FETCH)).content == MADE, "a recording in one piece"
