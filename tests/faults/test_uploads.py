"""Uploads while something breaks: what was confirmed is there, what was not is a clear refusal, and they go on."""

import asyncio
import errno
import os
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlmodel import Session, col, select
from starlette.applications import Starlette

from services.api.app import create_app
from services.api.http import body
from services.api.settings import ApiSettings
from services.api.uploads.routes import PIECE_BYTES
from shared.clips.models import Clip
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.settings import DatabaseSettings
from shared.uploads.models import Upload as UploadRow
from tests.conftest import Parts
from tests.faults.conftest import Stored
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem
from tests.tus import BODY, Upload, checksum
from tests.wire import Wire

LONG = random.Random(4).randbytes(3 * PIECE_BYTES)
"""So many bytes that the server keeps the first ones before the last ones are sent."""

only_servers = pytest.mark.parametrize("parts", ["servers"], indirect=True)


@pytest.fixture
def database(parts: Parts) -> Iterator[Engine]:
    """The API's own, for somebody else who holds its locks."""
    engine = open_engine(DatabaseSettings(database_url=SecretStr(parts["DATABASE_URL"])))
    yield engine
    engine.dispose()


async def half_sent(api: Stack, upload: Upload, start: int, data: bytes, **headers: str) -> Wire:
    """A PATCH of which the last bytes do not come."""
    wire = await Wire.open(api.api_url)
    head = {**BODY, "Upload-Offset": str(start), **headers}
    await wire.begin("PATCH", upload.url.encode(), len(data), **head)
    await wire.send(data[:-50_000])
    return wire


# -- the API dies --------------------------------------------------------------------------------------------------


async def test_kill_9_in_the_middle_of_a_long_patch_costs_what_was_not_yet_kept(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    upload = await Upload.begun(client, length=len(LONG))
    wire = await half_sent(api, upload, 0, LONG)
    async with asyncio.timeout(20):
        while await upload.offset() < 2 * PIECE_BYTES:
            await asyncio.sleep(0.02)
    api.kill("api")
    wire.vanish()
    api.start("api")
    assert stored.leftovers() == []
    offset = await upload.offset()
    assert 2 * PIECE_BYTES <= offset < len(LONG)
    await upload.sent(offset, LONG[offset:])
    assert await upload.heard() == LONG


async def test_a_patch_with_a_checksum_that_breaks_off_leaves_nothing(
    api: Stack, client: httpx.AsyncClient, stored: Stored
) -> None:
    upload = await Upload.begun(client)
    wire = await half_sent(api, upload, 0, LONG, **checksum(LONG))
    assert (await client.get("/healthz")).status_code == 200
    wire.vanish()
    async with asyncio.timeout(10):
        while f'"path": "{upload.url}"' not in api.log("api"):
            await asyncio.sleep(0.02)
    assert await upload.offset() == 0
    assert (stored.objects(), stored.leftovers()) == ([], [])
    assert await upload.sent(0, LONG, **checksum(LONG)) == len(LONG)
    assert await upload.heard() == LONG


async def test_a_recording_goes_on_over_kills_and_lost_answers(api: Stack, client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    pieces = [random.Random(number).randbytes(20_000 + number) for number in range(30)]
    sent = 0
    for number, piece in enumerate(pieces):
        if number in {7, 19}:
            (await half_sent(api, upload, sent, piece * 4)).vanish()
            api.kill("api")
            api.start("api")
        elif number % 4 == 0:
            # The request arrives, its answer does not.
            wire = await Wire.open(api.api_url)
            await wire.ask("PATCH", upload.url.encode(), piece, **BODY, **{"Upload-Offset": str(sent)})
            wire.vanish()
        offset = await upload.offset()
        assert sent <= offset
        if offset != sent + len(piece):
            # What was cut off may have left a beginning: a client looks, and goes on from there.
            assert piece.startswith((piece * 4)[: offset - sent]) or offset == sent
            await upload.sent(offset, piece[offset - sent :])
        sent += len(piece)
    await upload.sent(sent, Upload_Length=str(sent))
    assert (await upload.finish()).status_code == 200
    assert await upload.heard() == b"".join(pieces)


# -- its parts are away --------------------------------------------------------------------------------------------


@only_servers
async def test_while_the_bucket_is_away_nothing_is_confirmed(client: httpx.AsyncClient, seaweedfs: SeaweedFS) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, b"before")
    seaweedfs.kill()
    answer = await upload.patch(6, b"meanwhile")
    assert "store does not answer" in assert_problem(answer, 503, "away")
    assert answer.headers["Retry-After"]
    assert await upload.offset() == 6
    seaweedfs.start()
    assert await upload.sent(6, b"meanwhile") == 15
    assert await upload.heard() == b"beforemeanwhile"


@only_servers
async def test_while_the_database_is_away_nothing_is_confirmed(client: httpx.AsyncClient, postgres: Postgres) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, b"before")
    postgres.kill()
    for answer in (await upload.patch(6, b"meanwhile"), await upload.finish(), await upload.delete()):
        assert "database does not answer" in assert_problem(answer, 503, "away")
        assert answer.headers["Retry-After"]
    assert (await upload.head()).status_code == 503
    postgres.start()
    assert await upload.sent(6, b"meanwhile") == 15
    assert await upload.heard() == b"beforemeanwhile"


