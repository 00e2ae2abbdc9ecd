"""Resumable uploads on a live API: each step of the protocol, and each problem."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from services.api.uploads.routes import PIECE_BYTES
from shared.clips.models import Clip
from shared.db.engine import open_engine, transaction
from shared.settings import DatabaseSettings
from shared.uploads.models import FILE_LIFETIME
from shared.uploads.models import Upload as UploadRow
from tests.conftest import Parts
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem
from tests.tus import BODY, DEFERRED, SPOKEN, Upload, checksum, metadata
from tests.wire import Wire

SOUND = recording()
"""A file that plays; for most of these tests any bytes would do."""


# -- what the server can do ----------------------------------------------------------------------------------------


async def test_options_name_version_extensions_and_limits(client: httpx.AsyncClient) -> None:
    answer = await client.options("/api/uploads")
    assert (answer.status_code, answer.content) == (204, b"")
    told = {name: value for name, value in answer.headers.items() if name.startswith("tus-")}
    assert told == {
        "tus-resumable": "1.0.0",
        "tus-version": "1.0.0",
        "tus-extension": "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination",
        "tus-max-size": str(2 * 1024**3),
        "tus-checksum-algorithm": "sha256,sha1",
    }


# -- a file --------------------------------------------------------------------------------------------------------


async def test_a_file_is_a_clip_with_its_last_byte(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=len(SOUND), recorded_at="2026-01-02T03:04:05Z")
    await upload.sent(0, SOUND[:-1])
    assert (await client.get(f"/api/clips/{upload.clip_id}")).status_code == 404
    await upload.sent(len(SOUND) - 1, SOUND[-1:])
    clip = await upload.clip()
    assert (clip["status"], clip["bytes"], clip["mime"]) == ("pending", len(SOUND), "audio/webm")
    assert clip["created_at"] == "2026-01-02T03:04:05.000Z"
    assert await upload.heard() == SOUND


async def test_the_server_keeps_every_eight_megabytes_of_one_long_request(client: httpx.AsyncClient) -> None:
    body = bytes(range(251)) * (2 * PIECE_BYTES // 251) + b"the end"
    upload = await Upload.begun(client, length=len(body))
    assert await upload.sent(0, body) == len(body)
    assert await upload.heard() == body
    around = f"bytes={PIECE_BYTES - 100_000}-{PIECE_BYTES + 400_000}"
    assert await upload.heard(Range=around) == body[PIECE_BYTES - 100_000 : PIECE_BYTES + 400_001]


async def test_bytes_before_a_disconnect_are_stored(client: httpx.AsyncClient, api: Stack) -> None:
    upload = await Upload.begun(client, length=1_000_000)
    wire = await Wire.open(api.api_url)
    headers = {"Upload_Offset": "0", "Content_Type": BODY["Content-Type"], "Tus_Resumable": "1.0.0"}
    await wire.begin("PATCH", upload.url.encode(), 1_000_000, **headers)
    await wire.send(b"a" * 400_000)
    await client.get("/healthz")
    wire.vanish()
    async with asyncio.timeout(10):
        while not (offset := await upload.offset()):
            await asyncio.sleep(0.02)
    assert 0 < offset <= 400_000
    await upload.sent(offset, b"a" * (1_000_000 - offset))
    assert await upload.heard() == b"a" * 1_000_000


async def test_a_file_is_as_old_as_it_says_and_its_track_is_kept(
    client: httpx.AsyncClient, module_parts: Parts
) -> None:
    said: dict[str, tuple[dict[str, Any], str, bool]] = {
        "recorded_at": ({"recorded_at": "2026-01-02T03:04:05Z", "last_modified": "2025-01-01T00:00:00Z"}, "2026", True),
        "last_modified": ({"last_modified": "2025-01-01T00:00:00+01:00", "track": 2}, "2024", False),
        "a clock that nobody set": ({"last_modified": "1970-01-01T00:00:00Z"}, str(datetime.now(UTC).year), False),
    }
    for what, (about, year, is_dated) in said.items():
        upload = await Upload.begun(client, length=len(SOUND), **about)
        await upload.sent(0, SOUND)
        clip = await upload.clip()
        assert clip["created_at"].startswith(year), what
        assert clip["track_set"] == about.get("track")
        engine = open_engine(DatabaseSettings(database_url=SecretStr(module_parts["DATABASE_URL"])))
        with transaction(engine) as session:
            assert session.get_one(Clip, uuid.UUID(upload.clip_id)).is_dated is is_dated
        engine.dispose()


@pytest.mark.parametrize("said", [{"track": "0"}, {"track": "two"}, {"last_modified": "yesterday"}])
async def test_what_is_said_of_a_file_is_checked_before_its_bytes_come(
    client: httpx.AsyncClient, said: dict[str, str]
) -> None:
    answer = await client.post(
        "/api/uploads", headers={**SPOKEN, "Upload-Length": "9", "Upload-Metadata": metadata(**said)}
    )
    assert next(iter(said)) in assert_problem(answer, 400, "bad-request")


async def test_a_file_that_can_never_be_heard_is_refused_with_its_first_bytes(client: httpx.AsyncClient) -> None:
    large = await Upload.begun(client, length=2 * 10**9)
    answer = await large.patch(0, b"\xff\xd8\xff\xe0" + bytes(100_000))
    assert "This is a picture" in assert_problem(answer, 415, "not-audio")
    assert await large.offset() == 0
    # A recorder's bytes are never judged, and neither are a few bytes of which more will come.
    spoken, slow = await Upload.begun(client), await Upload.begun(client, length=2 * 10**9)
    for upload in (spoken, slow):
        await upload.sent(0, b"\xff\xd8\xff\xe0")


async def test_an_empty_file_makes_no_clip(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, is_file=True)
    assert "nothing to keep" in assert_problem(await upload.patch(0, Upload_Length="0"), 400, "empty-audio")
    assert (await client.get(f"/api/clips/{upload.clip_id}")).status_code == 404
    await upload.sent(0, b"after all", Upload_Length="9")
    assert await upload.heard() == b"after all"


async def test_a_complete_file_cannot_be_aborted(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=3)
    await upload.sent(0, b"abc")
    assert "is a clip now" in assert_problem(await upload.delete(), 409, "finished")
    assert (await upload.head()).headers["Upload-Offset"] == "3"


async def test_an_aborted_file_is_gone_until_it_is_created_again(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=3)
    await upload.sent(0, b"ab")
    assert (await upload.delete()).status_code == 204
    for answer in (await upload.patch(2, b"c"), await upload.delete()):
        assert_problem(answer, 410, "gone")
    again = await Upload.begun(client, length=4, clip_id=upload.clip_id)
    assert again.url != upload.url
    await again.sent(0, b"anew")
    assert await again.heard() == b"anew"
    assert_problem(await upload.patch(2, b"c"), 404, "not-found")


async def test_a_put_of_the_same_id_meanwhile_is_not_hidden_from_the_upload(client: httpx.AsyncClient) -> None:
    upload, late = await Upload.begun(client, length=3), await Upload.begun(client, is_file=True)
    sound = recording(1)
    for one in (upload, late):
        await one.sent(0, b"ab")
        put = await client.put(
            f"/api/clips/{one.clip_id}?name=Whole", content=sound, headers={"Content-Type": "audio/webm"}
        )
        assert put.status_code == 201
    assert_problem(await upload.patch(2, b"c"), 409, "id-taken")
    assert_problem(await late.patch(2, Upload_Length="2"), 409, "id-taken")
    for one in (upload, late):
        assert await one.offset() == 2
        assert await one.heard() == sound


async def test_a_file_expires_and_a_recording_does_not(client: httpx.AsyncClient, module_parts: Parts) -> None:
    file, spoken = await Upload.begun(client, length=10), await Upload.begun(client)
    for upload in (file, spoken):
        await upload.sent(0, b"abc")
    expires = parsedate_to_datetime((await file.head()).headers["Upload-Expires"])
    assert abs(expires - datetime.now(UTC) - FILE_LIFETIME) < timedelta(minutes=1)
    assert "Upload-Expires" not in (await spoken.head()).headers
    engine = open_engine(DatabaseSettings(database_url=SecretStr(module_parts["DATABASE_URL"])))
    with transaction(engine) as session:
        for upload in (file, spoken):
            row = session.get_one(UploadRow, uuid.UUID(upload.url.rpartition("/")[2]))
            row.created_at -= FILE_LIFETIME + timedelta(seconds=1)
    engine.dispose()
    assert_problem(await file.patch(3, b"d"), 410, "gone")
    assert (await file.head()).status_code == 410
    again = await Upload.begun(client, length=3, clip_id=file.clip_id)
    await again.sent(0, b"abc")
    assert await again.heard() == b"abc"
    assert await spoken.sent(3, b"d") == 4


async def test_an_upload_whose_id_a_put_took_can_be_aborted(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=2 * len(SOUND))
    await upload.sent(0, SOUND)
    other = recording(1)

    async def put(content: bytes) -> httpx.Response:
        address = f"/api/clips/{upload.clip_id}?name=Whole"
        return await client.put(address, content=content, headers={"Content-Type": "audio/webm"})

    assert (await put(other)).status_code == 201
    assert_problem(await put(SOUND), 409, "id-taken")
    assert (await upload.delete()).status_code == 204
    assert await upload.heard() == other


async def test_problems_have_the_tus_headers(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=10)
    for answer in (await upload.patch(5, b"x"), await client.head(upload.url), await upload.patch(0, b"more" * 9)):
        assert answer.is_client_error
        assert (answer.headers["Tus-Resumable"], answer.headers["Cache-Control"]) == ("1.0.0", "no-store")


# -- creation ------------------------------------------------------------------------------------------------------


async def test_the_first_bytes_may_come_with_the_creation(client: httpx.AsyncClient) -> None:
    id = uuid.uuid4()
    headers = {**BODY, "Upload-Length": "6", "Upload-Metadata": metadata(clip_id=id)}
    begun = await client.post("/api/uploads", headers=headers, content=b"abc")
    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "3")
    # The answer was lost, and the client asks again.
    again = await client.post("/api/uploads", headers=headers, content=b"abc")
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "3")
    assert again.headers["Location"] == begun.headers["Location"]
    upload = Upload(client, begun.headers["Location"], str(id))
    await upload.sent(3, b"def")
    assert await upload.heard() == b"abcdef"


async def test_a_whole_file_may_come_with_the_creation(client: httpx.AsyncClient) -> None:
    headers = {
        **BODY,
        **checksum(SOUND),
        "Upload-Length": str(len(SOUND)),
        "Upload-Metadata": metadata(clip_id=(id := uuid.uuid4())),
    }
    begun = await client.post("/api/uploads", headers=headers, content=SOUND)
    assert begun.headers["Upload-Offset"] == str(len(SOUND))
    assert "Upload-Expires" not in begun.headers
    assert await Upload(client, begun.headers["Location"], str(id)).heard() == SOUND


async def test_a_body_of_another_type_creates_no_upload(client: httpx.AsyncClient) -> None:
    id = uuid.uuid4()
    headers = {**DEFERRED, "Upload-Metadata": metadata(clip_id=id, segment=0), "Content-Type": "audio/webm"}
    assert_problem(await client.post("/api/uploads", headers=headers, content=b"abc"), 415, "bad-type")
    assert (await client.get(f"/api/clips/{id}")).status_code == 404


@pytest.mark.parametrize("length", [None, 10], ids=["a recording", "a file"])
async def test_the_same_creation_is_one_upload_however_often_it_comes(
    client: httpx.AsyncClient, length: int | None
) -> None:
    id = uuid.uuid4()
    begun = await asyncio.gather(*(Upload.begun(client, length, clip_id=id) for _ in range(8)))
    assert len({upload.url for upload in begun}) == 1
    await begun[0].sent(0, b"abc")
    answer = await client.post(
        "/api/uploads",
        headers={
            **(DEFERRED if length is None else {**SPOKEN, "Upload-Length": str(length)}),
            "Upload-Metadata": metadata(clip_id=id, **({"segment": 0} if length is None else {})),
        },
    )
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "3")


async def test_an_id_of_another_clip_is_rejected(client: httpx.AsyncClient) -> None:
    saved, file, spoken = uuid.uuid4(), await Upload.begun(client, 5), await Upload.begun(client)
    put = await client.put(
        f"/api/clips/{saved}", params={"name": "a"}, content=SOUND, headers={"Content-Type": "audio/webm"}
    )
    assert put.status_code == 201
    segment = {"segment": 0}
    for size, said in (
        ({"Upload-Length": "5"}, {"clip_id": saved}),
        ({"Upload-Defer-Length": "1"}, {"clip_id": saved, **segment}),
        ({"Upload-Length": "6"}, {"clip_id": file.clip_id}),
        ({"Upload-Length": "5"}, {"clip_id": file.clip_id, **segment}),
        ({"Upload-Length": "5"}, {"clip_id": file.clip_id, "segment": 1}),
        ({"Upload-Length": "5"}, {"clip_id": spoken.clip_id}),
    ):
        answer = await client.post("/api/uploads", headers={**SPOKEN, **size, "Upload-Metadata": metadata(**said)})
        assert "nothing is overwritten" in assert_problem(answer, 409, "id-taken"), said


async def test_concatenation_is_rejected(client: httpx.AsyncClient) -> None:
    headers = {**SPOKEN, "Upload-Length": "5", "Upload-Concat": "partial"}
    assert "one piece after the other" in assert_problem(
        await client.post("/api/uploads", headers=headers), 400, "bad-request"
    )


# -- PATCH ---------------------------------------------------------------------------------------------------------


async def test_a_repeated_patch_changes_nothing(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, b"abc")
    assert await upload.sent(0, b"abc") == 3
    await upload.sent(3, b"def")
    assert await upload.sent(0, b"abc") == 3, "where these bytes end, as when they came first"
    assert await upload.heard() == b"abcdef"


async def test_two_equal_pieces_at_one_offset_are_one(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    twins = await asyncio.gather(*(upload.patch(0, SOUND) for _ in range(8)))
    assert [answer.status_code for answer in twins] == [204] * 8
    assert await upload.heard() == SOUND


async def test_of_two_different_pieces_at_one_offset_one_is_stored(client: httpx.AsyncClient) -> None:
    for _ in range(10):
        upload = await Upload.begun(client)
        bodies = [bytes([65 + number]) * (1000 + number) for number in range(4)]
        answers = await asyncio.gather(*(upload.patch(0, body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
        won = bodies[[answer.status_code for answer in answers].index(204)]
        assert await upload.heard() == won
        assert {answer.headers["Upload-Offset"] for answer in answers} == {str(len(won))}


@pytest.mark.parametrize(
    ("start", "data"), [(4, b"x"), (2, b"x"), (0, b"abX"), (0, b"ab"), (0, b"abcd"), (0, b""), (9, b"")]
)
async def test_a_wrong_offset_is_rejected_with_the_right_one(
    client: httpx.AsyncClient, start: int, data: bytes
) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, b"abc")
    answer = await upload.patch(start, data)
    assert "Go on from Upload-Offset" in assert_problem(answer, 409, "offset")
    assert answer.headers["Upload-Offset"] == "3"
    assert await upload.heard() == b"abc"


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
async def test_bytes_with_a_wrong_checksum_are_not_stored(client: httpx.AsyncClient, algorithm: str) -> None:
    upload = await Upload.begun(client)
    wrong = await upload.patch(0, b"abX", **checksum(b"abc", algorithm))
    assert "Send them again" in assert_problem(wrong, 460, "checksum")
    assert await upload.offset() == 0
    assert await upload.sent(0, b"abc", **checksum(b"abc", algorithm)) == 3
    assert await upload.heard() == b"abc"


async def test_a_length_can_be_told_once_and_not_below_what_is_there(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    assert (await upload.head()).headers["Upload-Defer-Length"] == "1"
    await upload.sent(0, b"abc")
    assert (await upload.patch(3, Upload_Length="2")).status_code in {400, 413}
    await upload.sent(3, Upload_Length="5")
    head = await upload.head()
    assert (head.headers["Upload-Length"], "Upload-Defer-Length" in head.headers) == ("5", False)
    assert "cannot change" in assert_problem(await upload.patch(3, Upload_Length="6"), 400, "bad-request")
    assert await upload.sent(3, b"de", Upload_Length="5") == 5


async def test_more_bytes_than_declared_are_rejected_before_they_are_read(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, length=5)
    assert "5 bytes; this would make 6" in assert_problem(await upload.patch(0, b"abcdef"), 413, "too-large")
    assert await upload.offset() == 0

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    answer = await client.patch(upload.url, content=unannounced(), headers={**BODY, "Upload-Offset": "0"})
    assert_problem(answer, 413, "too-large")
    assert await upload.sent(0, b"abcde") == 5
    assert "this would make 6" in assert_problem(await upload.patch(5, b"f"), 413, "too-large")


@pytest.mark.parametrize(
    ("headers", "status", "slug", "words"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "tus-version", "this server speaks 1.0.0"),
        ({"Content-Type": "audio/webm"}, 415, "bad-type", "application/offset+octet-stream"),
        ({"Upload-Offset": "-1"}, 400, "bad-request", "Upload-Offset must be"),
        ({"Upload-Offset": ""}, 400, "bad-request", "Upload-Offset must be"),
        ({"Upload-Length": "x"}, 400, "bad-request", "Upload-Length must be"),
        ({"Upload-Length": str(2**40)}, 413, "too-large", "at most 2,147,483,648"),
        ({"Upload-Checksum": "md5 a"}, 400, "bad-request", "sha256, sha1"),
        ({"Recorded-Ms": "soon"}, 400, "bad-request", "Recorded-Ms must be"),
    ],
    ids=str,
)
async def test_a_patch_that_cannot_be_understood_is_refused_in_words(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, slug: str, words: str
) -> None:
    upload = await Upload.begun(client)
    answer = await client.patch(upload.url, content=b"abc", headers={**BODY, "Upload-Offset": "0", **headers})
    assert words in assert_problem(answer, status, slug)
    assert await upload.offset() == 0


async def test_a_patch_needs_an_upload_offset(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    assert "is missing" in assert_problem(
        await client.patch(upload.url, content=b"a", headers=BODY), 400, "bad-request"
    )


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("id", ["0f7a9c1d-0000-4000-8000-000000000000", "x"])
async def test_an_unknown_upload_is_not_found(client: httpx.AsyncClient, method: str, id: str) -> None:
    headers = {**BODY, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await client.request(method, f"/api/uploads/{id}", headers=headers)).status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
async def test_every_request_speaks_the_version(client: httpx.AsyncClient, method: str) -> None:
    upload = await Upload.begun(client)
    answer = await client.request(method, upload.url)
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


# -- HEAD, and methods in disguise ---------------------------------------------------------------------------------


async def test_head_tells_all_that_there_is_to_know(client: httpx.AsyncClient) -> None:
    said = {"clip_id": uuid.uuid4(), "filename": "日本語.wav", "filetype": "audio/wav"}
    headers = {**SPOKEN, "Upload-Length": "4", "Upload-Metadata": f"{metadata(**said)},is_ours"}
    url = (await client.post("/api/uploads", headers=headers)).headers["Location"]
    for start, data in ((0, b""), (0, b"abc"), (3, b"d")):
        await client.patch(url, content=data, headers={**BODY, "Upload-Offset": str(start)})
        head = await client.head(url, headers=SPOKEN)
        assert head.status_code == 200
        assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == (str(start + len(data)), "4")
        assert head.headers["Upload-Metadata"] == headers["Upload-Metadata"]
        assert head.headers["Cache-Control"] == "no-store"
        assert head.headers["Tus-Resumable"] == "1.0.0"
        assert ("Upload-Expires" in head.headers) is (start < 3)


async def test_methods_can_be_overridden_by_post(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    post = {**BODY, "Upload-Offset": "0"}
    patched = await client.post(upload.url, content=b"abc", headers={**post, "X-HTTP-Method-Override": "PATCH"})
    assert (patched.status_code, patched.headers["Upload-Offset"]) == (204, "3")
    head = await client.post(upload.url, headers={**SPOKEN, "X-HTTP-Method-Override": "HEAD"})
    assert (head.status_code, head.headers["Upload-Offset"]) == (200, "3")
    for override in ({}, {"X-HTTP-Method-Override": "PUT"}):
        assert_problem(await client.post(upload.url, headers={**post, **override}), 405, "method-not-allowed")
    ended = await client.post(upload.url, headers={**SPOKEN, "X-HTTP-Method-Override": "delete"})
    assert ended.status_code == 204
    assert (await upload.head()).status_code == 410


@pytest.mark.parametrize("is_file", [False, True], ids=["a recording", "a file"])
@pytest.mark.parametrize(("said", "kept"), [("de", "de"), ("tlh", None)])
async def test_the_language_that_is_spoken_comes_with_the_sound_and_an_unknown_one_is_detected(
    client: httpx.AsyncClient, is_file: bool, said: str, kept: str | None
) -> None:
    upload = await Upload.begun(client, length=len(SOUND) if is_file else None, language=said)
    await upload.sent(0, SOUND)
    clip = (await client.get(f"/api/clips/{upload.clip_id}")).json()
    assert clip["language_set"] == kept
