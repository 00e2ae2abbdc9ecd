"""Clips by id, on a live API: each route as the page uses it, and each problem."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.odd_files import rare
from tests.recordings import recording, video

WEBM = {"Content-Type": "audio/webm;codecs=opus"}
NOBODY = uuid.UUID(int=0)


async def put_clip(client: httpx.AsyncClient, name: str = "Minutes", number: int = 0, **wish: Any) -> dict[str, Any]:
    response = await client.put(
        f"/api/clips/{uuid.uuid4()}", params={"name": name, **wish}, content=recording(number), headers=WEBM
    )
    assert response.status_code == 201, response.text
    clip: dict[str, Any] = response.json()
    return clip


def assert_problem(response: httpx.Response, status: int, slug: str) -> str:
    """Check that the response is this problem, and return its detail."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"urn:dictaphone:problem:{slug}"
    assert problem["status"] == status
    assert problem["title"]
    detail: str = problem["detail"]
    assert detail.endswith(".")
    return detail


# -- PUT -----------------------------------------------------------------------------------------------------------


async def test_a_recording_is_stored_under_the_id_that_its_browser_made(client: httpx.AsyncClient) -> None:
    id = uuid.uuid4()
    response = await client.put(
        f"/api/clips/{id}", params={"name": "Minutes", "duration_ms": 512}, content=recording(), headers=WEBM
    )
    assert response.status_code == 201
    assert response.headers["ETag"] == '"1"'
    clip = response.json()
    assert clip["created_at"].endswith("Z")
    assert {name: clip[name] for name in clip if not name.endswith("_at")} == {
        "id": str(id), "name": "Minutes", "mime": "audio/webm;codecs=opus", "bytes": len(recording()),
        "duration_ms": 512, "status": "pending", "text": None, "language": None, "recognizer": None, "error": None,
        "version": 1, "segments": 1, "gaps": [], "language_set": None, "edited": False, "tags": [],
        "has_true_clock": True, "remarks": [], "track_set": None, "cuts": [], "excerpt": None, "text_chars": None,
        "starred": False, "notes": "", "markers": [], "name_origin": "person",
    }  # fmt: skip
    assert clip["deleted_at"] is None
    read = await client.get(f"/api/clips/{id}")
    assert (read.json(), read.headers["ETag"]) == (clip, '"1"')


