"""Recordings on a live API: played while they grow, finished, reopened, deleted and restored."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.recordings import recording
from tests.services.api.clips.test_routes import assert_problem
from tests.tus import BODY, FETCH, Upload, metadata

SOUND = recording()


# -- while it is made -------------------------------------------------------------------------------------------------


async def test_a_recording_is_a_clip_from_its_first_moment_and_plays_while_it_grows(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client, name="Grüße, 日本語", recorded_at="2026-01-02T03:04:05Z")
    clip = await upload.clip()
    assert (clip["status"], clip["bytes"], clip["name"], clip["segments"]) == ("recording", 0, "Grüße, 日本語", 1)
    assert clip["created_at"] == "2026-01-02T03:04:05.000Z"
    listed = (await client.get("/api/clips")).json()["clips"]
    assert [each["status"] for each in listed if each["id"] == upload.clip_id] == ["recording"]
    silent = await client.get(f"/api/clips/{upload.clip_id}/audio")
    assert "has arrived yet" in assert_problem(silent, 404, "no-audio")

    assert await upload.sent(0, SOUND[:1000]) == 1000
    assert await upload.heard() == SOUND[:1000]
    assert await upload.sent(1000, SOUND[1000:3000]) == 3000
    part = await client.get(f"/api/clips/{upload.clip_id}/audio", headers={**FETCH, "Range": "bytes=990-1009"})
    assert (part.status_code, part.content) == (206, SOUND[990:1010]), "a range over the seam of two pieces"
    assert part.headers["Content-Range"] == "bytes 990-1009/3000"
    assert part.headers["Content-Type"] == "audio/webm"

    assert await upload.sent(3000, SOUND[3000:], Upload_Length=str(len(SOUND))) == len(SOUND)
    finished = await upload.finish(duration_ms=500)
    assert finished.status_code == 200, finished.text
    clip = finished.json()
    assert (clip["status"], clip["bytes"], clip["duration_ms"]) == ("pending", len(SOUND), 500)
    assert await upload.heard() == SOUND


async def test_the_etag_of_a_growing_recording_changes_with_its_bytes(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    url = f"/api/clips/{upload.clip_id}/audio"
    await upload.sent(0, SOUND[:100])
    old = (await client.get(url, headers=FETCH)).headers["ETag"]
    assert (await client.get(url, headers={**FETCH, "If-None-Match": old})).status_code == 304
    await upload.sent(100, SOUND[100:200])
    assert (await client.get(url, headers={**FETCH, "If-None-Match": old})).content == SOUND[:200]
    ranged = await client.get(url, headers={**FETCH, "If-Range": old, "Range": "bytes=0-9"})
    assert (ranged.status_code, ranged.content) == (200, SOUND[:200])


async def test_other_devices_hear_how_long_the_recording_is(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:100])
    await upload.sent(100, Recorded_Ms="61000")
    clip = await upload.clip()
    assert (clip["duration_ms"], clip["bytes"]) == (61_000, 100)
    await upload.sent(100, Recorded_Ms=str(10**15))
    assert (await upload.clip())["duration_ms"] == 2**31 - 1, "what no column holds is cut"


async def test_segments_are_containers_of_their_own_and_play_one_by_one(client: httpx.AsyncClient) -> None:
    first = await Upload.begun(client)
    await first.sent(0, b"one", Upload_Length="3")
    second = await Upload.begun(client, clip_id=first.clip_id, segment=1, filetype="audio/mp4")
    assert second.url != first.url
    await second.sent(0, b"twotwo", Upload_Length="6")
    assert ((await first.clip())["segments"], (await first.clip())["bytes"]) == (2, 9)
    assert (await first.heard(0), await first.heard(1)) == (b"one", b"twotwo")
    played = await client.get(f"/api/clips/{first.clip_id}/audio", params={"segment": 1}, headers=FETCH)
    assert played.headers["Content-Type"] == "audio/mp4"
    for segment, status in (("2", 404), ("-1", 400), ("x", 400)):
        answer = await client.get(f"/api/clips/{first.clip_id}/audio", params={"segment": segment}, headers=FETCH)
        assert answer.status_code == status
    assert "2 of 3 segments" in assert_problem(await first.finish(segments=3), 409, "unfinished")
    assert (await first.finish(segments=2)).json()["status"] == "pending"


async def test_a_waveform_comes_when_the_sound_was_measured(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    answer = await client.get(f"/api/clips/{upload.clip_id}/waveform")
    assert "not measured yet" in assert_problem(answer, 404, "not-found")


# -- finishing -----------------------------------------------------------------------------------------------------


async def test_a_recording_is_finished_when_every_byte_is_there_and_once(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])
    assert "10 of an unknown number" in assert_problem(await upload.finish(), 409, "unfinished")
    await upload.sent(10, Upload_Length="20")
    assert "10 of 20 bytes" in assert_problem(await upload.finish(), 409, "unfinished")
    assert (await upload.clip())["status"] == "recording"
    await upload.sent(10, SOUND[10:20])
    gap = {"at_ms": 100, "length_ms": 40, "cause": "muted"}
    finished = (await upload.finish(gaps=[gap])).json()
    assert (finished["status"], finished["gaps"]) == ("pending", [gap])
    again = await upload.finish(gaps=[])
    assert (again.status_code, again.json()) == (200, finished)


async def test_without_a_body_a_finish_takes_the_bytes_that_have_arrived(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10], Recorded_Ms="700")
    finished = (await client.post(f"/api/clips/{upload.clip_id}/finish")).json()
    assert finished["status"] == "pending"
    assert [(gap["at_ms"], gap["cause"]) for gap in finished["gaps"]] in ([(0, "lost")], [(700, "lost")])


async def test_a_finish_may_be_sent_in_chunks(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])

    async def unannounced() -> AsyncIterator[bytes]:
        yield b'{"segments": 1, '
        yield b'"duration_ms": 1}'

    answer = await client.post(f"/api/clips/{upload.clip_id}/finish", content=unannounced())
    assert_problem(answer, 409, "unfinished")


async def test_bytes_that_come_late_open_it_again_and_nothing_is_refused(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])
    await client.post(f"/api/clips/{upload.clip_id}/finish")
    assert await upload.sent(10, SOUND[10:30]) == 30
    clip = await upload.clip()
    assert (clip["status"], clip["gaps"], clip["bytes"]) == ("recording", [], 30)
    assert await upload.heard() == SOUND[:30]
    await upload.sent(30, Upload_Length="30")
    assert (await upload.finish()).json()["status"] == "pending"
    await upload.sent(30, Upload_Length="30")
    await upload.sent(30, Recorded_Ms="5000")
    assert (await upload.clip())["status"] == "pending", "it is whole, and no word about it is a byte"


async def test_a_recorder_that_pauses_keeps_its_recording_open(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])
    await client.post(f"/api/clips/{upload.clip_id}/finish")
    assert await upload.sent(10) == 10, "a sign of life"
    assert (await upload.clip())["status"] == "recording"


async def test_a_recorder_that_returns_replaces_the_lost_gap_by_its_own(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10], Upload_Length="10")
    await client.post(f"/api/clips/{upload.clip_id}/finish")
    gap = {"at_ms": 1, "length_ms": 2, "cause": "frozen"}
    assert (await upload.finish(gaps=[gap])).json()["gaps"] == [gap]


@pytest.mark.parametrize(
    "body",
    [{"segments": -1}, {"gaps": [{"at_ms": 0}]}, {"gaps": [{"at_ms": 0, "length_ms": 1, "cause": "It rained."}]}],
    ids=str,
)
async def test_a_finish_that_cannot_be_understood_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    upload = await Upload.begun(client)
    assert_problem(await upload.finish(**body), 400, "bad-request")


async def test_an_unknown_recording_cannot_be_finished(client: httpx.AsyncClient) -> None:
    for id, status in ((uuid.uuid4(), 404), ("x", 404)):
        assert (await client.post(f"/api/clips/{id}/finish")).status_code == status


async def test_what_is_heard_of_a_recording_whose_first_segment_stayed_empty(client: httpx.AsyncClient) -> None:
    first = await Upload.begun(client)
    second = await Upload.begun(client, clip_id=first.clip_id, segment=1)
    await second.sent(0, SOUND)
    answer = await client.get(f"/api/clips/{first.clip_id}/audio", headers=FETCH)
    assert answer.content == SOUND


@pytest.mark.parametrize("header", [{"Upload-Checksum": "md5 AAAA"}, {"Recorded-Ms": "long"}])
async def test_a_rejected_creation_creates_no_upload(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    id = uuid.uuid4()
    about = {"Upload-Defer-Length": "1", "Upload-Metadata": metadata(clip_id=id, segment=0)}
    answer = await client.post("/api/uploads", content=b"abc", headers={**BODY, **about, **header})
    assert_problem(answer, 400, "bad-request")
    assert (await client.get(f"/api/clips/{id}")).status_code == 404


# -- the bin -------------------------------------------------------------------------------------------------------


async def test_bytes_for_a_recording_in_the_bin_are_stored(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])
    assert (await client.delete(f"/api/clips/{upload.clip_id}")).status_code == 204
    assert await upload.sent(10, SOUND[10:20], Upload_Length="20") == 20
    assert (await upload.finish()).status_code == 200
    clip = await upload.clip()
    assert clip["deleted_at"], "who deletes a recording means it: its bytes do not bring it back"
    restored = (await client.post(f"/api/clips/{upload.clip_id}/restore")).json()
    assert (restored["deleted_at"], restored["status"]) == (None, "pending")
    assert await upload.heard() == SOUND[:20]


async def test_an_aborted_recording_is_in_the_bin_and_can_be_restored(client: httpx.AsyncClient) -> None:
    upload = await Upload.begun(client)
    await upload.sent(0, SOUND[:10])
    assert (await upload.delete()).status_code == 204
    assert (await upload.clip())["deleted_at"]
    for answer in (await upload.patch(10, SOUND[10:]), await upload.delete()):
        assert "begin a new one" in assert_problem(answer, 410, "gone")
    assert (await upload.head()).status_code == 410
    await client.post(f"/api/clips/{upload.clip_id}/restore")
    assert (await upload.clip())["deleted_at"] is None
    assert await upload.heard() == SOUND[:10]
    assert (await upload.finish()).json()["status"] == "pending"