@pytest.fixture
async def app(local_parts: Parts) -> AsyncIterator[Starlette]:
    """The API in this process, on SQLite and files, so that a test can break the disk below it."""
    settings = ApiSettings(**{name.lower(): value for name, value in local_parts.items()})  # type: ignore[arg-type]
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def inside(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_full_disk_is_said_and_what_is_there_stays(
    inside: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await Upload.begun(inside)
    await upload.sent(0, b"before")

    def give_up(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", give_up)
        for headers in ({}, {"Upload_Checksum": checksum(b"no room")["Upload-Checksum"]}):
            assert "Keep the recording" in assert_problem(await upload.patch(6, b"no room", **headers), 507, "full")
        assert await upload.offset() == 6
    assert await upload.sent(6, b" after") == 12
    assert await upload.heard() == b"before after"


async def test_a_full_disk_below_the_database_is_said_in_the_same_words(
    inside: httpx.AsyncClient, app: Starlette
) -> None:
    upload = await Upload.begun(inside)
    await upload.sent(0, b"before")
    engine = app.state.dictaphone.engine

    def leave_no_page(connection: DBAPIConnection, *_: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count = 1")  # SQLite takes the present size instead

    event.listen(engine, "checkout", leave_no_page)
    long_text = {"text": "no room " * 50_000}
    refusal = await inside.patch(f"/api/clips/{upload.clip_id}", json=long_text)
    assert "Keep the recording" in assert_problem(refusal, 507, "full")


async def test_a_full_disk_below_the_body_is_said_in_the_same_words(
    inside: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(**_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    upload = await Upload.begun(inside)
    monkeypatch.setattr(body, "SpooledTemporaryFile", give_up)
    assert "Keep the recording" in assert_problem(await upload.patch(0, b"no room"), 507, "full")


# -- two at once ---------------------------------------------------------------------------------------------------


def locked(session: Session, upload: Upload) -> UploadRow:
    """The upload's row, held as a request holds it that changes it: its clip first."""
    id = uuid.UUID(upload.url.rpartition("/")[2])
    session.exec(Clip.by_id(HOME, uuid.UUID(upload.clip_id)).with_for_update()).first()
    return session.exec(select(UploadRow).where(col(UploadRow.id) == id).with_for_update()).one()


async def waits(request: "asyncio.Task[httpx.Response]") -> None:
    """Give the request the time to come to where it must wait."""
    done, _ = await asyncio.wait({request}, timeout=0.5)
    assert not done, f"it did not wait: {request.result().status_code} {request.result().text}"


async def test_a_piece_behind_a_finish_opens_the_recording_again(client: httpx.AsyncClient, database: Engine) -> None:
    """The short way into the database must not slip past a finish that is about to be committed."""
    upload = await Upload.begun(client)
    await upload.sent(0, b"first")
    with transaction(database) as session:
        clip = session.exec(Clip.by_id(HOME, uuid.UUID(upload.clip_id)).with_for_update()).one()
        late = asyncio.create_task(upload.patch(5, b"late"))
        await waits(late)
        clip.finish_stalled_recording(datetime.now(UTC))
    assert (await late).status_code == 204
    clip_now = await upload.clip()
    assert (clip_now["status"], clip_now["bytes"], clip_now["gaps"]) == ("recording", 9, [])
    assert await upload.heard() == b"firstlate"


@pytest.mark.parametrize("length", [None, 100], ids=["a recording", "a file"])
async def test_a_piece_behind_the_end_of_its_upload_is_refused(
    client: httpx.AsyncClient, database: Engine, stored: Stored, length: int | None
) -> None:
    upload = await Upload.begun(client, length)
    await upload.sent(0, b"first")
    with transaction(database) as session:
        row = locked(session, upload)
        late = asyncio.create_task(upload.patch(5, b"late"))
        await waits(late)
        row.ended_at = datetime.now(UTC)
    assert_problem(await late, 410, "gone")
    assert len(stored.objects()) == 1, "the refused piece takes its bytes along"


@pytest.mark.parametrize("is_file", [False, True], ids=["a recording", "a file"])
async def test_a_piece_behind_the_length_that_another_request_tells_is_refused(
    client: httpx.AsyncClient, database: Engine, *, is_file: bool
) -> None:
    upload = await Upload.begun(client, is_file=is_file)
    await upload.sent(0, b"first")
    with transaction(database) as session:
        row = locked(session, upload)
        late = asyncio.create_task(upload.patch(5, b"late"))
        await waits(late)
        row.length = 7
    assert "to have 7 bytes" in assert_problem(await late, 413, "too-large")
    assert await upload.sent(5, b"la") == 7
    assert await upload.heard() == b"firstla"


async def test_pieces_and_finishes_at_once_lose_nothing(client: httpx.AsyncClient) -> None:
    """Whichever comes first, what was confirmed is played, and a finished clip was finished after its last byte."""
    for number in range(30):
        upload = await Upload.begun(client)
        await upload.sent(0, b"first")
        finish = f"/api/clips/{upload.clip_id}/finish"
        patched, finished = await asyncio.gather(upload.patch(5, b"%d" % number), client.post(finish))
        assert (patched.status_code, finished.status_code) == (204, 200)
        assert await upload.heard() == b"first%d" % number
        clip = await upload.clip()
        if clip["status"] == "recording":
            assert finished.json()["version"] < clip["version"]


async def test_twins_of_the_last_bytes_make_one_clip(client: httpx.AsyncClient) -> None:
    for _ in range(10):
        upload = await Upload.begun(client, length=10)
        await upload.sent(0, b"first")
        twins = await asyncio.gather(*(upload.patch(5, b"final") for _ in range(6)))
        assert [answer.status_code for answer in twins] == [204] * 6
        assert await upload.heard() == b"firstfinal"
        assert (await upload.clip())["version"] == 1