async def test_the_same_put_twice_is_one_clip_and_another_is_refused(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    url = f"/api/clips/{clip['id']}"
    again = await client.put(url, params={"name": "Other"}, content=recording(), headers=WEBM)
    assert (again.status_code, again.json()) == (200, clip)
    other = await client.put(url, params={"name": "Minutes"}, content=recording(1), headers=WEBM)
    assert "nothing is overwritten" in assert_problem(other, 409, "id-taken")


async def test_the_same_put_many_times_at_once_is_one_clip(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{uuid.uuid4()}"
    responses = await asyncio.gather(
        *(client.put(url, params={"name": "Once"}, content=recording(2), headers=WEBM) for _ in range(8))
    )
    assert sorted(response.status_code for response in responses) == [200] * 7 + [201]
    assert len({response.text for response in responses}) == 1
    audio = await client.get(f"{url}/audio", headers={"Sec-Fetch-Dest": "empty"})
    assert audio.content == recording(2), "the losers have taken away their own bytes only"


@pytest.mark.parametrize(
    ("params", "status", "slug", "words"),
    [
        ({}, 400, "bad-name", "at least one visible character"),
        ({"name": ""}, 400, "bad-name", "at least one visible character"),
        ({"name": "x" * 256}, 400, "bad-name", "at most 255 characters"),
        ({"name": "a\nb"}, 400, "bad-name", "control characters"),
        ({"name": "a", "duration_ms": "-1"}, 400, "bad-request", "duration_ms must be a whole number from 0 to 214"),
        ({"name": "a", "duration_ms": "1e3"}, 400, "bad-request", "duration_ms must be"),
        ({"name": "a", "duration_ms": "9" * 5000}, 400, "bad-request", "duration_ms must be"),
        ({"name": "a", "duration_ms": "²"}, 400, "bad-request", "duration_ms must be"),
    ],
    ids=str,
)
async def test_bad_parameters_are_refused_in_words(
    client: httpx.AsyncClient, params: dict[str, str], status: int, slug: str, words: str
) -> None:
    response = await client.put(f"/api/clips/{uuid.uuid4()}", params=params, content=recording(), headers=WEBM)
    assert words in assert_problem(response, status, slug)


@pytest.mark.parametrize("id", ["1", "x" * 36, "..%2f..", "%00", "0f7a9c1d-0000-4000-8000-00000000000g"])
async def test_an_id_is_a_uuid(client: httpx.AsyncClient, id: str) -> None:
    response = await client.put(f"/api/clips/{id}", params={"name": "a"}, content=recording(), headers=WEBM)
    assert_problem(response, 404, "not-found")


@pytest.mark.parametrize(
    ("body", "claimed", "status", "slug"),
    [
        (b"", "audio/webm", 400, "empty-audio"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "audio/webm", 415, "not-audio"),
        (b"\x02dss" + bytes(600), "audio/x-dss", 415, "not-audio"),
        (video("webm", sound=False), "video/webm", 415, "not-audio"),
    ],
    ids=["nothing", "a page", "a dictation", "silent video"],
)
async def test_only_audio_is_taken(
    client: httpx.AsyncClient, body: bytes, claimed: str, status: int, slug: str
) -> None:
    url = f"/api/clips/{uuid.uuid4()}"
    response = await client.put(url, params={"name": "a"}, content=body, headers={"Content-Type": claimed})
    assert_problem(response, status, slug)
    assert_problem(await client.get(url), 404, "not-found")


async def test_no_claimed_type_refuses_audio(client: httpx.AsyncClient) -> None:
    for claimed in ("binary/octet-stream", "application/mp4", "text/plain", ""):
        url = f"/api/clips/{uuid.uuid4()}"
        response = await client.put(url, params={"name": "a"}, content=rare("caf"), headers={"Content-Type": claimed})
        assert (response.status_code, response.json()["mime"]) == (201, "audio/x-caf")
        served = await client.get(f"{url}/audio?download", headers={"Sec-Fetch-Dest": "empty"})
        assert served.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.caf"


async def test_the_first_bytes_say_what_a_file_is(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/media-type", content=rare("ts")[:65536])
    assert (answer.status_code, answer.json()) == (200, {"mime": "video/mp2t"})
    refused = await client.post("/api/media-type", content=b"\x02dss" + bytes(600))
    assert "This is a dictation" in assert_problem(refused, 415, "not-audio")
    assert_problem(await client.post("/api/media-type", content=bytes(65537)), 413, "too-large")


async def test_a_file_is_as_old_as_its_sender_says(client: httpx.AsyncClient) -> None:
    url, changed = f"/api/clips/{uuid.uuid4()}", {"Last-Modified": "Fri, 17 May 2024 15:32:10 GMT"}
    said = {"name": "a", "recorded_at": "1961-01-20T12:00:00-05:00", "track": "2"}
    clip = (await client.put(url, params=said, content=recording(), headers=changed)).json()
    assert (clip["created_at"], clip["track_set"]) == ("1961-01-20T17:00:00.000Z", 2)
    named = f"/clips/{uuid.uuid4()}"
    clip = (await client.put(named, content=recording(), headers=changed)).json()
    assert (clip["created_at"], clip["track_set"]) == ("2024-05-17T15:32:10.000Z", None)
    for params, headers in (({"recorded_at": "1961"}, {}), ({}, {"Last-Modified": "May"}), ({"track": "0"}, {})):
        refused = await client.put(named, params=params, content=recording(), headers=headers)
        assert_problem(refused, 400, "bad-request")


async def test_a_person_chooses_the_track_that_is_heard(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client, "tracks")
    url = f"/api/clips/{clip['id']}/transcription"
    tracks = []
    for track in ("2", "2", "all"):
        answer = await client.post(url, params={"track": track})
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        tracks.append(answer.json()["track_set"])
        assert not answer.json()["has_true_clock"], "the file as it is plays another track"
    assert tracks == [2, 2, None]
    for track in ("0", "none", "1000"):
        assert_problem(await client.post(url, params={"track": track}), 400, "bad-request")


async def test_a_form_is_refused_with_how_to_send_a_file(client: httpx.AsyncClient) -> None:
    response = await client.put(
        f"/api/clips/{uuid.uuid4()}", params={"name": "a"}, files={"file": ("a.webm", recording(), "audio/webm")}
    )
    assert "curl --upload-file" in assert_problem(response, 415, "not-audio")


async def test_a_chunked_body_without_a_length_is_stored(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for start in range(0, len(recording(3)), 1000):
            yield recording(3)[start : start + 1000]

    response = await client.put(f"/api/clips/{uuid.uuid4()}", params={"name": "a"}, content=chunks(), headers=WEBM)
    assert (response.status_code, response.json()["bytes"]) == (201, len(recording(3)))


# -- the list ------------------------------------------------------------------------------------------------------


async def test_the_list_is_newest_first_in_pages(client: httpx.AsyncClient) -> None:
    made = [(await put_clip(client, f"page {number}", number))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = None
    while len(seen) < 5:
        page = (await client.get("/api/clips", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += [clip["id"] for clip in page["clips"]]
        cursor = page["next"]
        assert cursor, "there are clips of other tests behind these"
        assert page["limits"]["upload_bytes"] == 2 * 1024**3
        assert page["realtime"]["url"] == "/websocket"
    assert seen[:5] == made[::-1]


async def test_the_last_page_has_no_next(client: httpx.AsyncClient) -> None:
    made = [await put_clip(client, f"only here {number}") for number in range(2)]
    page = (await client.get("/api/clips", params={"q": "ONLY here", "limit": 2})).json()
    assert ([clip["id"] for clip in page["clips"]], page["next"]) == ([clip["id"] for clip in made[::-1]], None)
    assert (await client.get("/api/clips", params={"q": "nothing is called this"})).json()["clips"] == []


async def test_the_list_hands_out_a_cursor_once_an_event_was_sent(client: httpx.AsyncClient) -> None:
    await put_clip(client)
    async with asyncio.timeout(10):
        while (await client.get("/api/clips")).json()["realtime"]["cursor"] is None:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"cursor": "x"},
        {"cursor": "ü"},
        {"q": "a" * 8_000},
    ],
    ids=lambda params: str(params)[:20],
)
async def test_a_list_with_wrong_parameters_is_rejected(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert_problem(await client.get("/api/clips", params=params), 400, "bad-request")


@pytest.mark.parametrize("q", ["%", "_", "\\", "'", '"', "\x00", "é", "🎙", "a" * 1000])
async def test_any_words_can_be_searched_for(client: httpx.AsyncClient, q: str) -> None:
    assert (await client.get("/api/clips", params={"q": q})).status_code == 200


# -- what a person does to a clip ----------------------------------------------------------------------------------


async def test_rename_and_edit(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    url = f"/api/clips/{clip['id']}"
    renamed = await client.patch(url, json={"name": "e\u0301tude"})
    assert (renamed.json()["name"], renamed.json()["version"], renamed.headers["ETag"]) == ("étude", 2, '"2"')
    edited = await client.patch(url, json={"text": "Said so.", "name": "étude"})
    assert (edited.json()["text"], edited.json()["version"]) == ("Said so.", 3)
    same = await client.patch(url, json={"text": "Said so.", "name": "étude"})
    assert same.json() == edited.json(), "what changes nothing is no new version"
    assert (await client.get(f"{url}/transcript.txt")).text == "Said so.\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": 1}',
        b'{"name": "a", "colour": "red"}',
        b"\xff",
        b'{"text": "\\ud800"}',
        b"[" * 10_000,
    ],
    ids=lambda body: repr(body)[:20],
)
async def test_a_patch_that_cannot_be_understood_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    clip = await put_clip(client)
    assert_problem(await client.patch(f"/api/clips/{clip['id']}", content=body), 400, "bad-request")


async def test_a_language_is_set_and_taken_back(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    for wish, version in (("de", 2), ("de", 2), (None, 3)):
        answer = await client.patch(url, json={"language": wish})
        assert (answer.json()["language_set"], answer.json()["version"]) == (wish, version)
    renamed = await client.patch(url, json={"name": "without a word of it"})
    assert renamed.json()["language_set"] is None
    for unknown in ("", "german", "DE", "xx"):
        sentence = assert_problem(await client.patch(url, json={"language": unknown}), 400, "bad-request")
        assert f"{unknown!r} is no language" in sentence
        assert "say null to have it found out, or one of af, am, ar, " in sentence


async def test_a_text_has_a_limit_and_a_body_has_one_too(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    assert_problem(await client.patch(url, json={"text": "a" * 2_000_001}), 400, "bad-request")
    assert_problem(await client.patch(url, content=b" " * (16 * 1024**2 + 1)), 413, "too-large")
    assert (await client.patch(url, json={"text": "ü" * 2_000_000})).status_code == 200


async def test_a_clip_is_deleted_and_restored(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client, "thrown away")
    url = f"/api/clips/{clip['id']}"
    for _ in range(2):
        assert (await client.delete(url)).status_code == 204
    binned = (await client.get(url)).json()
    assert (binned["version"], binned["deleted_at"] is None) == (2, False)
    assert (await client.get("/api/clips", params={"q": "thrown away"})).json()["clips"] == []
    (found,) = (await client.get("/api/clips", params={"q": "thrown away", "deleted": "true"})).json()["clips"]
    assert found == binned
    assert (await client.get(f"{url}/audio", headers={"Sec-Fetch-Dest": "empty"})).content == recording()
    assert_problem(await client.post(f"{url}/transcription"), 409, "in-bin")
    for _ in range(2):
        restored = await client.post(f"{url}/restore")
        assert (restored.status_code, restored.json()["deleted_at"], restored.json()["version"]) == (200, None, 3)


async def test_a_transcription_can_be_asked_for_again(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    response = await client.post(f"/api/clips/{clip['id']}/transcription")
    assert (response.status_code, response.json()["status"], response.json()["version"]) == (202, "pending", 2)


async def test_if_match_keeps_two_people_from_overwriting_each_other(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    old = {"If-Match": '"1"'}
    assert (await client.patch(url, json={"name": "mine"}, headers=old)).status_code == 200
    for late in (
        client.patch(url, json={"name": "yours"}, headers=old),
        client.delete(url, headers=old),
        client.post(f"{url}/transcription", headers=old),
        client.delete(url, headers={"If-Match": "nonsense"}),
        client.delete(url, headers={"If-Match": 'W/"2"'}),
    ):
        response = await late
        assert "version 2" in assert_problem(response, 412, "stale")
        assert response.headers["ETag"] == '"2"'
    assert (await client.get(url)).json()["name"] == "mine"
    assert (await client.delete(url, headers={"If-Match": '"1", "2"'})).status_code == 204


async def test_if_none_match_saves_the_body(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    response = await client.get(url, headers={"If-None-Match": 'W/"1"'})
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", '"1"')
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert (await client.get(url, headers={"If-None-Match": '"0"'})).status_code == 200


async def test_what_people_said_is_kept_by_no_cache_in_between(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    url = f"/api/clips/{clip['id']}"
    await client.patch(url, json={"text": "said", "tags": ["a"]})
    paths = [url, "/api/clips", "/api/clips?q=said", "/api/tags", f"{url}/audio", f"{url}/transcript.json"]
    paths += [f"{url}/waveform", "/api/clips/nobody", "/clips/nobody", "/readyz", "/metrics"]
    for path in paths:
        answer = await client.get(path, headers={"Sec-Fetch-Dest": "empty"})
        assert answer.headers["Cache-Control"] in {"private, no-cache", "no-store"}, path


async def test_a_part_of_a_recording_is_no_recording(client: httpx.AsyncClient) -> None:
    """A PUT with Content-Range would replace a whole by its part (RFC 9110, section 14.5)."""
    part = {**WEBM, "Content-Range": "bytes 0-9/100"}
    for url in (f"/api/clips/{uuid.uuid4()}?name=a", f"/clips/{uuid.uuid4()}", f"/audio/{uuid.uuid4()}"):
        answer = await client.put(url, content=recording(), headers=part)
        assert "Content-Range" in assert_problem(answer, 400, "bad-request")
        assert (await client.get(url)).status_code == 404


@pytest.mark.parametrize("form", ["txt", "srt", "vtt", "json"])
async def test_a_transcript_in_each_form(client: httpx.AsyncClient, form: str) -> None:
    url = f"/api/clips/{(await put_clip(client, 'Café: 1/2'))['id']}"
    early = await client.get(f"{url}/transcript.{form}")
    if form == "json":
        assert early.json()["text"] == "", "a client reads from it that there are no words, and asks no further"
    else:
        assert "not transcribed yet" in assert_problem(early, 404, "no-transcript")
    await client.patch(url, json={"text": "<b>Said</b> & done"})
    response = await client.get(f"{url}/transcript.{form}")
    assert response.status_code == 200
    assert "Said" in response.text
    assert response.headers["Content-Type"].partition(";")[0] in {
        "text/plain", "application/x-subrip", "text/vtt", "application/json"
    }  # fmt: skip
    file_name = f"filename*=UTF-8''Caf%C3%A9-%201-2.{form}"
    assert response.headers["Content-Disposition"] == f"inline; {file_name}"
    download = await client.get(f"{url}/transcript.{form}", params={"download": ""})
    assert download.headers["Content-Disposition"] == f"attachment; {file_name}"


async def test_an_unknown_transcript_format_is_rejected(client: httpx.AsyncClient) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    assert "txt, srt, vtt, md, json" in assert_problem(await client.get(f"{url}/transcript.pdf"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore"), ("POST", "/transcription"),
        ("GET", "/audio"), ("HEAD", "/audio"), ("GET", "/transcript.txt"),
    ],
)  # fmt: skip
async def test_a_clip_that_is_not_there(client: httpx.AsyncClient, method: str, path: str) -> None:
    body = {"json": {"name": "a"}} if method == "PATCH" else {}
    response = await client.request(method, f"/api/clips/{uuid.uuid4()}{path}", **body)  # type: ignore[arg-type] # json
    assert response.status_code == 404
    if method != "HEAD":
        assert_problem(response, 404, "not-found")


# -- addresses that do something else ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/clips", {"GET", "HEAD"}),
        ("POST", f"/api/clips/{NOBODY}", {"DELETE", "GET", "HEAD", "PATCH", "PUT"}),
        ("GET", f"/api/clips/{NOBODY}/restore", {"POST"}),
        ("POST", "/clips/a", {"DELETE", "GET", "HEAD", "PUT"}),
        ("PUT", "/healthz", {"GET", "HEAD"}),
        ("TRACE", "/clips/a", {"DELETE", "GET", "HEAD", "PUT"}),
    ],
)
async def test_another_method_is_refused_with_those_there_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: set[str]
) -> None:
    response = await client.request(method, path)
    assert_problem(response, 405, "method-not-allowed")
    assert {method.strip() for method in response.headers["Allow"].split(",")} | {"HEAD"} == allowed | {"HEAD"}


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/clips/", "/clips", "/static/../services/api/app.py"])
async def test_nothing_is_at_other_addresses(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "not-found")


async def test_search_knows_upper_and_lower_case_of_every_alphabet(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client, "Äpfel und Éclairs — ЖУК")
    for words in ("äpfel", "éCLAIRS", "жук"):
        found = (await client.get("/api/clips", params={"q": words})).json()["clips"]
        assert clip["id"] in [other["id"] for other in found], words
